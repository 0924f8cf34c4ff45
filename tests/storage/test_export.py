"""Every export format read back by another reader than the one that wrote it."""

from __future__ import annotations

import base64
import csv
import errno
import io
import json
import os
import pickle
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from math import inf, nan
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import jsonschema
import numpy as np
import pytest

from core.errors import DiskFull, EnvironmentFault, UsageError
from core.records import Candidate, Event, SourceInfo, Stroke
from core.storage.export import atomic
from core.storage.export.document import Document, Statistics, Summary, TaskLine
from core.storage.export.names import Stems
from core.storage.export.schemas import schema
from core.storage.export.table import FORMATS, SourceWriter, check_formats, write_scan
from core.text import clean

HOSTILE = "/data/\x1b]0;owned\x07\n<script>alert('x')</script>\"&\u202egpj.\udcff Gewitter é 雷.mp4"
SHOWN = HOSTILE.replace("\udcff", "\ufffd")
MARKUP = '<img src="https://evil.example/x.png" onerror=run()>'
JPEG = b"\xff\xd8\xff\xe0 not really a picture \xff\xd9"
RATE = 30000 / 1001
STEMS = Stems("storm", "storm")
SOURCE_FORMATS = [name for name, each in FORMATS.items() if each.per == "source"]


def source(path: str = HOSTILE) -> SourceInfo:
    return SourceInfo(
        path=path,
        kind="video",
        content="c0ffee",
        size_bytes=12345,
        width=1920,
        height=1080,
        container="mp4",
        codec=MARKUP,
        frame_rate=RATE,
        frame_count=200_000,
        duration_seconds=6673.34,
        metadata={"title": MARKUP, "gain": nan, "nested": {"b": [inf, 1], "a": b"\x00\xff"}},
        warnings=("odd\x1b[31m",),
    )


def moment(number: int, start: float, peak: float, end: float, **changed: Any) -> Event:
    first, middle, last = (round(each * RATE) for each in (start, peak, end))
    clip = (start - 0.5, end + 0.5)
    base = Event(
        number, "flash", first, middle, last, start, peak, end, *clip, 0.83, 2, (10, 20, 30, 40)
    )
    return replace(base, **changed)


STROKES = (Stroke(1870, 62.4, 900.5), Stroke(1873, 62.5, 1200.0), Stroke(1880, 62.7333333, nan))
MOMENTS = (
    moment(1, 0.0, 0.0, 0.0, clip_start_seconds=-0.5),
    moment(
        2, 62.4, 62.5, 63.1234567, energy=1200.0, strokes=STROKES, facts={"sharp": 2.5, "odd": inf}
    ),
    moment(3, 62.9, 63.0, 64.0, kind=f"=cut {MARKUP}{{b}}", score=nan, region=None),
    moment(4, 3725.001, 3725.25, 3725.9996),
)


def statistics() -> tuple[Statistics, ...]:
    flash = Statistics(
        "flash",
        ("rise", "area"),
        np.array([0, 1, 2], np.int64),
        np.array([0.0, 1 / 30, 2 / 30]),
        np.array([[0.1, 1], [nan, 2], [inf, 3]], np.float32),
    )
    motion = Statistics(
        "motion",
        ("=energy",),
        np.array([2, 5], np.int64),
        np.array([2 / 30, nan]),
        np.array([[7.5], [8]], np.float32),
    )
    return flash, motion


def document(path: str = HOSTILE, **changed: Any) -> Document:
    rejected = Candidate(
        "flash", "flash", 5, 6, 7, 0.2, 0.25, 1 / 3, nan, 0.5, False, MARKUP, None, {"drop": inf}
    )
    accepted = replace(rejected, accepted=True, region=(1, 2, 3, 4), score=0.9, facts={})
    base = Document(
        source=source(path),
        profile="lightning",
        spec_hash="abc123",
        frames=200_000,
        moments=MOMENTS,
        candidates=(rejected, accepted),
        statistics=statistics(),
        provenance={"versions": {"numpy": "2"}, "engine": "pyav"},
        warnings=(f"late frame {MARKUP}",),
        thumbnails={2: JPEG},
    )
    return replace(base, **changed)


def summary(*paths: str) -> Summary:
    tasks = [TaskLine(path, "video", "done", "", 200_000, 4) for path in paths]
    tasks.append(TaskLine("gone" + MARKUP, "video", "failed", MARKUP, 0, 0))
    return Summary(7, "lightning", MARKUP, "finished", tuple(tasks), ((HOSTILE, "b.jpg"),))


