"""Answers of models about frames, and the frames they were shown, as stages keep them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..config.spec import tagged_hash

QuestionKey = tuple[str, int, str]
"""content, frame, and part of the frame (an object, a candidate, a filled-in prompt; empty for the
frame itself)"""
SampledFrames = tuple[NDArray[np.int64], NDArray[np.float64], dict[str, Any]]
"""numbers and seconds of the frames that a sampling took, both (frames,), and how reading ended"""


@dataclass(frozen=True, slots=True)
class AnswerKey:
    """How a stage asks: the stage and everything its answers depend on besides the question.

    `identity` is what the key is made of (version, model, revision, prompt, parameters);
    `made_with` is kept beside it and is no part of the key. `id` is the store's number for it.
    """

    stage: str
    identity: Mapping[str, Any]
    made_with: Mapping[str, Any] = field(default_factory=dict)
    id: int = 0
    equals: tuple[Mapping[str, Any], ...] = ()
    """identities whose answers count as known too: the same model in another precision, where
    the precision was left to the device"""

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the hashes of all ways of asking whose answers count as known, its own first."""
        return tuple(tagged_hash("asked", [self.stage, dict(each)])
                     for each in (self.identity, *self.equals))  # fmt: skip

    @property
    def key(self) -> str:
        """Return the hash that identifies this way of asking."""
        return tagged_hash("asked", [self.stage, dict(self.identity)])

    def for_pixels(self, conversion: str) -> AnswerKey:
        """Return the key for converted pixels (see `SourceInfo.pixels`), without a number.

        An answer about other pixels of the same file does not hold for them.
        """
        own, *equals = ({**each, "pixels": conversion} for each in (self.identity, *self.equals))
        return replace(self, identity=own, equals=tuple(equals), id=0)


@dataclass(frozen=True, slots=True)
class Annotation:
    """One answer about one part of one frame; `vector` is float32 (dimension,) or None.

    `body["error"]` is there when and only when there is no answer; `body["gated"]`, why, where the
    frame was excluded from the model and nothing was asked.
    """

    stage: str
    frame: int
    seconds: float
    part: str
    body: dict[str, Any]
    vector: NDArray[np.float32] | None = None
    id: int = 0

    @property
    def failed(self) -> str:
        """Return why there is no answer, or an empty string."""
        return str(self.body.get("error", ""))

    @property
    def gated(self) -> str:
        """Return why the frame was excluded from the model, or an empty string."""
        return str(self.body.get("gated", ""))


class AnswerStore(Protocol):
    """Where answers are kept, so that no question is asked twice. Each call is atomic."""

    def register(self, key: AnswerKey) -> AnswerKey:
        """Return the same with the store's number for it."""

    def known(
        self, key: AnswerKey, wanted: Sequence[QuestionKey], *, failed: bool = False
    ) -> dict[QuestionKey, Annotation]:
        """Return what is kept of the wanted questions; failures only with `failed`.

        An answer to the key itself goes before one to a key that equals it.
        """

    def keep(self, key: AnswerKey, answers: Iterable[tuple[str, Annotation]]) -> list[Annotation]:
        """Keep (content, annotation) pairs and return them with their numbers.

        An answer replaces an earlier one; a failure replaces failures only.
        """

    def sampled(self, key: str) -> SampledFrames:
        """Return the frames that a sampling took; without frames if it was never kept."""

    def keep_sampled(
        self, key: str, content: str, frames: Sequence[tuple[int, float]], ended: dict[str, Any]
    ) -> None:
        """Keep (number, seconds) of all frames that a sampling took of a content."""

    def forget(self, content: str) -> None:
        """Remove all answers about a content and the frames sampled of it."""


class FrameStore(Protocol):
    """Where the JPEGs that VLMs were shown may be kept."""

    def get(self, content: str, frame: int, side: int) -> bytes | None:
        """Return a frame's JPEG, if it was kept; `side` is the longest side it was shown at."""

    def put(self, content: str, frame: int, side: int, jpeg: bytes, most_bytes: int) -> None:
        """Keep a frame's JPEG, within `most_bytes` for all of them."""

    def tidy(self, most_bytes: int) -> None:
        """Remove the frames used longest ago until the rest fit into `most_bytes`."""


class TextVectorStore(Protocol):
    """Where the vectors of texts may be kept; `key` is of the model and the template."""

    def get(self, key: str, dimension: int) -> dict[str, NDArray[np.float32]]:
        """Return float32 (dimension,) by word, of what was kept."""

    def put(self, key: str, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Keep all vectors of a key."""


class InferenceStores(Protocol):
    """What the model stages of a scan keep."""

    @property
    def annotations(self) -> AnswerStore:
        """Return where answers are kept."""

    @property
    def frames(self) -> FrameStore:
        """Return where the frames that VLMs were shown are kept."""

    @property
    def texts(self) -> TextVectorStore:
        """Return where the vectors of texts are kept."""
