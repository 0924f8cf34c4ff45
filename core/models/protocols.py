"""What a model is: four small protocols, one per kind of model.

Every call of a stage comes in three parts, so that the runner can overlap them: `prepare` (CPU:
resize, normalise, tokenise), then the model's own verb in the one thread that holds the device,
then `finish` (raw output to records). What `prepare` returns is the family's own affair and goes
back into the same object. A model is loaded by its constructor-like `load`, from a folder on this
disk and never from a network; it belongs to `residency.py`, which closes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ..records import Box

Kind = Literal["embedder", "detector", "segmenter", "vlm"]
Pixels = NDArray[np.uint8]
"""RGB, uint8, shape (height, width, 3)."""

Finish = Literal["stop", "length", "cancelled", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class Loading:
    """Where a model lies and how it is wanted.

    `folder` is a local snapshot (None for an endpoint). `revision` is a full commit, or
    `local-…` for a folder of the user's own. `remote_code` is only ever true after the user's
    consent to this very commit. `options` are the family's own settings. `weights` is the one file
    of weights to load, where the usual choice is not wanted. With `dequantised`, weights that the
    checkpoint stores quantised are decoded by `dequantised.py` instead of by the loader, as
    something to compare with.
    """

    name: str
    family: str
    folder: Path | None
    revision: str
    device: str = "cpu"
    dtype: str = "auto"
    attn: str = "auto"
    quantize: str = "none"
    remote_code: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    weights: str = ""
    dequantised: bool = False

    @property
    def local(self) -> bool:
        """Return whether its folder is the user's own, so that nothing in it can be pulled."""
        return self.revision.startswith("local-")


@dataclass(frozen=True, slots=True)
class Identity:
    """What of a loaded model is part of a result's key: as it is, not as it was asked for."""

    model: str
    revision: str
    family: str
    dtype: str
    attn: str
    quantize: str
    preprocessing: str
    """a digest of whatever turns a picture into the model's input"""


class Model(Protocol):
    """Anything loaded. Methods are called by one thread at a time, `prepare` by another."""

    kind: ClassVar[Kind]

    @property
    def identity(self) -> Identity:
        """Return what of it is part of a result's key."""

    @property
    def device(self) -> str:
        """Return where it computes: `cpu`, `cuda:0`, or `endpoint`."""

    @property
    def memory_bytes(self) -> int:
        """Return what its weights and buffers take on its device."""

    def close(self) -> None:
        """Release all memory; the object cannot be used afterwards."""


class Embedder(Model, Protocol):
    """Pictures and texts into one space."""

    @property
    def dimension(self) -> int:
        """Return the length of a vector."""

    @property
    def side(self) -> int:
        """Return the shortest side in pixels above which a picture shows it nothing more."""

    def prepare(self, pictures: Sequence[Pixels]) -> Any:
        """Resize and normalise."""

    def embed(self, prepared: Any) -> NDArray[np.float32]:
        """Return float32 (pictures, dimension), each row of unit length."""

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 (texts, dimension), each row of unit length."""

    def similarity_to_probability(self, similarity: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn cosines (pictures, texts) into the model's own probabilities.

        A sigmoid with the trained scale and bias for SigLIP-like models (each text on its own),
        a softmax over the texts with the trained scale for CLIP-like ones.
        """


class Detector(Model, Protocol):
    """Object detection: labelled boxes."""

    open_vocabulary: ClassVar[bool]

    @property
    def labels(self) -> tuple[str, ...]:
        """Return all labels a closed detector knows; empty for an open one."""

    @property
    def side(self) -> int:
        """Return the longest side in pixels above which a picture shows it nothing more."""

    def prepare(self, pictures: Sequence[Pixels], labels: Sequence[Sequence[str]]) -> Any:
        """Resize, normalise and tokenise; one list of labels per picture (ignored if closed)."""

    def detect(self, prepared: Any) -> Any:
        """Run the model."""

    def finish(self, raw: Any, threshold: float) -> list[list[Box]]:
        """Return for each picture its boxes in that picture's pixels, best first."""


class Segmenter(Model, Protocol):
    """Boxes into masks."""

    @property
    def side(self) -> int:
        """Return the longest side in pixels above which a picture shows it nothing more."""

    def prepare(self, pictures: Sequence[Pixels], boxes: Sequence[Sequence[Box]]) -> Any:
        """Resize and normalise; any number of boxes per picture, none included."""

    def segment(self, prepared: Any) -> Any:
        """Run the model."""

    def finish(self, raw: Any) -> list[list[NDArray[np.bool_]]]:
        """Return for each picture one mask per box, bool (height, width) of that picture."""


@dataclass(frozen=True, slots=True)
class VlmRequest:
    """One question to a VLM about some pictures, in order.

    `seconds` are the times of `pictures` where they are frames of a video, else empty. `schema` is
    a JSON schema the answer should follow; a backend that can enforce it does.
    """

    pictures: tuple[Pixels, ...]
    prompt: str
    system: str = ""
    seconds: tuple[float, ...] = ()
    max_tokens: int = 256
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """What a VLM said, with what was measured. `error` is set when and only when it `failed`.

    Token counts and times are None where the backend does not report them. `seconds` is this
    answer's share of its batch; `peak_bytes` is the most its device's memory held while the batch
    ran.
    """

    text: str
    finish: Finish
    seconds: float
    tokens_in: int | None = None
    tokens_out: int | None = None
    first_token_seconds: float | None = None
    batch: int = 1
    error: str = ""
    peak_bytes: int | None = None
    removed: tuple[str, ...] = ()
    """marks of reasoning, or around the answer, that were removed from the text"""
    thought_letters: int = 0
    """characters of reasoning that are not part of the text"""
    reduced: str = ""
    """size in pixels that pictures were reduced to, because the server accepts no larger ones"""


class VisionLanguageModel(Model, Protocol):
    """Pictures and a question in, text out."""

    @property
    def most_pictures(self) -> int | None:
        """Return how many pictures one question may show; None for as many as fit."""

    def prepare(self, asks: Sequence[VlmRequest]) -> Any:
        """Resize, normalise, fill the chat template, tokenise; special tokens are neutralised.

        Raises ImageRejected (naming which ask) if a picture cannot be processed.
        """

    def answer(self, prepared: Any, cancelled: Callable[[], bool]) -> Any:
        """Generate for the whole batch; stops within a token once `cancelled()`."""

    def finish(self, raw: Any) -> list[Completion]:
        """Return one answer per ask, in order."""
