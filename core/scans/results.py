"""From whole series and answers to a result: candidates, events, and whether all was read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..config.spec import Spec
from ..config.stages import declaration
from ..inference.answers import ModelAnswers
from ..records import Candidate, SourceInfo
from ..screening.stage import ScreeningResult, Series, candidates_of
from ..sources.region_mask import searches_nothing
from ..stores.results import Result
from ..stores.series import SeriesHeader, SeriesStore
from ..text import counted
from .events import moments
from .measure import StageSeries
from .provenance import provenance

MOST_DAMAGED = 0.05
"""share of packets that could not be decoded, up to which a source still counts as whole"""


def decide(store: SeriesStore, tracks: Sequence[StageSeries]) -> ScreeningResult:
    """Let every screening stage decide over its whole series."""
    candidates: list[Candidate] = []
    frames = 0
    for open_track in tracks:
        measured = store.whole(open_track.key, len(open_track.stage.columns))
        track = Series(
            open_track.stage.columns, measured.indices, measured.pts_seconds, measured.values
        )
        candidates += candidates_of(open_track.stage, track)
        frames = len(track)
    return ScreeningResult(candidates, frames)


class Judge:
    """Makes the results of one spec (not kept yet).

    What is the same for many sources is found out once; their results share the same provenance.
    """

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._hash = spec.hash()
        self._settings = spec.what_matters()
        self._measured: dict[tuple[tuple[tuple[str, int], ...], int], dict[str, Any]] = {}

    def result(
        self,
        info: SourceInfo,
        tracks: Sequence[SeriesHeader],
        decided: ScreeningResult,
        ended: dict[str, Any],
        answers: ModelAnswers | None = None,
    ) -> Result:
        """Return the result of a source; `tracks` are the series it is made of."""
        said = answers or ModelAnswers()
        ended = ended or said.ended
        return Result(
            content=info.content,
            spec_hash=self._hash,
            frames=decided.frames or said.frames or 1,
            failure=failure(info, self._spec, ended) or said.failure(),
            warnings=(*warnings(info, ended), *region_warnings(info, self._spec)),
            provenance=self._provenance(info, tracks, ended, said),
            tracks={track.stage: track.key for track in tracks},
            candidates=tuple(decided.candidates),
            moments=moments(decided.candidates, self._spec.events, info.duration_seconds),
            annotations=tuple(note.id for note in said.annotations),
        )

    def _provenance(
        self,
        info: SourceInfo,
        tracks: Sequence[SeriesHeader],
        ended: dict[str, Any],
        said: ModelAnswers,
    ) -> dict[str, Any]:
        versions = {track.stage: track.version for track in tracks}
        if ended or said.asked:
            return self._written(info.timing, versions, ended, said)
        key = tuple(versions.items()), info.timing
        if key not in self._measured:
            self._measured[key] = self._written(info.timing, versions, ended, said)
        return self._measured[key]

    def _written(
        self, timing: int, versions: dict[str, int], ended: dict[str, Any], said: ModelAnswers
    ) -> dict[str, Any]:
        asked = {
            name: {**each.identity, "asked": each.key, **each.made_with}
            for name, each in said.asked.items()
        }
        written = provenance(self._settings, versions, ended, asked)
        return written | ({"timing": timing} if timing else {})


def failure(info: SourceInfo, spec: Spec, ended: dict[str, Any]) -> str:
    """Return why a source counts as failed although frames were read, or an empty string.

    The rate and the number of frames that a container names say nothing here: both are nominal.
    """
    if info.kind == "picture":
        return ""
    read, bad = int(ended.get("frames", 0)), int(ended.get("bad_packets", 0))
    why = str(ended.get("cut_off", "")) or ("it ends early" if ended.get("ended_early") else "")
    if not why and bad > MOST_DAMAGED * (read + bad):
        why = f"{counted(bad, 'packet')} could not be decoded"
    if not why:
        return ""
    promised = info.frame_count or 0
    whole = read < promised and reads_all(spec)
    of = f"{read} of {counted(promised, 'frame')}" if whole else counted(read, "frame")
    return f"cut off or damaged: {of} could be read ({why}); results up to there are kept"


def reads_all(spec: Spec) -> bool:
    """Return whether screening reads every frame of a video."""
    return (
        spec.sampling.mode == "every"
        and spec.sampling.max_frames is None
        and bool(spec.screening_stages)
    )


def measured(info: SourceInfo, spec: Spec, ended: dict[str, Any]) -> SourceInfo:
    """Return what is known of a video once it was read to its end: how long it is, in frames too.

    Frames are counted only where all of them were looked at.
    """
    end = ended.get("end_seconds")
    if info.kind == "picture" or end is None or failure(info, spec, ended):
        return info
    count = int(ended["frames"]) if reads_all(spec) else info.frame_count
    return replace(info, frame_count=count, duration_seconds=float(end))


def region_warnings(info: SourceInfo, spec: Spec) -> Iterator[str]:
    """Yield a warning if nothing of a source lies inside the regions to search."""
    asked = spec.model_stages if info.kind == "picture" else spec.stages
    limited = any(name in spec.model_stages or declaration(name).in_regions for name in asked)
    if limited and searches_nothing(spec.regions, (info.width, info.height)):
        yield (
            f"the regions contain nothing of its frame ({info.width} x {info.height} px), so "
            "nothing was searched; see [regions] in the profile"
        )


def warnings(info: SourceInfo, ended: dict[str, Any]) -> tuple[str, ...]:
    """Return what was odd about a source without making it fail."""
    found = [*info.warnings, *ended.get("warnings", ())]
    bad = int(ended.get("bad_packets", 0))
    if bad:
        found.append(f"{counted(bad, 'damaged packet')} skipped")
    return tuple(found)
