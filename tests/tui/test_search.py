"""The Search screen: queries, conditions, sheet and list, cut-off, judging, export."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.errors import UsageError
from core.protocol.commands import CorrectFrame
from core.protocol.queries import ListResults
from core.protocol.requests.search import Search, SearchReply
from tests.tui.viewing import Viewer, look, wishes
from tui.screens.search import SearchScreen
from tui.views.search import RATES, USUAL_RATE, Wish, parted, remembered
from tui.widgets.sheet import Sheet

CAPTIONS = ("a bolt strikes the tower", "a bolt over the sea", "rain on the roof")


async def opened(viewer: Viewer) -> SearchScreen:
    """Give frames captions to find, and go to the screen."""
    await viewer.go("1", "queue")
    await viewer.until(lambda: viewer.app.bridge.state is not None)
    page = await viewer.app.bridge.ask(ListResults("events"))
    for row, caption in zip(page.rows, CAPTIONS, strict=False):
        command = CorrectFrame(row["content"], row["frame"], "caption", caption)
        await viewer.app.bridge.ask(command)
    await viewer.go("3", "search")
    screen = viewer.current_screen
    assert isinstance(screen, SearchScreen)
    return screen


async def typed(viewer: Viewer, query: str) -> None:
    await viewer.press("slash", "ctrl+u")
    signs = {" ": "space", "-": "minus", ":": "colon", "/": "slash", ".": "full_stop"}
    await viewer.press(*(signs.get(letter, letter) for letter in query), "enter")


def test_a_query_finds_shows_and_judges(own: Path, tmp_path: Path) -> None:
    async def run(viewer: Viewer) -> None:
        screen = await opened(viewer)
        await viewer.sees("/ types a query")
        await typed(viewer, "bolt")
        await viewer.sees("a bolt strikes", "a bolt over")
        assert "rain" not in viewer.screen
        assert screen.query_one(Sheet).display
        await viewer.until(viewer.shows_picture)
        await viewer.press("right", "v")
        await viewer.sees("SAID OF IT")
        assert viewer.table.cursor_index == 1 and "over the sea" in viewer.row()
        await viewer.press("v")
        assert screen.query_one(Sheet).cursor_index == 1

        await typed(viewer, "bolt tower")
        await viewer.until(lambda: len(screen._rows) == 1)
        await typed(viewer, "bolt")
        await viewer.until(lambda: len(screen._rows) == 2)
        assert screen.query_one(Sheet).cursor_index == 0  # on the best hit of the new query
        await viewer.press("y")
        await viewer.sees("only events and candidates can be judged")
        await viewer.press("right_square_bracket", "right_square_bracket")
        await viewer.sees("Events", "flash")
        await viewer.press("y")
        await viewer.sees("judged right")
        rows = (await viewer.app.bridge.ask(ListResults("events"))).rows
        assert [row["judgement"] for row in rows].count("right") == 1
        await viewer.press("y")
        await viewer.sees("judgement removed")

        await viewer.press("e", "ctrl+u")
        path = tmp_path / "hits.jsonl"
        await viewer.press(*(viewer_key(letter) for letter in str(path)), "enter")
        await viewer.sees("2 hits written")
        hits = [json.loads(line) for line in path.read_text().splitlines()]
        assert [hit["event"]["kind"] for hit in hits] == ["flash", "flash"]

    look(wishes(own), run, (120, 36))


def viewer_key(letter: str) -> str:
    return {"/": "slash", ".": "full_stop", "-": "minus", "_": "underscore"}.get(letter, letter)


def test_conditions_examples_and_what_is_wrong_are_said(own: Path) -> None:
    async def run(viewer: Viewer) -> None:
        screen = await opened(viewer)
        await typed(viewer, "bolt in:nowhere")
        await viewer.sees("in:nowhere", "nothing found")
        await viewer.press("backspace")  # drops the condition
        await viewer.sees("a bolt strikes")
        assert screen._wish.line == "bolt"
        await viewer.press("l")
        await viewer.sees("nothing is indexed yet")
        await viewer.press("backspace")
        await viewer.sees("/ types a query")
        await typed(viewer, "-bolt")
        await viewer.sees("the query only excludes")
        await typed(viewer, "colour:red")
        await viewer.sees("is not a number")
        await viewer.press("slash", "up", "up", "up", "up")
        assert viewer.current_screen.focused.value == "bolt in:nowhere"
        await viewer.press("escape")
        assert screen.query_one("#line").value == screen._wish.line  # type: ignore[attr-defined]

    look(wishes(own), run, (80, 24))


def test_a_query_is_there_again_when_the_app_is_opened_again(own: Path, tmp_path: Path) -> None:
    async def first(viewer: Viewer) -> None:
        await opened(viewer)
        await typed(viewer, "bolt")
        await viewer.sees("a bolt strikes")
        await viewer.press("v", "full_stop", "d")
        await viewer.until(lambda: not viewer.app.is_running)

    async def again(viewer: Viewer) -> None:
        await viewer.go("3", "search")
        await viewer.sees("SAID OF IT", "a bolt strikes", "10% false")

    look(wishes(own, state_folder=tmp_path), first, (120, 36))
    look(wishes(own, state_folder=tmp_path), again, (120, 36))


def test_hits_below_the_cut_off_are_faint_and_more_are_fetched(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Search] = []

    async def run(viewer: Viewer) -> None:
        screen = await opened(viewer)
        ask = viewer.app.bridge.ask
        found = await ask(Wish("bolt").request())
        pattern = dict(found.rows[0])

        async def answers(request: object, timeout: float = 30.0) -> object:
            if not isinstance(request, Search):
                return await ask(request, timeout)  # type: ignore[arg-type]
            asked.append(request)
            passing = round(100 * request.false_rate)
            rows = tuple(
                {**pattern, "key": f"k{n}", "caption": f"hit {n}", "passes": n < passing}
                for n in range(request.first, min(request.last, 300))
            )
            return SearchReply(passing, 300 - passing, request.first, rows)

        monkeypatch.setattr(viewer.app.bridge, "ask", answers)
        await typed(viewer, "storm")
        await viewer.sees("5% false: 5 above, 295 below")
        await viewer.press("full_stop")
        await viewer.sees("cut-off 10% false", "1 of 300")  # the line is out of view
        assert screen.query_one(Sheet)._rule_at == 10
        await viewer.press("comma", "comma")
        await viewer.sees("2% false: 2 above, 298 below")
        await viewer.press("0")
        await viewer.sees("5% false: 5 above")
        await viewer.press("G")
        await viewer.until(lambda: len(screen._rows) > 120)
        assert [request.first for request in asked][-1] == 120
        await viewer.press("plus")
        assert screen.query_one(Sheet).across == 2

    look(wishes(own), run, (120, 36))


def test_lines_are_parted_into_query_and_conditions() -> None:
    for line, query, conditions in (
        ("red car date:2024 -tag:rain", "red car", ["date:2024", "-tag:rain"]),
        ('place:"New York" night - rain', "night - rain", ['place:"New York"']),
        ("score>0.5 storm + 0.5:./a.jpg", "storm + 0.5:./a.jpg", ["score>0.5"]),
        ('"date:2024"', '"date:2024"', []), ("12:30 train", "12:30 train", []), ("", "", []),
    ):  # fmt: skip
        assert parted(line) == (query, conditions), line
    with pytest.raises(UsageError, match="too long"):
        Wish("x" * 10_001).request()
    assert Wish("a date:2024 tag:b").without_last().line == "a date:2024"
    assert Wish("a", like=("b.jpg",)).without_last() == Wish("a")
    wish = Wish("a", rate=USUAL_RATE)
    for _ in range(20):
        wish = wish.stepped(1)
    assert wish.rate == RATES[-1] and Wish("a").stepped(-1).rate == 0.02
    assert remembered(["a", "b", 3], "a") == ["b", "a"]
