"""Scans of files with several streams, and of files that an earlier sightline timed otherwise."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from core.cli.moments import split_moment as _split
from core.config.screening_settings import Sampling
from core.config.spec import Spec
from core.protocol.messages import EventFound, Message
from core.records import SourceInfo, asked_stream
from core.reports.documents import documents, summary
from core.scans.plan import Source, plan, plan_again, task_rows
from core.scans.scan_job import ScanJob
from core.service.reading import Records
from core.sources.reader import Reader
from core.storage.export import report
from core.storage.library import Library
from core.stores.series import SeriesHeader
from core.times import reference, timecode
from tests.sources.drawn import draw, joined

ALL = Spec(sampling=Sampling(stream="all"))


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    kept = Library(tmp_path / "library")
    yield kept
    kept.close()


def scanned(library: Library, spec: Spec, sources: list[Source]) -> tuple[int, list[Message]]:
    events: list[Message] = []
    scan = library.runs.create("p", spec.model_dump(mode="json"), spec.hash(), {}, [])
    ScanJob(library, scan, "p", spec, events.append, redo=False).run(sources)
    return scan, events


def test_a_temporary_library_logs_no_numbers_of_its_scans(
    library: Library, broken: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spec = Spec()
    for logged in (False, True):
        scan = library.runs.create("p", spec.model_dump(mode="json"), spec.hash(), {}, [])
        job = ScanJob(library, scan, "p", spec, lambda _e: None, redo=True, logged=logged)
        job.run(planned(library, Spec(), broken))
        lines = [each.getMessage() for each in caplog.records if "failed" in each.getMessage()]
        assert [line.startswith(f"scan {scan}: ") for line in lines] == [True] * logged, lines
        library.results.remember_failures([])


def planned(library: Library, spec: Spec, *paths: Path) -> list[Source]:
    return list(plan(library, spec, [str(path) for path in paths], (), "all").sources)


def states(library: Library, scan: int) -> list[str]:
    return [task.state for task in library.runs.tasks(scan)]


def test_all_streams_are_sources_of_their_own(library: Library, tmp_path: Path) -> None:
    two, one = draw(tmp_path / "two.mp4", streams=2), draw(tmp_path / "one.mp4", lit=())
    sources = planned(library, ALL, one, two)
    assert [(Path(s.found.path).name, s.stream) for s in sources] == [
        ("one.mp4", None), ("two.mp4", 0), ("two.mp4", 1),
    ]  # fmt: skip
    scan, events = scanned(library, ALL, sources)
    assert states(library, scan) == ["done"] * 3
    found = [event for event in events if isinstance(event, EventFound)]
    assert [(event.number, event.stream) for event in found] == [(3, 1)]
    assert [each.document.source.asked_stream for each in documents(library, scan)] == [None, 0, 1]
    again = planned(library, ALL, one, two)
    assert all(source.result is not None for source in again)
    tasks = library.runs.tasks(scan)
    resumed, gone = plan_again(library, ALL, tasks[2:], "all")
    assert [(source.number, source.stream) for source in resumed] == [(3, 1)]
    assert gone == []


def test_a_scan_of_one_of_several_streams_is_resumed_with_it(
    library: Library, tmp_path: Path
) -> None:
    """What is known already is not part of a scan of what is new: the other stream is."""
    two = draw(tmp_path / "two.mp4", streams=2)
    scanned(library, ALL, planned(library, ALL, two)[:1])
    new = plan(library, ALL, [str(two)], (), "new")
    rows = task_rows(new)
    assert [(row.number, row.stream) for row in rows] == [(1, 1)]
    scan = library.runs.create("p", {}, ALL.hash(), {}, rows)
    resumed, _ = plan_again(library, ALL, library.runs.tasks(scan), "new")
    assert [source.stream for source in resumed] == [1]


def test_each_stream_is_taken_over_from_a_later_scan_and_has_files_of_its_own(
    library: Library, tmp_path: Path
) -> None:
    two = draw(tmp_path / "two.mp4", streams=2)
    asked: dict[str, Any] = {"mode": "default", "paths": []}
    first = plan(library, ALL, [str(two)], (), "all")
    cut_short = library.runs.create("p", {}, ALL.hash(), asked, task_rows(first))
    scan, _ = scanned(library, ALL, list(first.sources))
    library.runs.set_state(scan, "done")
    assert library.runs.settle() == [cut_short]
    contents = [str(task.content) for task in library.runs.tasks(cut_short)]
    assert [asked_stream(content) for content in contents] == [0, 1]
    filed = list(documents(library, scan))
    assert [each.stems.plain for each in filed] == ["two.stream0.mp4", "two.stream1.mp4"]
    page = "".join(map(report.body, (each.document for each in filed)))
    ids = re.findall(r'id="([^"]+)"', page)
    assert ids == list(dict.fromkeys(ids)) and "stream 1" in page
    assert [task.stream for task in summary(library, scan).tasks] == [0, 1]


def test_what_was_measured_of_a_stream_outlives_another_scan(
    library: Library, tmp_path: Path
) -> None:
    two = draw(tmp_path / "two.mp4", streams=2)
    (_, second) = planned(library, ALL, two)
    library.runs.create("p", {}, ALL.hash(), {}, task_rows(plan(library, ALL, [str(two)], (), "")))
    info = _remembered(library, second)
    library.series.begin([SeriesHeader("track", info.content, "flash", 1, {})])
    library.results.prune()  # as when any other scan is removed
    with library.database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM tracks").fetchone() == (1,)


def _remembered(library: Library, source: Source) -> SourceInfo:
    with closing(Reader(Spec().limits)) as reader:
        info = reader.probe(source.found.path, stream=source.stream).info
    library.results.remember([(info, source.found.mtime_ns)])
    return info


def test_a_pasted_line_shows_its_own_stream(library: Library, tmp_path: Path) -> None:
    two = draw(tmp_path / "two.mp4", streams=2)
    scan, events = scanned(library, ALL, planned(library, ALL, two))
    (found,) = [event for event in events if isinstance(event, EventFound)]
    for stream in (0, 1):
        line = f"{two}@{timecode(found.peak_seconds)}  {reference(found.peak_frame, scan, stream)}"
        path, when = _split(line)
        view = Records(library).instant(path, when)
        assert (view.info.asked_stream, len(view.moments)) == (stream, stream)


def test_a_stream_that_is_not_there_is_no_fault_of_the_file(
    library: Library, tmp_path: Path
) -> None:
    path = draw(tmp_path / "one.mp4")
    fifth = Spec(sampling=Sampling(stream=5))
    scan, _ = scanned(library, fifth, planned(library, fifth, path))
    assert states(library, scan) == ["failed"]
    scan, _ = scanned(library, Spec(), planned(library, Spec(), path))
    assert states(library, scan) == ["done"]


def test_what_was_timed_otherwise_is_measured_again(library: Library, tmp_path: Path) -> None:
    """An earlier sightline's results stand, but for those of files it timed otherwise."""
    indexed = draw(tmp_path / "a.mp4")
    parts = [draw(tmp_path / f"part{n}.ts", begins=n * 90_000) for n in range(2)]
    stream = joined(tmp_path / "b.ts", *parts)
    spec = Spec()
    scanned(library, spec, planned(library, spec, indexed, stream))
    known = planned(library, spec, indexed, stream)
    assert all(source.result is not None for source in known)
    _as_before(library, str(known[1].content))
    old = planned(library, spec, indexed, stream)
    assert [source.result for source in old] == [None, None]
    for source in old:  # as a scan leaves it that ended right after its probes
        _remembered(library, source)
    probed = planned(library, spec, indexed, stream)
    assert [source.result is None for source in probed] == [False, True]
    _as_before(library, str(known[1].content))
    old = planned(library, spec, indexed, stream)
    scan, _ = scanned(library, spec, old)
    assert states(library, scan) == ["known", "done"]
    info = library.results.info(str(known[1].content), str(stream))
    assert info.frame_count == 80
    assert info.duration_seconds == pytest.approx(80 / 30, abs=0.02)


def _as_before(library: Library, timed_otherwise: str) -> None:
    """Write probes and keys as the version before wrote them."""
    with library.database.transaction() as connection:
        for content, text in connection.execute("SELECT content, info FROM contents").fetchall():
            info: dict[str, Any] = json.loads(text)
            info.pop("stream")
            info.pop("timing")
            connection.execute(
                "UPDATE contents SET info = ? WHERE content = ?", (json.dumps(info), content)
            )
        connection.execute(
            "UPDATE provenances SET body = json_remove(body, '$.timing') WHERE id IN (SELECT "
            "provenance FROM result_rows WHERE content = (SELECT id FROM contents WHERE "
            "content = ?))",
            (timed_otherwise,),
        )


def test_measured_counts_are_kept(library: Library, tmp_path: Path) -> None:
    """A container that estimates its frames says the true number once all were read."""
    path = draw(tmp_path / "vfr.mkv", slow_after=20)
    spec = Spec()
    before = planned(library, spec, path)
    scanned(library, spec, before)
    info = library.results.info(str(planned(library, spec, path)[0].content), str(path))
    assert info.frame_count == 40
    assert info.duration_seconds == pytest.approx(20 / 30 + 2.0, abs=0.1)
