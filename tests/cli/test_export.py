"""Exports narrowed down, clips joined, and the same request from the app's side."""

from __future__ import annotations

import asyncio
import json
import pickle
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pandas
import pytest

from core.errors import UsageError
from core.protocol.queries import ExportRequest, ListResults
from core.protocol.requests.exports import BeginExport, ExportResults, GetExport
from core.protocol.views import ExportNote, ExportProgress, Piece
from core.records import Event
from core.reports.clips import joined, piece_name
from core.reports.rowfiles import write_rows
from core.service.client import LibraryClient, LocalClient
from core.service.reading import Records
from core.storage.library import Library
from tests.sources.test_clip_kinds import check_clip_length
from tests.workbench import STROKES, Cli, exported


@pytest.fixture(scope="module")
def records(scanned: Cli) -> Iterator[Records]:
    found = Records.open(scanned.library)
    yield found
    found.close()


def moment(number: int, start: float, end: float, kind: str = "flash") -> Event:
    return Event(number, kind, 0, 0, 0, start, start, end, start - 1, end + 2, 0.5, 1)


def test_clips_that_overlap_are_joined() -> None:
    events = [moment(1, 1, 1), moment(2, 3, 9, "motion"), moment(3, 4, 4), moment(4, 20, 20)]
    groups = joined(events)
    assert [[each.number for each in group] for group in groups] == [[1, 2, 3], [4]]
    assert joined([moment(1, 1, 1), moment(2, 4, 4)]) == [
        (moment(1, 1, 1),), (moment(2, 4, 4),)
    ], "clips that only touch stay two"  # fmt: skip
    assert piece_name("b.mp4", groups[0]) == "b.mp4.001-003.flash+motion"
    assert piece_name("b.mp4", groups[1]) == "b.mp4.004.flash"
    some = [moment(number, number, number) for number in (1, 2, 4, 7, 8, 9)]
    assert piece_name("b", some) == "b.001-002+004+007-009.flash"
    many = [moment(number, number, number) for number in range(1, 400, 2)]
    assert piece_name("b", many) == "b.001-399.200events.flash"
    assert joined([]) == []


def frames_of(clip: Path) -> int:
    """Count the frames a player shows: PyAV's demuxer says which ones the edit list hides.

    ffprobe, where there is one, must count the same.
    """
    import av

    with av.open(str(clip)) as container:
        packets = list(container.demux(container.streams.video[0]))
    frames = sum(bool(packet.size) and not packet.is_discard for packet in packets)
    if shutil.which("ffprobe"):
        wanted = ["-count_frames", "-show_entries", "stream=codec_name,nb_read_frames"]
        found = subprocess.run(
            ["ffprobe", "-v", "error", "-select_streams", "v", *wanted, "-of", "json", clip],
            capture_output=True, check=True,
        )  # fmt: skip
        (stream,) = json.loads(found.stdout)["streams"]
        assert stream["codec_name"] == "h264" and int(stream["nb_read_frames"]) == frames
    return frames


def test_clips_and_pictures_of_events(cli: Cli, own_storm: Path, tmp_path: Path) -> None:
    """Five strokes within eight seconds, each with a second before and two after."""
    cli.here("scan", own_storm, "--profile", "storm")
    ran = cli.here("export", "1", "--out", tmp_path / "out", "--clips", "--pictures")
    assert ran.code == 0 and "5 pictures written" in ran.err
    events = json.loads((tmp_path / "out" / "storm.mp4.json").read_text())["events"]
    covered: list[list[float]] = []
    for event in events:
        start, end = event["clip_start_seconds"], event["clip_end_seconds"]
        if covered and start < covered[-1][1]:
            covered[-1][1] = max(end, covered[-1][1])
        else:
            covered.append([start, end])
    clips = sorted((tmp_path / "out").glob("*.mp4"))
    assert len(clips) == len(covered) < STROKES
    for clip, (start, end) in zip(clips, covered, strict=True):
        check_clip_length(clip, end - start)
        # Packets of a copied clip may be hidden: those between a keyframe and its first frame.
        assert frames_of(clip) >= (end - start) * 25 - 2
    named = [clip.name.removeprefix("storm.mp4.").removesuffix(".flash.mp4") for clip in clips]
    numbers: list[int] = []
    for name in named:
        for run in name.split("+"):
            first, _, last = run.partition("-")
            numbers += range(int(first), int(last or first) + 1)
    assert numbers == list(range(1, STROKES + 1))
    assert len(list((tmp_path / "out").glob("*.flash.jpg"))) == STROKES
    own_storm.unlink()
    gone = cli.here("export", "1", "--out", tmp_path / "again", "--clips")
    assert gone.code == 1 and str(own_storm) in gone.err
    assert not list((tmp_path / "again").glob("*.mp4*part"))


