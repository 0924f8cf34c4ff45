"""Pairs of events and true stretches, their overlap, and strokes."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from core.errors import UsageError
from core.judge.matching import neighbours, one_to_one, overlap
from core.judge.score import Score, TrueEvent, score, total
from core.protocol.queries import ListResults, ScoreRequest
from core.records import Event, Stroke
from core.reports.rowfiles import write_rows
from core.service.reading import Records
from core.storage.library import Library
from tests.workbench import Cli, exported


def event(start: float, end: float, *strokes: float, kind: str = "flash") -> TrueEvent:
    return TrueEvent(kind, start, end, start, strokes)


def moment(start: float, end: float, *strokes: float, number: int = 1) -> Event:
    made = tuple(Stroke(0, seconds, 1.0) for seconds in strokes)
    return Event(number, "flash", 0, 0, 0, start, start, end, start, end, 0.5, 1, strokes=made)


def test_one_event_over_everything_is_one_pair() -> None:
    """The fault this measure is for: recall and precision of 1, with a single event."""
    truth = [event(n, n + 0.1) for n in range(10)]
    found = score([moment(0, 100)], truth, frame_seconds=0.04)
    assert (found.recall, found.precision) == (1.0, 1.0)
    assert (found.paired, found.paired_recall, found.paired_precision) == (1, 0.1, 1.0)
    assert found.overlap_mean == pytest.approx(0.14 / 100.04)


def test_a_stretch_in_pieces_is_one_pair() -> None:
    found = score([moment(n, n + 0.5, number=n) for n in range(10)], [event(0, 9.5)])
    assert (found.recall, found.precision) == (1.0, 1.0)
    assert (found.paired, found.paired_recall, found.paired_precision) == (1, 1.0, 0.1)


def test_overlap_counts_the_last_frame() -> None:
    assert overlap((1, 2), (1, 2), 0) == overlap((1, 1), (1, 1), 0) == 1.0
    assert overlap((1, 1), (1, 1), 0.04) == 1.0
    assert overlap((1, 1), (2, 2), 0) == overlap((1, 2), (3, 4), 0) == 0.0
    assert overlap((0, 2), (1, 3), 0) == pytest.approx(1 / 3)
    assert overlap((0, 0), (0.04, 0.04), 0.08) == pytest.approx(1 / 3)


def test_the_pairs_are_as_many_as_can_be() -> None:
    # Taking the best overlap first would leave the second stretch without an event.
    truth = [event(0, 10), event(9, 12)]
    events = [moment(4, 11, number=1), moment(1, 3.5, number=2)]
    found = score(events, truth)
    assert [(pair.true_start_seconds, pair.event) for pair in found.pairs] == [(0, 2), (9, 1)]
    # Of several ways to pair as many, the one with more overlap.
    near = score([moment(0, 4, number=1), moment(0.1, 10, number=2)], [event(0, 10)])
    assert near.pairs[0].event == 2 and near.pairs[0].overlap == pytest.approx(0.99)


SPANS = some.lists(
    some.tuples(some.integers(0, 20), some.integers(0, 4)).map(lambda p: (p[0], p[0] + p[1])),
    max_size=6,
)


@settings(max_examples=150, deadline=None)
@given(wanted=SPANS, found=SPANS, tolerance=some.sampled_from([0, 1]))
def test_no_other_way_pairs_more(
    wanted: list[tuple[int, int]], found: list[tuple[int, int]], tolerance: int
) -> None:
    near = neighbours(wanted, found, tolerance)
    for (start, end), numbers in zip(wanted, near, strict=True):
        assert sorted(numbers) == [
            n for n, (begin, stop) in enumerate(found)
            if begin <= end + tolerance and stop >= start - tolerance
        ]  # fmt: skip
    edges = [(n, number) for n, numbers in enumerate(near) for number in numbers]
    pairs = one_to_one(edges)
    assert set(pairs.items()) <= set(edges) and len(set(pairs.values())) == len(pairs)
    choices = [[*numbers, None] for numbers in near]
    most = max(
        len(taken)
        for choice in itertools.product(*choices)
        if len(taken := [n for n in choice if n is not None]) == len(set(taken))
    )
    assert len(pairs) == most


def test_many_events_are_paired_in_a_moment() -> None:
    truth = [event(n * 0.05, n * 0.05 + 0.2) for n in range(4000)]
    events = [moment(n * 0.05 + 0.1, n * 0.05 + 0.3, number=n) for n in range(4000)]
    assert score(events, truth).paired == 4000


def test_strokes_are_counted_each_once() -> None:
    truth = [event(1, 2, 1.0, 1.2, 1.4), event(5, 5), event(8, 9, 8.0, 8.5)]
    events = [moment(1, 2, 1.01, 1.19, 1.21, 1.9), moment(5, 5, 5.0), moment(8, 9, 8.5)]
    found = score(events, truth)
    assert (found.true_strokes, found.found_strokes, found.stroke_hits) == (5, 5, 3)
    assert (found.stroke_recall, found.stroke_precision) == (0.6, 0.6)
    pair = found.pairs[0]
    assert (pair.true_strokes, pair.strokes, pair.stroke_hits) == (3, 4, 2)
    # An event that holds the strokes of two true flashes finds the strokes of both.
    both = score([moment(1, 9, 1.0, 1.2, 1.4, 8.0, 8.5)], [truth[0], truth[2]])
    assert (both.paired, both.stroke_hits, both.stroke_recall) == (1, 5, 1.0)
    wide = score([moment(1, 1, 1.04)], [event(1, 1, 1.0)], stroke_tolerance_seconds=0.03)
    assert wide.stroke_hits == 0
    none = score([moment(1, 1, 1.0)], [event(1, 1)])
    assert (none.true_strokes, none.stroke_recall, none.stroke_precision) == (0, None, None)


def test_scores_of_videos_are_summed() -> None:
    one = score([moment(1, 1), moment(9, 9)], [event(1, 1), event(5, 5, kind="bolt")])
    two = score([moment(1.04, 1.04)], [event(1, 1)])
    both = total([one, two])
    assert (both.true, both.found, both.hits, both.right) == (3, 3, 2, 2)
    assert both.recall == both.precision == both.paired_recall == pytest.approx(2 / 3)
    assert both.recall_by_kind == {"bolt": (0, 1), "flash": (2, 2)}
    assert both.timing_worst_seconds == pytest.approx(0.04)
    assert total([]) == Score(0, 0, 0, 0, None, None, {}, None, None, (), ())


# Against a library


@pytest.fixture(scope="module")
def records(scanned: Cli) -> Iterator[Records]:
    found = Records.open(scanned.library)
    yield found
    found.close()


@pytest.fixture(scope="module")
def true(storm: Path) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(storm.with_name("storm.mp4.truth.json").read_text())
    return body


def test_the_name_of_the_video_counts(
    records: Records, true: dict[str, Any], storm: Path, tmp_path: Path
) -> None:
    def request(video: str, name: str = "t.json", **more: Any) -> ScoreRequest:
        (tmp_path / name).write_text(json.dumps({**true, "video": video}))
        return ScoreRequest(tmp_path / name, **more)

    moved = ("/elsewhere/storm.mp4", "C:\\footage\\storm.mp4", "storm")
    for video in ("storm.mp4", str(storm), "", *moved):
        assert records.score(1, request(video)).all.recall == 1.0
    for video in ("other.mp4", f"{storm}.mkv", "storm.mkv"):
        with pytest.raises(UsageError, match=r"is about .*it has: storm\.mp4.*--any-video"):
            records.score(1, request(video))
        assert records.score(1, request(video, any_video=True)).all.recall == 1.0
    several = {"videos": [{**true, "video": "storm.mp4"}, {**true, "video": "gone.mp4"}]}
    (tmp_path / "two.json").write_text(json.dumps(several))
    found = records.score(1, ScoreRequest(tmp_path / "two.json"))
    assert found.without_source == ("gone.mp4",) and found.all.true == 5


def test_our_own_export_scores_fully(scanned: Cli, records: Records, tmp_path: Path) -> None:
    formats = ("json", "csv", "jsonl", "srt", "vtt", "edl")
    exported(scanned.library, 1, formats, tmp_path, "file:storm")
    names = ("storm.mp4.json", "storm.mp4.csv", "scan.jsonl", "storm.srt", "storm.vtt",
             "storm.mp4.edl")  # fmt: skip
    for name in names:
        found = records.score(1, ScoreRequest(tmp_path / name)).all
        assert (found.true, found.recall, found.precision) == (5, 1.0, 1.0), name
        assert (found.paired, found.paired_recall) == (5, 1.0), name
        assert found.overlap_mean is not None and found.overlap_mean > 0.5, name


def test_rows_of_a_list_score_fully(scanned: Cli, records: Records, tmp_path: Path) -> None:
    library = Library(scanned.library, writable=False)
    try:
        for name in ("jsonl", "csv"):
            query = ListResults("candidates", 1, "file:storm")
            assert write_rows(library, query, name, tmp_path / f"rows.{name}") >= 5
            found = records.score(1, ScoreRequest(tmp_path / f"rows.{name}")).all
            assert (found.recall, found.precision, found.paired) == (1.0, 1.0, found.found), name
    finally:
        library.close()


def test_several_videos_are_scored_each_and_together(
    cli: Cli, storm: Path, true: dict[str, Any], tmp_path: Path
) -> None:
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        shutil.copy(storm, tmp_path / name)
        with (tmp_path / name).open("ab") as stream:
            stream.write(name.encode())  # another content, so that each has its own results
    assert (
        cli.here("scan", *(tmp_path / f"{name}.mp4" for name in "abc"), "--profile", "storm").code
        == 0
    )
    late = [{**each, "start_s": 90, "end_s": 90, "peak_s": 90} for each in true["events"]]
    lines = [{"video": "a.mp4", **each} for each in true["events"]]
    lines += [{"video": "b.mp4", **each} for each in late]
    truth = tmp_path / "both.jsonl"
    truth.write_text("\n".join(json.dumps(line) for line in lines))
    with_records = Records.open(cli.library)
    try:
        found = with_records.score(1, ScoreRequest(truth))
    finally:
        with_records.close()
    assert [Path(each.video).name for each in found.videos] == ["a.mp4", "b.mp4"]
    assert [each.score.recall for each in found.videos] == [1.0, 0.0]
    assert (found.all.true, found.all.hits, found.all.found) == (10, 5, 10)
    assert [Path(path).name for path in found.without_truth] == ["c.mp4"]
    ran = cli.here("score", "1", "--truth", truth)
    assert ran.code == 0 and "all 2 videos" in ran.out and "c.mp4" in ran.err
    (body,) = cli.here("score", "1", "--truth", truth, "--json").json()
    assert [video["recall"] for video in body["videos"]] == [1.0, 0.0]
    (tmp_path / "b.txt").write_text("0.5\t0.6\tflash\n")
    (named,) = cli.here("score", "1", "--truth", tmp_path / "b.txt", "--json").json()
    assert [Path(video["video"]).name for video in named["videos"]] == ["b.mp4"]
    unnamed = cli.here(
        "score", "1", "--truth", Path(shutil.copy(tmp_path / "b.txt", tmp_path / "x.txt"))
    )
    assert unnamed.code == 2 and "does not name its video" in unnamed.err