def written(folder: Path, *formats: str, doc: Document | None = None) -> Path:
    SourceWriter(folder, formats).write(doc or document(), STEMS)
    return folder / "storm"


def read(stem: Path, suffix: str) -> str:
    return stem.with_name(stem.name + suffix).read_bytes().decode("utf-8")


def strict_json(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("empty", [False, True])
def test_source_json_holds_to_its_schema(tmp_path: Path, empty: bool) -> None:
    doc = document(moments=(), candidates=(), statistics=()) if empty else document()
    text = read(written(tmp_path, "json", doc=doc), ".json")
    found = strict_json(text)
    checker = jsonschema.Draft202012Validator(schema("source"))
    checker.check_schema(schema("source"))
    checker.validate(found)
    assert text.isascii() and found["source"]["path"] == SHOWN
    assert os.fsdecode(unquote_to_bytes(found["source"]["uri"][len("file://") :])) == HOSTILE
    assert found["statistics"] is None and len(found["events"]) == len(doc.moments)
    for strange in ({**found, "more": 1}, {**found, "version": 1}):
        assert not checker.is_valid(strange)


def test_source_json_keeps_values_and_nulls_what_is_no_number(tmp_path: Path) -> None:
    found = strict_json(read(written(tmp_path, "json", "statistics"), ".json"))
    second, third = found["events"][1:3]
    assert (second["end_seconds"], second["end_frame"]) == (63.123457, MOMENTS[1].end_frame)
    assert second["energy"] == 1200.0 and second["facts"] == {"odd": None, "sharp": 2.5}
    assert second["strokes"][0] == {"frame": 1870, "seconds": 62.4, "energy": 900.5}
    assert second["strokes"][2] == {"frame": 1880, "seconds": 62.733333, "energy": None}
    assert found["candidates"][1]["strokes"] == [] and found["candidates"][1]["energy"] == 0.0
    assert second["region"] == [10, 20, 30, 40] and second["candidates"] == 2
    assert third["score"] is None and third["region"] is None
    assert found["candidates"][0]["facts"] == {"drop": None}
    assert found["source"]["metadata"]["nested"] == {"a": "00ff", "b": [None, 1]}
    assert list(found["provenance"]) == ["engine", "versions"]
    assert found["statistics"]["arrays"] == "storm.arrays.npz"
    assert found["statistics"]["stages"][1] == {
        "stage": "motion",
        "columns": ["=energy"],
        "frames": 2,
    }
    jsonschema.Draft202012Validator(schema("source")).validate(found)


def test_csv_reads_back_and_holds_no_formula(tmp_path: Path) -> None:
    text = read(written(tmp_path, "csv"), ".csv")
    rows = list(csv.DictReader(io.StringIO(text), strict=True))
    assert [int(row["number"]) for row in rows] == [1, 2, 3, 4]
    for row, event in zip(rows, MOMENTS, strict=True):
        assert float(row["start_s"]) == pytest.approx(event.start_seconds, abs=1e-6)
        assert int(row["peak_frame"]) == event.peak_frame
    assert rows[1]["start_timecode"] == "00:01:02.400" and rows[1]["width"] == "30"
    assert rows[2]["score"] == rows[2]["x"] == rows[2]["stroke_s"] == ""
    assert (rows[1]["energy"], rows[1]["strokes"]) == ("1200.0", "3")
    assert rows[1]["stroke_s"] == "62.4 62.5 62.733333"
    assert {row["source"] for row in rows} == {clean(HOSTILE)}
    assert rows[2]["kind"].startswith("'=cut")


def test_statistics_table_joins_the_stages_on_frames(tmp_path: Path) -> None:
    rows = list(csv.reader(io.StringIO(read(written(tmp_path, "statistics"), ".statistics.csv"))))
    assert rows == [
        ["frame", "seconds", "flash.rise", "flash.area", "motion.=energy"],
        ["0", "0.0", "0.1", "1.0", ""],
        ["1", "0.033333", "", "2.0", ""],
        ["2", "0.066667", "", "3.0", "7.5"],
        ["5", "", "", "", "8.0"],
    ]


def test_statistics_arrays_need_no_pickle(tmp_path: Path) -> None:
    written(tmp_path, "statistics")
    with np.load(tmp_path / "storm.arrays.npz", allow_pickle=False) as arrays:
        assert len(arrays.files) == 8
        for each in statistics():
            assert tuple(arrays[f"{each.stage}.columns"]) == each.columns
            np.testing.assert_array_equal(arrays[f"{each.stage}.indices"], each.indices)
            np.testing.assert_array_equal(arrays[f"{each.stage}.seconds"], each.seconds)
            np.testing.assert_array_equal(arrays[f"{each.stage}.values"], each.values)


def test_statistics_of_nothing(tmp_path: Path) -> None:
    stem = written(tmp_path, "statistics", doc=document(statistics=()))
    assert read(stem, ".statistics.csv") == "frame,seconds\n"
    assert np.load(tmp_path / "storm.arrays.npz", allow_pickle=False).files == []


class NoGlobals(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        raise AssertionError(f"the pickle asks for {module}.{name}")


def test_legacy_pickle_holds_built_in_types_only(tmp_path: Path) -> None:
    written(tmp_path, "legacy")
    meta = strict_json((tmp_path / "storm.legacy.json").read_text())
    with (tmp_path / meta["pickle"]).open("rb") as stream:
        found = NoGlobals(stream).load()
    assert [each["number"] for each in found["events"]] == [1, 2, 3, 4]
    assert found["thumbnails"] == {2: JPEG}
    stored = found["statistics"][0]["values"]
    values = np.frombuffer(stored["bytes"], stored["dtype"]).reshape(stored["shape"])
    np.testing.assert_array_equal(values, statistics()[0].values)


CLOCK = r"(\d\d+):([0-5]\d):([0-5]\d)%s(\d{3})"


def parsed_cues(text: str, point: str) -> list[tuple[str, int, int, str]]:
    clock = CLOCK % re.escape(point)
    block = re.compile(rf"(\d+)\n{clock} --> {clock}\n([^\n]+)\n\n")
    cues, place = [], 0
    while place < len(text):
        match = block.match(text, place)
        assert match, f"no cue at {text[place : place + 60]!r}"
        label, *times, shown = match.groups()
        start, end = (
            ((int(h) * 60 + int(m)) * 60 + int(s)) * 1000 + int(ms)
            for h, m, s, ms in (times[:4], times[4:])
        )
        cues.append((label, start, end, shown))
        place = match.end()
    return cues


@pytest.mark.parametrize(("name", "top", "point"), [("srt", "", ","), ("vtt", "WEBVTT\n\n", ".")])
def test_subtitles_read_back(tmp_path: Path, name: str, top: str, point: str) -> None:
    text = read(written(tmp_path, name), f".{name}")
    assert text.startswith(top)
    cues = parsed_cues(text[len(top) :], point)
    spans = [(start, end) for _, start, end, _ in cues]
    assert spans == [(0, 500), (62400, 63123), (62900, 64000), (3725001, 3726000)]
    assert [label for label, *_ in cues] == ["1", "2", "3", "4"]
    assert cues[0][3] == "flash 0.83 peak 00:00:00.000 end 00:00:00.000"
    assert cues[1][3] == "flash 0.83 3 strokes peak 00:01:02.500 end 00:01:03.123"
    assert not re.search("[<>{}]" if name == "srt" else "[<>]", cues[2][3])
    nothing = read(written(tmp_path, name, doc=document(moments=())), f".{name}")
    assert nothing == top


def test_subtitles_never_start_before_zero_or_out_of_order(tmp_path: Path) -> None:
    early = (moment(1, 5.0, 5.0, 5.0), moment(2, -3.0, -2.0, -1.0))
    text = read(written(tmp_path, "srt", doc=document(moments=early)), ".srt")
    assert [cue[1:3] for cue in parsed_cues(text, ",")] == [(0, 500), (5000, 5500)]


def test_summary_holds_to_its_schema_and_adds_up(tmp_path: Path) -> None:
    def unread() -> Iterator[Document]:
        raise AssertionError("no format needs the documents")
        yield

    assert write_scan(summary("a", HOSTILE), unread(), tmp_path, ["csv"]) == [
        tmp_path / "summary.json"
    ]
    found = strict_json((tmp_path / "summary.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema("scan"))
    jsonschema.Draft202012Validator(schema("scan")).validate(found)
    assert found["totals"] == {
        "sources": 3,
        "frames": 400_000,
        "events": 8,
        "states": {"done": 2, "failed": 1},
    }
    assert found["duplicates"] == [[SHOWN, "b.jpg"]]


def test_jsonl_has_one_event_a_line(tmp_path: Path) -> None:
    documents = iter([document("a.mp4"), document("b.mp4", moments=()), document(HOSTILE)])
    write_scan(summary("a.mp4"), documents, tmp_path, ["jsonl"])
    lines = [strict_json(line) for line in (tmp_path / "scan.jsonl").read_text().splitlines()]
    assert [(line["source"], line["number"]) for line in lines] == [
        (path, number) for path in ("a.mp4", SHOWN) for number in (1, 2, 3, 4)
    ]


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_is_one_harmless_page(tmp_path: Path) -> None:
    write_scan(summary("a.mp4", HOSTILE), iter([document("a.mp4"), document()]), tmp_path, ["html"])
    raw = (tmp_path / "scan.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(raw)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.tags}
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        targets = [attributes[name] for name in ("src", "href") if name in attributes]
        assert all(str(target).startswith(("data:image/jpeg;", "#")) for target in targets)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]|url\\(|@import", raw)
    assert MARKUP in page.text and "<script>alert('x')" in page.text and "雷" in page.text
    anchors = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    links = {str(attributes["href"])[1:] for tag, attributes in page.tags if tag == "a"}
    assert links == anchors and len(links) == 2
    pictures = [attributes["src"] or "" for tag, attributes in page.tags if tag == "img"]
    assert base64.b64decode(pictures[0].partition(",")[2]) == JPEG and len(pictures) == 2


def test_writing_twice_gives_equal_bytes(tmp_path: Path) -> None:
    once, again = tmp_path / "once", tmp_path / "again"
    # An equal document made another way: no string or array is the same object.
    other = pickle.loads(pickle.dumps(document()))
    for folder, doc in ((once, document()), (again, other)):
        SourceWriter(folder, list(FORMATS)).write(doc, STEMS)
        write_scan(summary("a.mp4"), iter([doc]), folder, list(FORMATS))
    names = sorted(each.name for each in once.iterdir())
    assert names == sorted(each.name for each in again.iterdir())
    # `statistics` and `legacy` write two files; `masks` and `yolo` none where there are none.
    assert len(names) == len(FORMATS) + 3 - 2
    for name in names:
        assert (once / name).read_bytes() == (again / name).read_bytes(), name


def test_a_failure_midway_leaves_the_old_files(tmp_path: Path) -> None:
    def broken() -> Iterator[Document]:
        yield document()
        raise OSError(errno.EIO, "the library went away")

    write_scan(summary("a.mp4"), iter([]), tmp_path, ["jsonl", "html"])
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    with pytest.raises(OSError, match="the library went away"):
        write_scan(summary("b.mp4"), broken(), tmp_path, ["jsonl", "html"])
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
def test_disk_errors_name_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def full(source: Path, target: Path) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("core.storage.export.atomic.os.replace", full)
    with pytest.raises(EnvironmentFault, match=r"storm\.csv") as caught:
        SourceWriter(tmp_path, ["csv"]).write(document(), STEMS)
    assert isinstance(caught.value, DiskFull) == (code == errno.ENOSPC)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_while_flushing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic, "_opened", lambda path: io.FileIO("/dev/full", "w"))
    with pytest.raises(DiskFull, match="free some space"):
        atomic.write(tmp_path / "a.json", iter(["x" * 100_000, "y"]))
    real = os.open
    monkeypatch.setattr(
        "core.storage.export.atomic.os.open", lambda *_asked: real("/dev/full", os.O_WRONLY)
    )
    with pytest.raises(DiskFull):
        atomic.write(tmp_path / "b.json", "written by one call")
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(EnvironmentFault, match="taken"):
        SourceWriter(tmp_path / "taken", ["csv"]).write(document(), STEMS)


def test_unknown_formats_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'jsno'; did you mean 'json'\?; known: json, csv"):
        check_formats(["csv", "jsno"])
    with pytest.raises(UsageError, match="tfrecord"):
        SourceWriter(tmp_path / "new", ["json", "tfrecord"]).write(document(), STEMS)
    assert not (tmp_path / "new").exists()


def test_the_table_says_what_is_written(tmp_path: Path) -> None:
    paths = SourceWriter(tmp_path, [*FORMATS, "json"]).write(document(), STEMS)
    assert len(paths) == len(set(paths)) == len(SOURCE_FORMATS) + 2 - 1, "there are no masks"
    always = [name for name in SOURCE_FORMATS if name != "masks"]
    assert {f"storm{FORMATS[name].suffix}" for name in always} <= {p.name for p in paths}
    paths = write_scan(summary("a"), iter([document()]), tmp_path, list(FORMATS))
    assert [path.name for path in paths] == [
        "summary.json",
        "scan.coco.json",
        "scan.jsonl",
        "scan.html",
    ]