def numbers_in(folder: Path) -> dict[str, list[int]]:
    """Return the numbers of the events in every format that holds events."""
    source = json.loads((folder / "storm.mp4.json").read_text())
    lines = (folder / "scan.jsonl").read_text().splitlines()
    legacy = pickle.loads((folder / "storm.mp4.legacy.pkl").read_bytes())
    return {
        "json": [event["number"] for event in source["events"]],
        "csv": pandas.read_csv(folder / "storm.mp4.csv")["number"].tolist(),
        "jsonl": [json.loads(line)["number"] for line in lines],
        "vtt": [
            int(line) for line in (folder / "storm.vtt").read_text().splitlines() if line.isdigit()
        ],
        "legacy": [event["number"] for event in legacy["events"]],
    }


def test_a_filter_narrows_every_format(scanned: Cli, tmp_path: Path) -> None:
    formats = ("json", "csv", "jsonl", "srt", "vtt", "edl", "html", "legacy", "coco", "statistics")
    exported(scanned.library, 1, formats, tmp_path / "all")
    everything = json.loads((tmp_path / "all" / "storm.mp4.json").read_text())
    scores = sorted(event["score"] for event in everything["events"])
    later = everything["events"][2]["peak_seconds"]
    for place, (text, expected) in enumerate({
        f"score>={scores[-2]}": [e["number"] for e in everything["events"]
                                 if e["score"] >= scores[-2]],
        f"kind:flash time>={later}": [3, 4, 5],
        "time>0:03 time<0:00:01": [],
        "kind:motion": [],
        "strokes>99": [],
        "file:storm is:accepted": [1, 2, 3, 4, 5],
    }.items()):  # fmt: skip
        folder = tmp_path / str(place)
        written = exported(scanned.library, 1, formats, folder, text)
        summary = json.loads((folder / "summary.json").read_text())
        assert summary["filter"] == text and summary["totals"]["events"] == len(expected), text
        if not expected:
            assert not (folder / "storm.mp4.csv").exists(), text
            continue
        assert {
            name: found for name, found in numbers_in(folder).items() if found != expected
        } == {}
        source = json.loads((folder / "storm.mp4.json").read_text())
        assert source["filter"] == text
        assert (folder / "storm.srt").read_text().count("-->") == len(expected)
        assert (folder / "storm.mp4.edl").read_text().count("FROM CLIP NAME") == len(expected)
        page = (folder / "scan.html").read_text()
        assert page.count("<img") == len(expected)
        assert not [path for path in written if "one.png" in path.name], "nothing of pictures"


def test_rejected_candidates_are_exported_alone(scanned: Cli, tmp_path: Path) -> None:
    exported(scanned.library, 1, ("json", "csv"), tmp_path, "is:rejected")
    for path in tmp_path.glob("*.json"):
        body = json.loads(path.read_text())
        if body["format"] == "sightline.source":
            assert body["events"] == [] and body["candidates"]
            assert not any(candidate["accepted"] for candidate in body["candidates"])
    assert (tmp_path / "dark.png.json").exists() and not (tmp_path / "one.png.json").exists()


def test_the_legacy_layout_holds_thumbnails(scanned: Cli, tmp_path: Path) -> None:
    exported(scanned.library, 1, ("legacy",), tmp_path)
    found = pickle.loads((tmp_path / "storm.mp4.legacy.pkl").read_bytes())
    assert sorted(found["thumbnails"]) == [1, 2, 3, 4, 5]
    assert all(jpeg[:2] == b"\xff\xd8" for jpeg in found["thumbnails"].values())


