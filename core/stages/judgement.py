"""From whole tracks to a result: candidates, moments, and whether all of the source was read."""

from __future__ import annotations

from typing import Any

from ..records import Candidate, SourceInfo
from ..spec import Spec
from ..storage.provenance import provenance
from ..storage.results import Result, Results
from .measure import StageTrack
from .moments import moments
from .stage import Track

WHOLE_SHARE = 0.95
"""a container's frame count is a promise, not a measurement: fewer than this share is a cut-off"""


def judge(
    results: Results, info: SourceInfo, spec: Spec, tracks: list[StageTrack], ended: dict[str, Any]
) -> Result:
    """Let every stage decide over its whole track and return the result (not kept yet)."""
    candidates: list[Candidate] = []
    frames = 1
    for open_track in tracks:
        measured = results.whole_track(open_track.key, len(open_track.stage.columns))
        track = Track(
            open_track.stage.columns, measured.indices, measured.pts_seconds, measured.values
        )
        candidates += open_track.stage.decide(track)
        frames = len(track)
    return Result(
        content=info.content,
        spec_hash=spec.hash(),
        frames=frames,
        failure=failure(info, spec, ended),
        warnings=warnings(info, ended),
        provenance=provenance(
            spec.model_dump(mode="json", exclude={"run", "output", "limits"}),
            {track.stage.name: track.stage.version for track in tracks},
            ended,
        ),
        tracks={track.stage.name: track.key for track in tracks},
        candidates=tuple(candidates),
        moments=moments(candidates, spec.events, info.duration_seconds),
    )


def failure(info: SourceInfo, spec: Spec, ended: dict[str, Any]) -> str:
    """Return why a source counts as failed although frames were read, or an empty string."""
    read = int(ended.get("frames", 0))
    promised = info.frame_count or 0
    sampled = spec.sampling.mode != "every" or spec.sampling.max_frames is not None
    cut_off = bool(ended.get("ended_early")) or (not sampled and read < WHOLE_SHARE * promised)
    if info.kind == "picture" or not cut_off:
        return ""
    of = f"{read} of {promised}" if promised else f"only {read}"
    return f"cut off or damaged: {of} frames could be read; moments up to there are kept"


def warnings(info: SourceInfo, ended: dict[str, Any]) -> tuple[str, ...]:
    """Return what was odd about a source without making it fail."""
    found = [*info.warnings, *ended.get("warnings", ())]
    bad = int(ended.get("bad_packets", 0))
    if bad:
        found.append(f"{bad} damaged packet{'s' if bad > 1 else ''} left out")
    return tuple(found)
