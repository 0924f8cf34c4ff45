"""Which frames are excluded from which models, according to the faults that screening found."""

from __future__ import annotations

import os
import threading
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..config.gates import gates_of, is_gate
from ..config.spec import Spec
from ..config.stages import declaration
from ..records import SourceInfo
from ..screening.stage import SeenFrames, Series, Stage
from ..stores.series import SeriesStore
from ..text import clean_path
from .measure import StageSeries

Reasons = dict[str, str]
"""why a frame is excluded from models, by the stage with the model"""
Gated = Callable[[int], Reasons]
"""gives the reasons for the frame of a number"""


@dataclass
class FrameGate:
    """The gates of one scan. Pictures are compared with those of the same scan before them."""

    spec: Spec
    _entries: dict[str, tuple[str, ...]] = field(init=False)
    _pictures: dict[str, Reasons] = field(default_factory=dict)
    _seen: SeenFrames = field(init=False)
    _names: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        gates = {stage: gates_of(self.spec, stage) for stage in self.spec.frame_stages}
        self._entries = {stage: entries for stage, entries in gates.items() if entries}
        self._seen = SeenFrames(lambda _series, _row: self._names["now"])

    @property
    def is_open(self) -> bool:
        """Return whether every frame is shown to every model."""
        return not self._entries

    @property
    def compares_pictures(self) -> bool:
        """Return whether what a picture is shown to depends on the pictures before it."""
        stages = (declaration(name) for name in self.spec.screening_stages)
        comparing = [stage.name for stage in stages if getattr(stage, "compares", False)]
        return not self.is_open and any(is_gate(self.spec, name) for name in comparing)

    def of_video(self, store: SeriesStore, tracks: Sequence[StageSeries]) -> Gated:
        """Return the reasons for each frame of a video whose series are complete."""
        if self.is_open:
            return lambda _frame: {}
        judged = self._judged(_series_of(store, tracks), SeenFrames(_frame_name))
        return lambda frame: self._reasons([each.at(frame) for each in judged])

    def of_picture(self, info: SourceInfo, measured: Sequence[tuple[Stage, Series]]) -> Reasons:
        """Return the reasons for a picture that is measured; the same for the same content."""
        if self.is_open:
            return {}
        with self._lock:
            if info.content not in self._pictures:
                self._names["now"] = clean_path(os.path.basename(info.path))
                judged = self._judged(measured, self._seen)
                self._pictures[info.content] = self._reasons([each.at(0) for each in judged])
            return self._pictures[info.content]

    def _judged(self, measured: Sequence[tuple[Stage, Series]], seen: SeenFrames) -> list[_Judged]:
        """Let the stages that are gates judge all frames, those that compare them last."""
        gates = [each for each in measured if is_gate(self.spec, each[0].name)]
        found: list[_Judged] = []
        passed: Any = None
        for stage, series in sorted(gates, key=lambda each: each[0].compares):
            passed = np.ones(len(series), bool) if passed is None else passed
            judged = _Judged(stage.name, _measured_frames(series))
            for fault in stage.find_faults(series, passed.copy(), seen):
                name = f"{stage.name}.{fault.fault}"
                if any(name in entries for entries in self._entries.values()):
                    frame = int(series.indices[fault.row])
                    judged.faults.setdefault(frame, []).append((name, fault.words))
                    passed[fault.row] = False
            found.append(judged)
        return found

    def _reasons(self, found: list[tuple[str, list[tuple[str, str]]]]) -> Reasons:
        reasons = {}
        for stage, entries in self._entries.items():
            words = [
                f"{screening}: {', '.join(named)}"
                for screening, faults in found
                if (named := [words for name, words in faults if name in entries])
            ]
            if words:
                reasons[stage] = "; ".join(words)
        return reasons


@dataclass(frozen=True, slots=True)
class _Judged:
    """What one stage found wrong, by frame; `frames` are those it measured, ascending."""

    stage: str
    frames: list[int]
    faults: dict[int, list[tuple[str, str]]] = field(default_factory=dict)

    def at(self, frame: int) -> tuple[str, list[tuple[str, str]]]:
        """Return the faults of a frame: those of the last one measured up to it."""
        place = max(0, bisect_right(self.frames, frame) - 1)
        known = self.frames[place] if self.frames else frame
        return self.stage, self.faults.get(known, [])


def _series_of(store: SeriesStore, tracks: Sequence[StageSeries]) -> list[tuple[Stage, Series]]:
    found = []
    for track in tracks:
        columns = track.stage.columns
        part = store.whole(track.key, len(columns))
        series = Series(columns, part.indices, part.pts_seconds, part.values)
        found.append((track.stage, series))
    return found


def _measured_frames(series: Series) -> list[int]:
    measured = ~np.isnan(series.values).all(axis=1)
    found: list[int] = series.indices[measured].tolist()
    return found


def _frame_name(series: Series, row: int) -> str:
    return f"frame {series.indices[row]} at {series.pts_seconds[row]:.3f} s"