def test_rows_of_a_list_by_pandas(scanned: Cli, tmp_path: Path) -> None:
    library = Library(scanned.library, writable=False)
    try:
        count = write_rows(library, ListResults("candidates", 1), "csv", tmp_path / "rows.csv")
        write_rows(library, ListResults("candidates", 1), "jsonl", tmp_path / "rows.jsonl")
    finally:
        library.close()
    text = pandas.read_csv(tmp_path / "rows.csv", keep_default_na=False, dtype=str)
    assert len(text) == count and not (text == "'").to_numpy().any()
    table = pandas.read_csv(tmp_path / "rows.csv")
    assert {"score", "energy", "facts", "strokes", "threshold", "reason", "uri"} <= set(table)
    rejected = table[~table["accepted"]]
    assert len(rejected) and (rejected["score"] >= 0).all()
    lines = pandas.read_json(tmp_path / "rows.jsonl", lines=True)
    assert lines["uri"].tolist() == table["uri"].tolist()


async def parts_of(
    library: Path, request: ExportResults
) -> list[ExportProgress | Piece | ExportNote]:
    client = LibraryClient(library)
    try:
        return [part async for part in client.stream(request)]
    finally:
        await client.close()


def test_progress_counts_sources_and_events(scanned: Cli, records: Records, tmp_path: Path) -> None:
    request = ExportRequest(None, "", ("csv", "html"), str(tmp_path), "", str(tmp_path / "p"))
    parts = asyncio.run(parts_of(scanned.library, ExportResults(request)))
    heard = [each for each in parts if isinstance(each, ExportProgress)]
    wrote = [each for each in parts if isinstance(each, Piece)]
    sources = [(each.done, each.total) for each in heard if each.what == "source"]
    count = len(records.tasks(records.scans()[0].scan))
    assert sources == [(n + 1, count) for n in range(count)], "once, whatever the formats are per"
    events = [each for each in heard if each.what == "event"]
    assert [(each.done, each.total) for each in events] == [(n, STROKES) for n in range(6)]
    assert len([each for each in wrote if each.events == 1]) == STROKES


def test_wrong_requests_are_refused_before_anything_is_written(
    scanned: Cli, tmp_path: Path
) -> None:
    for text, words in (
        ("score>much", "score>0.5"),
        ("time>1:2:x", "time>83.5"),
        ("is:odd", "is:"),
    ):
        with pytest.raises(UsageError, match=words):
            exported(scanned.library, 1, ("csv",), tmp_path / "new", text)
    with pytest.raises(UsageError, match="did you mean 'json'"):
        exported(scanned.library, 1, ("jsno",), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_an_engine_exports_what_is_asked_of_it(own_library: Path, tmp_path: Path) -> None:
    """The app's request: begun, asked about until it is finished, in a thread of its own."""

    async def run() -> None:
        client = await LocalClient.open(own_library)
        try:
            request = ExportRequest(1, "time<3", ("csv",), str(tmp_path / "out"))
            number = (await client.ask(BeginExport(request))).number
            while not (state := await client.ask(GetExport(number))).finished:
                await asyncio.sleep(0.01)
            assert (state.trouble, state.failed) == ("", 0)
            assert state.files == 2 and state.progress.done == state.progress.total
            with pytest.raises(UsageError, match="no export 99"):
                await client.ask(GetExport(99))
            with pytest.raises(UsageError, match="score"):
                await client.ask(BeginExport(ExportRequest(1, "score>x", ("csv",), str(tmp_path))))
            await client.ask(BeginExport(ExportRequest(1, "", (), "", str(tmp_path / "clips"))))
        finally:
            await client.close()  # ends the one that runs, and waits for it

    asyncio.run(run())
    assert (tmp_path / "out" / "storm.mp4.csv").exists()


@pytest.fixture
def own_library(scanned: Cli, tmp_path: Path) -> Path:
    return Path(shutil.copytree(scanned.library, tmp_path / "library"))
