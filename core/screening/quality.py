"""Quality of single pictures: sharpness, exposure and entropy.

Sharpness is the variance of the 4-neighbour Laplacian (J. L. Pech-Pacheco et al., "Diatom
autofocusing in brightfield microscopy", ICPR 2000), on the reduced luma, so values compare between
pictures of one kind rather than across kinds. Entropy is Shannon's over the 256 luma levels, in
bits. Of a video, one frame a second is measured; where its faults keep frames from models, each
frame that models would be shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..config.section import Section
from ..records import Candidate, SourceKind
from .stage import FrameFault, ScreeningStage, SeenFrames, Series, Window
from .strides import rows_measured


class Quality(Section):
    """Blur, exposure and entropy of each frame."""

    blurred_below: float = Field(
        20.0,
        ge=0,
        description="sharpness (variance of the Laplacian) below which a frame is blurred",
    )
    dark_below: float = Field(
        20.0, ge=0, le=255, description="mean luma below which a frame is dark"
    )
    bright_above: float = Field(
        235.0, ge=0, le=255, description="mean luma above which a frame is bright"
    )
    flat_below: float = Field(
        3.0, ge=0, le=8, description="entropy in bits below which a frame is flat"
    )


class QualityStage(ScreeningStage):
    """Measures quality, and notes (never as an event) what is blurred, dark, bright or flat."""

    name: ClassVar[str] = "quality"
    version: ClassVar[int] = 3
    Settings: ClassVar[type[Section]] = Quality
    kinds: ClassVar[frozenset[SourceKind]] = frozenset({"video", "picture"})
    columns: ClassVar[tuple[str, ...]] = ("sharpness", "exposure", "entropy", "clipped")
    faults: ClassVar[tuple[str, ...]] = ("blurred", "dark", "bright", "flat")
    context = 1

    def infer(self, window: Window) -> NDArray[np.float32]:
        """Measure the first frame of each second, or each that is gated; other frames are NaN."""
        out = np.full((window.count, len(self.columns)), np.nan, np.float32)
        for row in rows_measured(window, self.gated):
            out[row] = measure(window.own_luma[row])
        return out

    def decide(self, track: Series) -> list[Candidate]:
        """Note the frames that miss a mark, as rejected candidates with the reason."""
        found = []
        for row in np.flatnonzero(~np.isnan(track.column("sharpness"))):
            faults = self._faults(track.values[row])
            if faults:
                found.append(_note(track, int(row), faults))
        return found

    def find_faults(
        self, track: Series, passed: NDArray[np.bool_], seen: SeenFrames
    ) -> Iterator[FrameFault]:
        """Yield what is wrong with each measured frame."""
        for row in np.flatnonzero(~np.isnan(track.column("sharpness"))):
            for fault in self._faults(track.values[row]):
                yield FrameFault(int(row), fault, fault)

    def _faults(self, values: NDArray[np.float32]) -> list[str]:
        sharpness, exposure, entropy, _ = (float(value) for value in values)
        marks = self.spec.settings(Quality)
        checks = (
            ("blurred", sharpness < marks.blurred_below),
            ("dark", exposure < marks.dark_below),
            ("bright", exposure > marks.bright_above),
            ("flat", entropy < marks.flat_below),
        )
        return [name for name, wrong in checks if wrong]


def measure(luma: NDArray[np.uint8]) -> list[float]:
    """Return sharpness, mean luma, entropy in bits and the share of clipped pixels."""
    counts = np.bincount(luma.ravel(), minlength=256)
    shares = counts[counts > 0] / luma.size
    entropy = float(-(shares * np.log2(shares)).sum())
    clipped = float(counts[255] / luma.size)
    return [_sharpness(luma), float(luma.mean()), entropy, clipped]


def _sharpness(luma: NDArray[np.uint8]) -> float:
    if min(luma.shape) < 3:
        return 0.0
    pixels = luma.astype(np.int16)
    around = pixels[:-2, 1:-1] + pixels[2:, 1:-1] + pixels[1:-1, :-2] + pixels[1:-1, 2:]
    return float((around - 4 * pixels[1:-1, 1:-1]).var())


def _note(track: Series, row: int, faults: list[str]) -> Candidate:
    frame, seconds = int(track.indices[row]), float(track.pts_seconds[row])
    return Candidate(
        stage="quality",
        kind="quality",
        start_frame=frame,
        peak_frame=frame,
        end_frame=frame,
        start_seconds=seconds,
        peak_seconds=seconds,
        end_seconds=seconds,
        score=round(float(track.values[row, 0]), 3),
        threshold=0.0,
        accepted=False,
        reason=", ".join(faults),
    )
