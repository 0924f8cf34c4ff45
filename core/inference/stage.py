"""Stages with a model: frames become questions to it, and its answers are kept.

A stage turns a microbatch of frames, with the answers of earlier stages, into questions; asks
only those that were never asked before; and gives one answer per question. However ragged the
questions of a microbatch are (a frame has no object or twenty), a question knows its frame and its
part of it, so every answer finds its way back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from ..config.spec import Spec
from ..models.protocols import Pixels
from ..stores.answers import Annotation, AnswerKey
from .leases import ModelLeases
from .vlm_image import as_jpeg, from_jpeg


class KeptJpeg(Protocol):
    """Where the JPEG of one frame may be kept."""

    def get(self) -> bytes | None:
        """Return it, if it was kept."""

    def put(self, jpeg: bytes) -> None:
        """Keep it."""


class LazyFrame:
    """One frame as models see it: decoded when its pixels are first needed.

    One pixel covers a square of `scale` source pixels.
    """

    def __init__(
        self,
        content: str,
        frame: int,
        seconds: float,
        scale: float,
        decode: Callable[[], Pixels],
        kept: KeptJpeg | None = None,
        conversion: str = "",
        gated: Mapping[str, str] | None = None,
        place: int | None = None,
    ) -> None:
        """`conversion` is what was done to the source's pixels, as in `SourceInfo.pixels`.

        `gated` gives by stage why the frame is excluded from its model; `place` is the position
        of the frame among those shown of a video, from 0, and None for a picture.
        """
        self.content = content
        self.frame = frame
        self.seconds = seconds
        self.scale = scale
        self.conversion = conversion
        self.gated = gated or {}
        self.place = place
        self._decode = decode
        self._kept = kept
        self._pixels: Pixels | None = None

    @property
    def pixels(self) -> Pixels:
        """Return RGB, uint8 (height, width, 3). Raises SourceError."""
        if self._pixels is None:
            self._pixels = self._decode()
        return self._pixels

    def for_vlm(self) -> Pixels:
        """Return what a VLM sees: the frame after JPEG, whether that was kept or is made now."""
        jpeg = self._kept.get() if self._kept else None
        if jpeg is None:
            jpeg = as_jpeg(self.pixels)
            if self._kept:
                self._kept.put(jpeg)
        return from_jpeg(jpeg)

    def drop(self) -> None:
        """Release the pixels."""
        self._pixels = None


PriorAnswers = dict[str, list[Annotation]]
"""the answers of earlier stages about one frame, by stage"""


@dataclass(frozen=True, slots=True)
class Question:
    """One thing asked about one frame of a microbatch: its row, which part, and what about it."""

    row: int
    part: str = ""
    about: Any = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question; `vector` is float32 (dimension,) of unit length, or None."""

    body: dict[str, Any]
    vector: NDArray[np.float32] | None = None


class ModelStage(Protocol):
    """A stage with a model. Opened once per scan; `prepare` runs beside the `infer` of another."""

    name: ClassVar[str]
    version: ClassVar[int]
    """raise it whenever the same question would get another answer than before"""
    asked: AnswerKey
    """how it asks; known after `open`"""
    batch_size: int
    """questions at once; known after `open`"""

    def open(self, leases: ModelLeases, spec: Spec) -> None:
        """Get ready for one scan: settle on the model and on how it is asked."""

    def questions(
        self, shown: Sequence[LazyFrame], prior: Sequence[PriorAnswers]
    ) -> list[Question]:
        """Return what to ask about a microbatch."""

    def prepare(self, model: Any, shown: Sequence[LazyFrame], questions: Sequence[Question]) -> Any:
        """Make the model's input. Raises ImageRejected with the question's index."""

    def infer(self, model: Any, prepared: Any) -> Any:
        """Run the model, holding its device."""

    def finish(
        self, model: Any, raw: Any, asked: Sequence[tuple[LazyFrame, Question]]
    ) -> list[Answer]:
        """Return one answer per question, in order."""


@dataclass
class Microbatch:
    """Frames on their way through the model stages, with the answers about each."""

    shown: list[LazyFrame]
    prior: list[PriorAnswers] = field(default_factory=list)
    carried: Any = None
    """returned to its creator with the answer"""

    def __post_init__(self) -> None:
        self.prior = self.prior or [{} for _ in self.shown]
