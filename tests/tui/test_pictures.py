"""Pictures of rows: kept, fetched ahead, fitted anew, and never of a row that was left."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.geometry import Size

from core.errors import SightlineError
from tests.tui.viewing import Viewer, look, wishes
from tests.workbench import STROKES
from tui.screens import picturing
from tui.screens.picturing import PictureScreen
from tui.views.pictures import MOST_KEPT, Kept
from tui.widgets.frame_view import FrameView, Place, fitted

WIDE = (160, 40)


class Watched:
    """What is fetched and shown; `gate` holds up what is fetched."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fetched: list[int] = []
        self.shown: list[Size] = []
        self.gates: dict[int, asyncio.Event] = {}
        self.fails = False
        fetch, show = PictureScreen.still, FrameView.show

        async def still(screen: PictureScreen, row: dict[str, Any], side: int) -> bytes:
            self.fetched.append(row["frame"])
            if row["frame"] in self.gates:
                await self.gates[row["frame"]].wait()
            if self.fails:
                raise SightlineError("the file is gone")
            return await fetch(screen, row, side)

        async def shows(view: FrameView, picture: Any, boxes: Any = ()) -> None:
            await show(view, picture, boxes)
            self.shown.append(Size(*picture.size))

        monkeypatch.setattr(PictureScreen, "still", still)
        monkeypatch.setattr(FrameView, "show", shows)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


async def _opened(viewer: Viewer) -> list[int]:
    """Go to the results; return the frames of all rows in order."""
    await viewer.go("2", "results")
    await viewer.until(lambda: viewer.table.row_count >= STROKES and viewer.table.cursor_key)
    rows = viewer.current_screen._rows
    return [rows.record(place)["frame"] for place in range(viewer.table.row_count)]


def _shown_frame(viewer: Viewer) -> int:
    shown = viewer.current_screen._shown_for
    return -1 if shown is None else shown[1][1]


async def _shows(viewer: Viewer, frame: int) -> None:
    await viewer.until(lambda: _shown_frame(viewer) == frame)


async def _fetches(viewer: Viewer, watched: Watched, frames: list[int]) -> None:
    await viewer.until(lambda: watched.fetched == frames)


def test_neighbours_are_fetched_ahead_and_nothing_twice(found: Path, watched: Watched) -> None:
    async def run(viewer: Viewer) -> None:
        frames = await _opened(viewer)
        await viewer.until(lambda: watched.fetched == frames[:2])
        for step in range(1, STROKES - 1):
            await viewer.press("j")
            await _shows(viewer, frames[step])
            await _fetches(viewer, watched, frames[: step + 2])
        await viewer.press(*"k" * (STROKES - 2))
        await viewer.until(lambda: _shown_frame(viewer) == frames[0])
        assert watched.fetched == frames[:STROKES]

    look(wishes(found), run, WIDE)


def test_ten_steps_without_a_rest_show_one_picture(
    found: Path, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picturing, "PICTURE_SECONDS", 1.5)  # longer than ten keys take here

    async def run(viewer: Viewer) -> None:
        frames = await _opened(viewer)
        await viewer.until(lambda: watched.shown)
        await viewer.press(*"jkjkjkjkj")
        await viewer.until(lambda: _shown_frame(viewer) == frames[1])
        await viewer.until(lambda: watched.fetched == frames[:3])
        assert len(watched.shown) == 2

    look(wishes(found), run, WIDE)


def test_the_former_picture_goes_and_what_comes_too_late_is_not_shown(
    found: Path, watched: Watched
) -> None:
    async def run(viewer: Viewer) -> None:
        frames = await _opened(viewer)
        await viewer.until(viewer.shows_picture)
        await viewer.until(lambda: watched.fetched == frames[:2])
        watched.gates[frames[2]] = gate = asyncio.Event()
        await viewer.press("j", "j")
        await viewer.sees("reading ")
        assert not viewer.current_screen.query_one(FrameView)._strips
        await viewer.press("k", "k")
        await viewer.until(lambda: _shown_frame(viewer) == frames[0])
        before, shown = viewer.screen, len(watched.shown)
        gate.set()
        await viewer.until(lambda: not viewer.current_screen._pictures._jpegs._coming)
        await viewer.pilot.pause()
        assert viewer.screen == before and len(watched.shown) == shown
        await viewer.press("j", "j")
        await viewer.until(lambda: _shown_frame(viewer) == frames[2])
        assert watched.fetched.count(frames[2]) == 1

    look(wishes(found), run, WIDE)


def test_a_picture_is_fitted_anew_when_its_place_changes(found: Path, watched: Watched) -> None:
    async def run(viewer: Viewer) -> None:
        await _opened(viewer)
        await viewer.until(lambda: len(watched.fetched) == 2 and watched.shown)
        await viewer.resize(110, 30)
        await viewer.until(lambda: watched.shown[-1] != watched.shown[0])
        small = watched.shown[-1]
        assert small.width <= 2 * viewer.current_screen.query_one(FrameView).size.width
        await viewer.press("space")  # the whole screen for the picture
        await viewer.until(lambda: watched.shown[-1].width > small.width)
        assert len(watched.fetched) == 2

    look(wishes(found), run, WIDE)


def test_a_picture_that_cannot_be_read_says_why_and_the_next_is_tried(
    found: Path, watched: Watched
) -> None:
    async def run(viewer: Viewer) -> None:
        watched.fails = True
        frames = await _opened(viewer)
        await viewer.sees("the file is gone")
        await viewer.until(lambda: len(watched.fetched) == 2)
        watched.fails = False
        await viewer.press("j")
        await viewer.until(lambda: watched.shown)
        assert watched.fetched.count(frames[1]) == 2

    look(wishes(found), run, WIDE)


def test_what_was_used_last_is_kept_and_each_is_made_once_at_a_time() -> None:
    async def run() -> None:
        kept: Kept[int] = Kept()
        made: list[int] = []

        async def make(number: int) -> int:
            await asyncio.sleep(0)
            made.append(number)
            if number < 0:
                raise ValueError
            return number

        same = [kept.got(0, lambda: make(0)) for _ in range(3)]
        assert await asyncio.gather(*same) == [0, 0, 0] and made == [0]
        for number in range(1, MOST_KEPT):
            await kept.got(number, partial(make, number))
        assert kept.get(0) == 0  # used last
        await kept.got(MOST_KEPT, lambda: make(MOST_KEPT))
        assert kept.get(0) == 0 and kept.get(1) is None
        for _ in range(2):
            with pytest.raises(ValueError):
                await kept.got(-1, lambda: make(-1))
        left = asyncio.ensure_future(kept.got(99, lambda: make(99)))
        await asyncio.sleep(0)
        left.cancel()
        assert await kept.got(99, lambda: make(99)) == 99 and made.count(99) == 1

    asyncio.run(run())


@pytest.mark.parametrize("size", [(1, 10_000), (10_000, 1), (1, 1), (640, 360)])
def test_pictures_of_any_shape_fit_their_place(size: tuple[int, int]) -> None:
    from io import BytesIO

    from PIL import Image

    jpeg = BytesIO()
    Image.new("RGB", size).save(jpeg, "JPEG")
    for place in (Place(40, 12), Place(4, 2), Place(40, 12, (10, 20))):
        width, height = fitted(jpeg.getvalue(), place).size
        across, down = place.cell_pixels or (2, 2)
        assert 0 < width <= place.width * across and 0 < height <= place.height * down
    for place in (Place(0, 5), Place(5, 0), Place(0, 0, (10, 20))):  # while a pane is resized
        with pytest.raises(ValueError, match="no size"):
            fitted(jpeg.getvalue(), place)
