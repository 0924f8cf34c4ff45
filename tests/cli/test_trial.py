"""`profiles try`: two settings decided over one file, from stored measurements or by reading it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from core.protocol.requests.trials import GetJudgedAt, Tried, TriedEvent, change_words
from core.protocol.requests.trials import KeptJudgements as Kept
from core.records import Event
from core.reports.judged_at import judged_at
from core.reports.trial import _compared, _events_of, _kept
from core.screening.registry import score_of, sensitivity_of
from core.storage.judgements import Judged
from core.storage.library import Library
from tests.workbench import STROKES, Cli


def tried(cli: Cli, *words: str | Path) -> dict[str, Any]:
    done = cli.here("profiles", "try", *words, "--json")
    assert done.code == 0, done.err
    return dict(json.loads(done.out))


def test_the_same_settings_find_what_the_scan_found(scanned: Cli, storm: Path) -> None:
    (first, *_), kept = (
        tried(scanned, "quick", storm)["events"],
        Library(scanned.library, writable=False),
    )
    with closing(kept):
        stored = kept.results.get(_content(kept), _spec(kept))
    assert stored is not None and first["peak_seconds"] == stored.moments[0].peak_seconds
    found = tried(scanned, "quick", storm)
    assert [each["now"] for each in found["events"]] == [False] * STROKES + [True] * STROKES
    assert not found["was_read"] and not any(each["is_new"] for each in found["events"])
    now = [each for each in found["events"] if each["now"]]
    assert [each["score"] for each in now] == [each.score for each in stored.moments]


def _content(library: Library) -> str:
    return next(str(task.content) for task in library.runs.tasks(1) if task.kind == "video")


def _spec(library: Library) -> str:
    return library.runs.get(1).spec_hash


def test_a_setting_of_deciding_reads_nothing_and_one_of_measuring_reads_the_file(
    scanned: Cli, storm: Path
) -> None:
    rows = _rows(scanned.library)
    done = scanned.here("profiles", "try", "quick", storm, "--set", "events.merge_seconds=60")
    assert "from stored measurements" in done.err
    assert done.out.splitlines()[-1] == f"{STROKES} before, 1 event now: 0 added, 0 lost, 4 joined"
    found = tried(scanned, "quick", storm, "--set", "events.min_seconds=30")
    assert not found["was_read"] and not [each for each in found["events"] if each["now"]]
    done = scanned.here("profiles", "try", "quick", storm, "--set", "sampling.max_frames=60")
    assert "read, nothing stored" in done.err and f"{STROKES} before" in done.out
    assert "lost" in done.out and "\n- " in f"\n{done.out}"
    assert _rows(scanned.library) == rows, "nothing is stored"
    found = tried(scanned, "quick", storm, "--against", "storm")
    assert found["note"] == "" and len(found["events"]) >= STROKES


def _rows(library: Path) -> list[int]:
    with closing(sqlite3.connect(library / "library.db")) as connection:
        tables = ("tracks", "chunks", "scans", "contents")
        return [connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables]


def test_a_file_the_library_does_not_know_is_read(cli: Cli, storm: Path, tmp_path: Path) -> None:
    cli.here("scan", storm, "--profile", "quick", "--set", "sampling.max_frames=30", "--no-ui")
    other = tmp_path / "other.mp4"
    other.write_bytes(storm.read_bytes() + b"\0")
    found = tried(cli, "quick", other)
    assert found["was_read"] and sum(each["now"] for each in found["events"]) == STROKES


def test_what_cannot_be_tried_is_refused(scanned: Cli, storm: Path, pictures: Path) -> None:
    picture = next(iter(sorted(pictures.glob("*.jpg"))))
    for words, said in (
        (("none", storm), "unknown profile"),
        (("quick", storm, "--set", "flash.sensitivity=9"), "flash.sensitivity"),
        (("quick", picture), "this is a picture"),
        (("quick", pictures), "is a folder"),
        (("quick", pictures / "none.mp4"), "not in this library"),
    ):
        done = scanned.here("profiles", "try", *words)
        assert done.code == 2 and said in done.err, done.err


def event(number: int, start: int, end: int, kind: str = "flash") -> Event:
    times = start / 10, start / 10, end / 10
    return Event(number, kind, start, start, end, *times, 0.0, 9.0, 0.5, 1)


def peak(frame: int, judgement: str, kind: str = "flash") -> Judged:
    return Judged("c", kind, frame, frame / 10, judgement, "")


def test_added_lost_and_kept_are_by_kind_and_frame() -> None:
    saved = [event(1, 10, 12), event(2, 20, 21), event(3, 30, 40), event(4, 35, 36, "cut")]
    now = [event(1, 12, 20), event(2, 50, 51), event(3, 33, 34), event(4, 30, 31, "cut")]
    judged = [peak(11, "right"), peak(30, "wrong"), peak(50, "right"), peak(60, "wrong")]
    found = [*_compared(saved, now, judged, 0.2, now=False),
             *_compared(now, saved, judged, 0.2, now=True)]  # fmt: skip
    assert [each.is_new for each in found] == [False, False, False, True, False, True, False, True]
    assert [each.judgement for each in found] == [
        "right",
        "",
        "wrong",
        "",
        "right",
        "right",
        "",
        "",
    ]
    assert _kept(judged, saved, now, 0.2) == Kept(2, 2, 1, 1, 2, 0)
    assert _kept([], saved, now, 0.2) == Kept()
    assert [each.number for _, each in _events_of([peak(36, "right")], saved, 0.0)] == [3]
    whole = Tried("p", 9.0, was_read=False, judgements=Kept(), events=tuple(found))
    assert change_words(whole) == "2 added, 1 lost, 1 joined"
    assert not TriedEvent(True, "", 0, 0, 0, 0, False, "").is_new


def test_the_threshold_is_the_inverse_of_the_sensitivity() -> None:
    for sensitivity in (0.0, 0.25, 0.5, 0.9, 1.0):
        score = score_of("flash", sensitivity)
        assert score is not None and sensitivity_of("flash", score) == pytest.approx(sensitivity)
    assert score_of("cut", 0.5) is None and score_of("none", 0.5) is None


def test_what_a_sensitivity_keeps_of_all_that_was_judged(
    cli: Cli, storm: Path, pictures: Path
) -> None:
    cli.here("scan", storm, "--profile", "quick", "--no-ui")
    rows = [json.loads(line) for line in cli.here("results", "1", "--json").out.splitlines()]
    for row, said in zip(rows, ("right", "wrong", "unsure", "right"), strict=False):
        done = cli.here("judge", f"{row['path']}@{row['seconds']}", said, "--kind", "flash")
        assert done.code == 0, done.err
    with closing(Library(cli.library, writable=False)) as library:
        found = judged_at(library, GetJudgedAt("flash", (0.0, 1.0)))
        assert found.judged == 3 and [(e.right, e.wrong) for e in found.each] == [(2, 1), (2, 1)]
        least = judged_at(library, GetJudgedAt("flash", (-3.0,))).each[0]
        assert least.threshold > 0.99 and least.right + least.wrong <= 3
        assert judged_at(library, GetJudgedAt("cut", (0.5,))).each == ()
    done = cli.here("profiles", "try", "quick", storm, "--set", "events.min_seconds=30")
    assert "judged: 2 of 2 right and 1 of 1 wrong before; 0 right and 0 wrong now" in done.out
