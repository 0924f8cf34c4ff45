"""What a stage is: a name, and five steps the runner calls; it owns no thread and no queue.

A screening stage measures every frame it is shown (`prepare`, `infer`, `finish`: microbatch in,
microbatch out) and later, with the whole series of measurements at hand, decides which stretches
are candidates. What it measures of a frame depends on nothing but that frame and `context` frames
on either side: so a killed scan continues exactly where it stopped, and a changed sensitivity
decides again without decoding anything.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from ..config.gates import frames_gated
from ..config.spec import Spec
from ..config.stages import Role, StageDeclaration
from ..records import Candidate, SourceInfo, SourceKind
from ..sources.region_mask import clipped
from . import cells


@dataclass(frozen=True)
class Window:
    """A microbatch with its surroundings.

    `pieces` hold the luma of before + count + after frames in order, each uint8 of shape (frames,
    height, width); `grid` the means of its cells (see `cells.py`). `indices` and `pts_seconds`
    belong to the `count` frames of the microbatch itself. At the ends of a source there are fewer
    frames around it.
    """

    pieces: tuple[NDArray[np.uint8], ...]
    grid: NDArray[np.float32]
    before: int
    count: int
    indices: NDArray[np.int64]
    pts_seconds: NDArray[np.float64]
    scale: float
    first: int
    """ordinal of the microbatch's first frame among the frames looked at"""
    previous_seconds: float = -1.0
    """time of the frame before the microbatch, -1 at the source's beginning"""

    @cached_property
    def luma(self) -> NDArray[np.uint8]:
        """Return the luma of all frames, uint8 (before + count + after, height, width): a copy."""
        return self._rows(0, sum(map(len, self.pieces)))

    @cached_property
    def own_luma(self) -> NDArray[np.uint8]:
        """Return the luma of the microbatch itself, uint8 (count, height, width).

        Nothing is copied where it lies in one piece, as it does but for the first after a restart.
        """
        return self._rows(self.before, self.before + self.count)

    def _rows(self, first: int, end: int) -> NDArray[np.uint8]:
        found, start = [], 0
        for piece in self.pieces:
            rows = piece[max(first - start, 0) : max(end - start, 0)]
            start += len(piece)
            if len(rows):
                found.append(rows)
        return found[0] if len(found) == 1 else np.concatenate(found)

    def around(self, context: int) -> tuple[NDArray[np.float32], int]:
        """Return the grid of up to `context` frames on either side, and how many come before."""
        before = min(context, self.before)
        end = self.before + self.count + context
        return self.grid[self.before - before : end], before


@dataclass(frozen=True, slots=True)
class Series:
    """All measurements of one stage over one source: `values` is float32 (frames, columns)."""

    columns: tuple[str, ...]
    indices: NDArray[np.int64]
    pts_seconds: NDArray[np.float64]
    values: NDArray[np.float32]

    def column(self, name: str) -> NDArray[np.float32]:
        """Return one column, float32 of shape (frames,)."""
        column: NDArray[np.float32] = self.values[:, self.columns.index(name)]
        return column

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True, slots=True)
class FrameScores:
    """The score of each frame, float32 (frames,), and what a candidate's peak must exceed."""

    scores: NDArray[np.float32]
    threshold: float


@dataclass(frozen=True, slots=True)
class RatioBounds:
    """A measured ratio of 0 to 1: below `floor` it rules a find out, from `enough` on it agrees.

    `reason` is what is said of a candidate that it ruled out.
    """

    name: str
    floor: float
    enough: float
    reason: str


@dataclass(frozen=True, slots=True)
class ScreeningResult:
    """What the screens propose of a source, and how many frames they looked at."""

    candidates: list[Candidate]
    frames: int


@dataclass(frozen=True, slots=True)
class FrameFault:
    """What is wrong with a row of a series: one of the stage's `faults`, and in words."""

    row: int
    fault: str
    words: str


@dataclass(frozen=True, slots=True)
class SeenFrames:
    """The frames that models are shown, as far as they are known: of a video, or of all pictures.

    `name` gives the frame of a row a name; `kept` is whatever a stage keeps of them, by its name.
    """

    name: Callable[[Series, int], str]
    kept: dict[str, Any] = field(default_factory=dict)


