"""Results as one sees them: lists, filters, order, marks, corrections, pictures, files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.protocol.queries import ListResults
from tests.tui.viewing import Viewer, look, wishes
from tests.workbench import STROKES
from tui.screens.new_file import plain_stem, write_new
from tui.views import wording
from tui.widgets.frame_view import FrameView
from tui.widgets.timeline import Timeline


async def opened(viewer: Viewer) -> None:
    await viewer.go("2", "results")
    await viewer.until(lambda: viewer.table.row_count >= STROKES)


async def facts(viewer: Viewer) -> None:
    """Turn the pane below to the facts; a narrow terminal has the course before them."""
    narrow = viewer.app.size.width < 100
    await viewer.press(*(["right_square_bracket"] * (2 if narrow else 1)))
    await viewer.until(lambda: viewer.current_screen.has_class("-facts"))


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
def test_lists_filter_and_order(found: Path, size: tuple[int, int]) -> None:
    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        await viewer.sees("00:00:01.360", "flash", "newest scan", "Why accepted", "needs 0.50")
        await facts(viewer)
        await viewer.sees("storm.mp4", "@00:00:01.360")
        await viewer.press("r")
        await viewer.sees("Candidates", "shorter than" if size[0] > 100 else "sh")
        await viewer.press("slash")
        await viewer.type("is:rejected")
        await viewer.press("enter")
        await viewer.until(lambda: viewer.table.row_count and "0.90" not in viewer.screen)
        await viewer.press("slash")
        for _ in "is:rejected":
            await viewer.press("backspace")
        await viewer.type("score>much")
        await viewer.press("enter")
        await viewer.sees("score>0")  # what is wrong with the filter, and how it is written
        await viewer.press("escape", "r")
        await viewer.sees("newest scan")
        await viewer.press("s")
        await viewer.sees("by score, descending")
        await viewer.type("score desc")
        await viewer.press("enter", "g")
        top = ListResults(sort="score", descending=True, last=1)
        best = (await viewer.app.bridge.ask(top)).rows[0]
        shown = (wording.at(best["peak_seconds"]), wording.score(best["score"]))
        await viewer.until(lambda: all(each in viewer.row() for each in shown))
        assert "\u25bc" in viewer.screen
        await viewer.press("F")
        await viewer.sees("CAPTION")

    look(wishes(found), run, size)


def test_marks_and_corrections_stay_with_the_frame(own: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        await facts(viewer)
        await viewer.press("j", "m")
        await viewer.sees("marked; /is:marked lists all")
        await viewer.until(lambda: viewer.row().startswith("\u258c*"))
        await viewer.press("E")
        await viewer.type("a bolt")
        await viewer.press("enter")
        await viewer.sees("corrected: a bolt", "caption stored beside the model's")
        await viewer.press("t")
        await viewer.type("storm, mast")
        await viewer.press("enter")
        await viewer.sees("tags stored beside the model's")
        await viewer.press("slash")
        await viewer.type("is:marked")
        await viewer.press("enter")
        await viewer.until(lambda: viewer.table.row_count == 1)
        await viewer.press("m")
        await viewer.until(lambda: viewer.table.row_count == 0)

    look(wishes(own), run)


def test_what_is_in_view_is_exported_and_nothing_is_written_over(own: Path) -> None:
    here = Path.cwd()
    (here / "sightline-events.jsonl").write_text("mine")

    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        await viewer.press("e")
        await viewer.sees("sightline-events-2.jsonl")
        await viewer.press("enter")
        await viewer.sees("5 rows written")
        await viewer.press("e", "ctrl+u")
        await viewer.type("sightline-events.jsonl")
        await viewer.press("enter")
        await viewer.until(lambda: (here / "sightline-events-3.jsonl").exists())
        await viewer.press("e", "ctrl+u")
        await viewer.type("/nowhere/at/all.jsonl")
        await viewer.press("enter")
        await viewer.sees("/nowhere")
        await viewer.press("o")
        await viewer.sees("written: storm-34.jpg")
        await viewer.press("o")
        await viewer.sees("storm-34-2.jpg")

    look(wishes(own), run, (160, 48))
    assert (here / "sightline-events.jsonl").read_text() == "mine"
    rows = (here / "sightline-events-2.jsonl").read_text().splitlines()
    assert len([json.loads(row) for row in rows]) == STROKES
    assert (here / "storm-34.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert not list(here.glob(".*"))


def test_every_format_and_clips_of_what_is_in_view(own: Path) -> None:
    """What `sightline export --filter` does, from the app."""
    here = Path.cwd()

    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        await viewer.press("slash")
        await viewer.type("time<3")
        await viewer.press("enter")
        await viewer.until(lambda: 0 < viewer.table.row_count < STROKES)
        kept.append(viewer.table.row_count)
        for wanted, said in (("json csv srt pictures", "written in"), ("jsno", "did you mean")):
            await viewer.press("W")
            await viewer.sees("clips pictures")
            await viewer.type(wanted)
            await viewer.press("enter")
            await viewer.sees("sightline-export")
            await viewer.press("enter")
            await viewer.sees(said)

    kept: list[int] = []
    look(wishes(own), run, (160, 48))
    folder = here / "sightline-export"
    (name,) = folder.glob("*.csv")
    assert len(name.read_text().splitlines()) == 1 + kept[0]
    assert len(list(folder.glob("*.jpg"))) == kept[0]
    assert (folder / "storm.srt").exists()


def test_a_new_file_is_whole_and_has_a_harmless_name(tmp_path: Path) -> None:
    assert write_new(tmp_path / "a.jpg", b"1") == tmp_path / "a.jpg"
    assert write_new(tmp_path / "a.jpg", b"2") == tmp_path / "a-2.jpg"
    assert sorted(each.name for each in tmp_path.iterdir() if each.is_file()) == [
        "a-2.jpg",
        "a.jpg",
    ]
    assert plain_stem("/x/\x1b[2J\u202e..mp4").isprintable()
    assert not plain_stem("/x/...hidden.mp4").startswith(".")
    assert len(plain_stem("/x/" + "\u65e5" * 200 + ".mp4").encode()) <= 120


def test_the_picture_is_shown_one_at_a_time_and_hidden(
    found: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    working, most, shown = 0, 0, []
    original = FrameView.show

    async def counted(view: FrameView, jpeg: bytes, boxes: object = ()) -> None:
        nonlocal working, most
        working, most = working + 1, max(most, working + 1)
        await original(view, jpeg, boxes)  # type: ignore[arg-type]
        shown.append(boxes)
        working -= 1

    monkeypatch.setattr(FrameView, "show", counted)

    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        await viewer.until(viewer.shows_picture)
        for _ in range(STROKES):
            await viewer.press("j")
        await viewer.until(lambda: len(shown) > 1)
        assert shown[-1]
        await viewer.press("b")
        await viewer.until(lambda: shown[-1] == [])
        await viewer.press("space")
        await viewer.sees_no("Why")
        await viewer.press("escape")
        await viewer.sees("Why")
        assert most == 1

    look(wishes(found), run)


def test_with_little_to_be_sent_there_is_no_picture_and_it_says_why(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        await viewer.sees("no pictures in low-bandwidth mode")
        assert not viewer.shows_picture()
        viewer.app.act("app.low_bandwidth")
        await viewer.press("j")
        await viewer.until(viewer.shows_picture)

    look(wishes(found, low_bandwidth=True), run, (160, 48))


def test_the_time_line_shows_the_video_s_events_and_goes(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        await viewer.sees("Whole video", f"{STROKES} events", "1 rejected", "8.0 s")
        line: int = viewer.current_screen.query_one(Timeline).region.y

        def bar() -> str:
            return viewer.terminal.rows[line]

        await viewer.until(lambda: bar().count("\u2588") == STROKES - 1)
        before = bar().index("\u25b2")
        await viewer.press("G")
        await viewer.until(lambda: bar().index("\u25b2") > before)
        await viewer.press("l")
        await viewer.sees_no("\u25b2")

    look(wishes(found), run)


def test_a_scan_that_is_gone_is_told_and_left(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        viewer.app.kept["results.scan"] = 77
        await viewer.go("2", "results")
        await viewer.sees("77")
        await viewer.press("escape")
        await viewer.sees("newest scan")

    look(wishes(found), run)
