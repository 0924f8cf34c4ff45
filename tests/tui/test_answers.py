"""What the app says, where, and how often; and filters while they are typed."""

from __future__ import annotations

from pathlib import Path

from tests.tui.viewing import Viewer, look, wishes
from tests.workbench import STROKES
from tui.screens.choose import narrowed


async def _results(viewer: Viewer) -> None:
    await viewer.go("2", "results")
    await viewer.until(lambda: viewer.table.row_count >= STROKES and viewer.table.cursor_key)


def test_a_filter_narrows_while_it_is_typed_and_esc_brings_all_back(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await _results(viewer)
        many = viewer.table.row_count
        await viewer.press("slash")
        await viewer.type("-kind:flash")
        await viewer.until(lambda: viewer.table.row_count == 0)
        await viewer.press("escape")
        await viewer.until(lambda: viewer.table.row_count == many)
        assert viewer.current_screen.filter_text == ""
        await viewer.go("1", "queue")
        await viewer.until(lambda: viewer.table.row_count > 0)
        await viewer.press("enter")  # unfolds the scan
        await viewer.until(lambda: viewer.table.row_count > 2)
        await viewer.press("slash")
        await viewer.type("broken")
        await viewer.until(lambda: viewer.table.row_count == 2)  # the scan and the file
        await viewer.press("enter")
        await viewer.sees("filter: broken")

    look(wishes(found), run)


def test_a_half_typed_condition_is_no_error_before_enter(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await _results(viewer)
        many = viewer.table.row_count
        await viewer.press("slash")
        await viewer.type("score>")
        trial = viewer.current_screen
        await viewer.until(lambda: trial._trial.trouble)
        await viewer.pilot.pause()
        assert viewer.table.row_count in (0, many)  # `score`, a word until then, is nowhere
        assert trial._trial.trouble not in viewer.screen
        await viewer.press("enter")
        await viewer.until(lambda: trial._rows.trouble)
        await viewer.sees("score>")
        await viewer.press("escape")
        await viewer.until(lambda: viewer.table.row_count == many)

    look(wishes(found), run)


def test_a_long_error_is_said_once(found: Path) -> None:
    words = "no such thing is here " + "and much more is to be said about it " * 3

    async def run(viewer: Viewer) -> None:
        viewer.current_screen.say(words, bad=True)
        await viewer.sees("no such thing is here")
        await viewer.pilot.pause()
        assert viewer.screen.count("no such thing is here") == 1

    look(wishes(found), run)


def test_a_stall_takes_no_answer_s_place(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        screen = viewer.current_screen
        viewer.app.meter.missed = lambda link: 3  # type: ignore[method-assign]
        screen.say("this is an answer")
        screen._tick()
        assert "this is an answer" in viewer.line("keys")
        screen._note = ("", 0.0, False)
        screen._tick()
        assert "the link stalled and 3 frames" in viewer.line("keys")
        viewer.app.meter.missed = lambda link: 0  # type: ignore[method-assign]

    look(wishes(found), run)


def test_an_empty_matrix_says_what_would_fill_it(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.go("5", "models")
        await viewer.until(lambda: viewer.table.row_count)
        await viewer.press("right_square_bracket")
        await viewer.sees("no combination was verified here yet")
        assert "engine running" not in viewer.screen

    look(wishes(found), run)


def test_leaving_says_in_the_shell_what_continues(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.until(lambda: viewer.app.bridge.state is not None)
        viewer.app.act("app.detach")
        await viewer.until(lambda: viewer.app.farewell)
        assert viewer.app.farewell == "sightline: the app is closed; no job is running"

    look(wishes(found), run)


def test_choices_that_are_called_so_come_before_those_that_are_only_described_so() -> None:
    choices = [("dev", "dev  quick tests of models"), ("quickest", "quickest"), ("quick", "quick")]
    assert [row.key for row in narrowed(choices, "quick")] == ["quick", "quickest", "dev"]
    assert [row.key for row in narrowed(choices, "")] == ["dev", "quickest", "quick"]
