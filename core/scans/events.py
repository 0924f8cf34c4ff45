"""From accepted candidates to moments: merged, padded, and kept to the wanted lengths."""

from __future__ import annotations

from collections.abc import Sequence

from ..config.screening_settings import Events
from ..config.stages import STAGES, declared
from ..records import Candidate, Event, Region

VERDICTS = ("confirmed", "unsure", "unparsed", "truncated", "failed", "none", "")
"""from the best to none at all"""


def moments(
    candidates: Sequence[Candidate], events: Events, duration_seconds: float | None
) -> tuple[Event, ...]:
    """Return the moments of a source, numbered from 1 in order of time.

    Only candidates of one stage are merged with each other.
    """
    found: list[Event] = []
    for stage in _event_stages(candidates):
        accepted = [c for c in candidates if c.accepted and c.stage == stage]
        for group in _groups(sorted(accepted, key=lambda c: c.start_seconds), events.merge_seconds):
            moment = _moment(group, events, duration_seconds)
            if _wanted(moment, events):
                found.append(moment)
    found.sort(key=lambda moment: (moment.start_seconds, moment.kind))
    return tuple(_numbered(moment, number) for number, moment in enumerate(found, 1))


def _event_stages(candidates: Sequence[Candidate]) -> list[str]:
    """Return the stages whose candidates become events, of those that have accepted ones."""
    found = {candidate.stage for candidate in candidates if candidate.accepted}
    if not found:
        return []
    stages = (declared(name) for name in STAGES.names() if name in found)
    return [stage.name for stage in stages if stage is not None and stage.events]


def _groups(candidates: list[Candidate], gap_seconds: float) -> list[list[Candidate]]:
    groups: list[list[Candidate]] = []
    end = 0.0
    for candidate in candidates:
        if groups and candidate.start_seconds - end <= gap_seconds:
            groups[-1].append(candidate)
        else:
            groups.append([candidate])
            end = candidate.end_seconds
        end = max(end, candidate.end_seconds)
    return groups


def _moment(group: list[Candidate], events: Events, duration_seconds: float | None) -> Event:
    best = max(group, key=lambda candidate: candidate.score)
    # Flashes are brightest where their energy is greatest; what has none is where its score is.
    brightest = max(group, key=lambda candidate: (candidate.energy, candidate.score))
    last = max(group, key=lambda candidate: candidate.end_seconds)
    clip_end = last.end_seconds + events.post_seconds
    if duration_seconds is not None:  # one that a header states too short cuts no event
        clip_end = max(min(clip_end, duration_seconds), last.end_seconds)
    return Event(
        number=0,
        kind=best.kind,
        start_frame=group[0].start_frame,
        peak_frame=brightest.peak_frame,
        end_frame=last.end_frame,
        start_seconds=group[0].start_seconds,
        peak_seconds=brightest.peak_seconds,
        end_seconds=last.end_seconds,
        clip_start_seconds=max(group[0].start_seconds - events.pre_seconds, 0.0),
        clip_end_seconds=clip_end,
        score=best.score,
        candidates=len(group),
        region=_around([candidate.region for candidate in group]),
        verdict=min((c.verdict for c in group), key=VERDICTS.index),
        energy=brightest.energy,
        strokes=tuple(
            sorted((s for c in group for s in c.strokes), key=lambda stroke: stroke.seconds)
        ),
        facts=best.facts,
    )


def _wanted(moment: Event, events: Events) -> bool:
    lasted = moment.end_seconds - moment.start_seconds
    return lasted >= events.min_seconds and (
        events.max_seconds is None or lasted <= events.max_seconds
    )


def _around(regions: list[Region | None]) -> Region | None:
    known = [region for region in regions if region is not None]
    if not known:
        return None
    left, top = min(r[0] for r in known), min(r[1] for r in known)
    right, bottom = max(r[0] + r[2] for r in known), max(r[1] + r[3] for r in known)
    return left, top, right - left, bottom - top


def _numbered(moment: Event, number: int) -> Event:
    from dataclasses import replace

    return replace(moment, number=number)
