"""Candidates become events: merged, padded, and kept to the lengths asked for."""

from __future__ import annotations

import pytest

from core.config.screening_settings import Events
from core.records import Candidate, Event
from core.scans.events import moments

RATE = 25.0


def candidate(
    first: int, last: int, score: float = 1.0, stage: str = "flash", accepted: bool = True,
    region: tuple[int, int, int, int] | None = None,
) -> Candidate:  # fmt: skip
    return Candidate(
        stage, stage, first, first, last, first / RATE, first / RATE, last / RATE, score, 0.5,
        accepted, region=region,
    )  # fmt: skip


def spans(found: tuple[Event, ...]) -> list[tuple[int, int]]:
    return [(moment.start_frame, moment.end_frame) for moment in found]


def test_what_lies_close_together_is_one_event_with_the_best_peak() -> None:
    strokes = [candidate(10, 11, 2.0), candidate(16, 17, 9.0), candidate(40, 40, 1.0)]
    found = moments(strokes, Events(merge_seconds=0.25), 10.0)
    assert spans(found) == [(10, 17), (40, 40)]
    assert (found[0].peak_frame, found[0].score, found[0].candidates) == (16, 9.0, 2)
    assert [moment.number for moment in found] == [1, 2]
    assert spans(moments(strokes, Events(merge_seconds=0.0), 10.0)) == [
        (10, 11),
        (16, 17),
        (40, 40),
    ]
    assert spans(moments(strokes, Events(merge_seconds=5.0), 10.0)) == [(10, 40)]


def test_a_long_candidate_that_covers_others_ends_the_event() -> None:
    found = moments([candidate(10, 100), candidate(12, 13)], Events(), 10.0)
    assert spans(found) == [(10, 100)]


def test_other_stages_and_rejected_candidates_are_not_merged() -> None:
    found = moments(
        [candidate(10, 11), candidate(11, 60, stage="motion"), candidate(12, 20, accepted=False)],
        Events(), 10.0,
    )  # fmt: skip
    assert [(m.kind, m.start_frame, m.end_frame) for m in found] == [
        ("flash", 10, 11), ("motion", 11, 60),
    ]  # fmt: skip


def test_a_clip_is_padded_and_stays_inside_the_source() -> None:
    events = Events(pre_seconds=1.0, post_seconds=2.0)
    early, late = moments([candidate(10, 11), candidate(225, 226)], events, 10.0)
    assert early.clip_start_seconds == 0.0
    assert early.clip_end_seconds == pytest.approx(11 / RATE + 2.0)
    assert late.clip_start_seconds == pytest.approx(8.0)
    assert late.clip_end_seconds == 10.0


@pytest.mark.parametrize(
    ("events", "kept"),
    [
        (Events(), [(0, 0), (50, 60), (100, 150)]),
        (Events(min_seconds=0.39), [(50, 60), (100, 150)]),
        (Events(max_seconds=0.41), [(0, 0), (50, 60)]),
        (Events(min_seconds=0.1, max_seconds=1.0), [(50, 60)]),
    ],
)
def test_lengths_are_kept_to(events: Events, kept: list[tuple[int, int]]) -> None:
    found = moments([candidate(0, 0), candidate(50, 60), candidate(100, 150)], events, None)
    assert spans(found) == kept
    assert [moment.number for moment in found] == list(range(1, len(kept) + 1))


def test_the_region_is_around_all_of_an_event() -> None:
    strokes = [candidate(0, 1, region=(10, 20, 30, 40)), candidate(3, 4, region=(100, 5, 10, 10))]
    assert moments([*strokes, candidate(5, 5)], Events(), None)[0].region == (10, 5, 100, 55)