class Stage(Protocol):
    """One thing done to frames. A new one is created for each source."""

    name: ClassVar[str]
    version: ClassVar[int]
    """raise it whenever the same frames would measure differently than before"""
    kinds: ClassVar[frozenset[SourceKind]]
    columns: ClassVar[tuple[str, ...]]
    internal: ClassVar[frozenset[str]]
    """columns that serve deciding only; no person is shown them"""
    former_columns: ClassVar[tuple[tuple[str, ...], ...]]
    """those of earlier versions, whose tracks libraries still hold"""
    faults: ClassVar[tuple[str, ...]]
    """what it finds wrong with frames, see `find_faults`"""
    compares: ClassVar[bool]
    """whether its faults depend on the frames before; it is asked after those that do not"""
    context: int
    """frames needed on either side of a measured one; known after `open`"""

    def open(self, source: SourceInfo, spec: Spec) -> None:
        """Get ready for one source."""

    def prepare(self, window: Window) -> Any:
        """Turn a microbatch into what `infer` takes; runs beside the `infer` of another."""

    def infer(self, prepared: Any) -> Any:
        """Do the work."""

    def finish(self, output: Any) -> NDArray[np.float32]:
        """Return the measurements of the microbatch, float32 (frames, columns)."""

    def decide(self, track: Series) -> list[Candidate]:
        """Return the candidates in a whole track, accepted or not."""

    def find_faults(
        self, track: Series, passed: NDArray[np.bool_], seen: SeenFrames
    ) -> Iterator[FrameFault]:
        """Yield what may keep frames from models; `passed` are rows with no fault of others yet."""

    def close(self) -> None:
        """Release everything."""


class ScreeningStage(StageDeclaration, ABC):
    """What screening stages share: measuring is all `infer`; nothing to hold or to close."""

    role: ClassVar[Role] = "screening"
    kinds: ClassVar[frozenset[SourceKind]]
    columns: ClassVar[tuple[str, ...]]

    internal: ClassVar[frozenset[str]] = frozenset()
    former_columns: ClassVar[tuple[tuple[str, ...], ...]] = ()
    compares: ClassVar[bool] = False
    gated: float = 0.0
    """frames a second it must measure for the sake of models, see `frames_gated`"""
    context: int = 0

    @classmethod
    def answer_schema(cls) -> dict[str, Any]:
        """Return the JSON schema of one frame's measurements; NaN, not measured, is left out."""
        shown = [column for column in cls.columns if column not in cls.internal]
        number = {"type": "number"}
        return {"type": "object", "properties": dict.fromkeys(shown, number)}

    @classmethod
    def line(cls, body: Mapping[str, Any]) -> str:
        """Return the measurements of one frame in one line."""
        shown = (f"{name} {value:.6g}" for name, value in body.items() if name not in cls.internal)
        return f"{cls.name}: {'  '.join(shown)}"

    @classmethod
    def sensitivity_at(cls, score: float) -> float | None:
        """Return the setting that accepts from a score on; None where no setting does."""
        return None

    @classmethod
    def ratio_bounds(cls) -> tuple[tuple[RatioBounds, ...], ...]:
        """Return the ratios that decide, those measured together in one tuple; empty for none."""
        return ()

    def open(self, source: SourceInfo, spec: Spec) -> None:
        """Remember the source and the spec."""
        self.source = source
        self.spec = spec
        self.gated = frames_gated(spec, self.name)

    def prepare(self, window: Window) -> Window:
        """Pass the microbatch on."""
        return window

    @abstractmethod
    def infer(self, window: Window) -> NDArray[np.float32]:
        """Measure the microbatch."""

    def masked_grid(self, window: Window) -> tuple[NDArray[np.float32], slice]:
        """Return the grid of what surrounds a microbatch, and which of its frames are its own.

        The cells are 0 wherever the regions say not to look.
        """
        grid, before = window.around(self.context)
        size = self.source.width, self.source.height
        masked_grid = cells.mask(self.spec.regions, grid.shape[1:], *size)
        own = slice(before, before + window.count)
        return (grid if masked_grid is None else grid * masked_grid), own

    def finish(self, output: NDArray[np.float32]) -> NDArray[np.float32]:
        """Pass the measurements on."""
        return output

    def decide(self, track: Series) -> list[Candidate]:
        """Propose nothing."""
        return []

    def rows_around(self) -> tuple[int, int]:
        """Return how many rows on either side `frame_scores` needs, and a step.

        The first row of a part must be a multiple of the step; known after `open`.
        """
        return 0, 1

    def frame_scores(self, track: Series) -> FrameScores | None:
        """Return the score of each frame of a part of a series; None where frames have none."""
        return None

    def find_faults(
        self, track: Series, passed: NDArray[np.bool_], seen: SeenFrames
    ) -> Iterator[FrameFault]:
        """Find nothing wrong."""
        yield from ()

    def close(self) -> None:
        """Hold nothing, close nothing."""


def candidates_of(stage: Stage, series: Series) -> list[Candidate]:
    """Return what a stage proposes; one that searches regions only proposes nothing beyond them."""
    found = stage.decide(series)
    if not isinstance(stage, ScreeningStage) or not stage.in_regions:
        return found
    size = stage.source.width, stage.source.height
    return [
        each
        if each.region is None
        else replace(each, region=clipped(each.region, stage.spec.regions, size))
        for each in found
    ]
