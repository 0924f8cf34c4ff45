"""Judging on the Results screen: signs, advance, undo, cut-off, summary, scans, two viewers."""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from core.errors import EngineGone
from core.protocol.commands import JudgeEvent
from core.protocol.queries import ListResults
from core.service.discovery import running
from core.service.remote import RemoteClient
from tests.tui.test_budget import drawn
from tests.tui.viewing import Viewer, look, wishes
from tests.workbench import STROKES
from tui.screens.profiles import ProfilesScreen
from tui.widgets.line import Line

JUDGEMENT_BYTES = 2048


SCORES = (0.5, 0.9, 0.1, 0.7, 0.3)
"""of the events in `graded`, in the order of the list"""


@pytest.fixture
def graded(own: Path) -> Path:
    """The library with results, whose events have different scores."""
    with closing(sqlite3.connect(own / "library.db")) as connection, connection:
        for number, score in enumerate(SCORES, 1):
            connection.execute(
                "UPDATE moments SET score = ?1, body = json_set(body, '$.score', ?1) "
                "WHERE number = ?2",
                (score, number),
            )
        connection.execute(
            "UPDATE event_scores SET scores = ? WHERE kind = 'flash'",
            (np.array(SCORES, "<f8").tobytes(),),
        )
    return own


async def opened(viewer: Viewer) -> None:
    await viewer.go("2", "results")
    await viewer.until(lambda: viewer.table.row_count >= STROKES)
    await viewer.until(lambda: f"0 of {STROKES}" in viewer.line("keys") or "0/" in viewer.screen)


def signs(viewer: Viewer) -> str:
    """Return the signs of the rows, in order."""
    rows = [row.lstrip(" │|▌>*") for row in viewer.terminal.rows]
    listed = [row for row in rows if row[1:].lstrip().startswith("00:00:0")]
    return "".join(row[0] for row in listed if row[0] in "✓✗?·yn.")


async def stored(viewer: Viewer, what: str = "events") -> list[str]:
    page = await viewer.app.bridge.ask(ListResults(what))  # type: ignore[arg-type]
    return [row["judgement"] or "" for row in page.rows]


def test_keys_judge_advance_take_back_and_undo(own: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        assert signs(viewer) == "·" * STROKES
        await viewer.press("y")
        await viewer.until(lambda: signs(viewer) == "✓····" and viewer.table.cursor_index == 1)
        await viewer.sees("precision 1.00 (0.21\u20131.00)  1 of 5")
        await viewer.press("backspace")
        await viewer.until(lambda: signs(viewer) == "·····" and viewer.table.cursor_index == 0)
        await viewer.sees("precision -  0 of 5")
        assert await stored(viewer) == [""] * 5
        await viewer.press("y")
        await viewer.until(lambda: viewer.table.cursor_index == 1)
        await viewer.press("k", "y")
        await viewer.until(lambda: signs(viewer) == "·····")
        assert viewer.table.cursor_index == 0
        await viewer.press("n", "u")  # the second key waits for the first
        await viewer.until(lambda: signs(viewer) == "✗?···" and viewer.table.cursor_index == 2)
        await viewer.press("g", "J")
        await viewer.until(lambda: viewer.table.cursor_index == 2)
        await viewer.press("K")
        await viewer.until(lambda: viewer.table.cursor_index == 4)
        assert await stored(viewer) == ["wrong", "unsure", "", "", ""]
        await viewer.press("r")
        await viewer.sees("Candidates")
        await viewer.until(lambda: signs(viewer)[:2] == "✗?")
        await viewer.press("r", "F")
        await viewer.sees("CAPTION")
        await viewer.press("y")
        await viewer.sees("only when a row is under the cursor")

    look(wishes(own), run, (120, 36))


def test_a_judgement_that_is_not_stored_is_taken_off_the_row_and_said(own: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        bridge = viewer.app.bridge
        ask, tried = bridge.ask, []

        async def lost(request: object, timeout: float = 30.0) -> object:
            if isinstance(request, JudgeEvent):
                tried.append(request)
                raise EngineGone("the engine ended; starting it again")
            return await ask(request, timeout)  # type: ignore[arg-type]

        bridge.ask = lost  # type: ignore[method-assign, assignment]
        await viewer.press("y")
        await viewer.sees("not stored: the engine ended")
        assert tried and signs(viewer) == "·····" and viewer.table.cursor_index == 0
        bridge.ask = ask  # type: ignore[method-assign]
        await viewer.press("y")
        await viewer.until(lambda: signs(viewer) == "✓····")

    look(wishes(own), run, (120, 36))


def test_a_cut_off_hides_rows_of_a_kind_and_exports_all(graded: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        await viewer.press("j", "j")  # the row with the lowest score
        await viewer.press(*["full_stop"] * 10)
        await viewer.until(lambda: "0.10  flash 5→5" in viewer.line("cutoff"))
        await viewer.press("full_stop")
        await viewer.until(lambda: "0.11  flash 5→4" in viewer.line("cutoff"))
        await viewer.until(lambda: viewer.table.row_count == 4)
        await viewer.until(lambda: viewer.table.cursor_index == 1)  # the nearest above
        assert "0.90" in viewer.row()
        await viewer.press(*["full_stop"] * 40)
        await viewer.until(lambda: viewer.table.row_count == 2 and "0.90" in viewer.row())
        await viewer.sees("0 of 2")
        await viewer.press("y", "y")
        await viewer.sees("all judged: 2 right")
        await viewer.press("k", "comma")
        await viewer.until(lambda: "0.50  flash 5→3" in viewer.line("cutoff"))
        await viewer.until(lambda: viewer.table.row_count == 3)
        await viewer.press("e")
        await viewer.sees("view 3", "right 2", "right and unjudged 3", "--cut-off flash=0.5")
        await viewer.press("escape", "0")
        await viewer.until(lambda: viewer.table.row_count == STROKES)
        await viewer.sees("off   flash 5", "2 of 5")

    look(wishes(graded), run, (120, 36))


def test_the_end_of_a_round_leads_to_export_and_to_the_sensitivity(graded: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        least = SCORES.index(min(SCORES))
        for place in range(STROKES):
            await viewer.press("n" if place == least else "y")
            done = place + 1
            await viewer.until(lambda done=done: f"{done} of 5" in viewer.line("keys"))  # type: ignore[misc]
        await viewer.sees(
            "all judged: 4 right, 1 wrong, 0 unsure",
            "flash: cut-off 0.30 keeps 4 of 4 right",
            "events and drops 1 of 1 wrong event",
        )
        await viewer.press("k")
        await viewer.sees_no("all judged")
        await viewer.press("J")
        await viewer.sees("all judged", "no unjudged row in this list")
        await viewer.press("e")
        await viewer.sees("right 4", "new: scan-1-right.csv")
        await viewer.press("tab", "ctrl+u")
        await viewer.type("right.csv")
        await viewer.sees("new: right.csv")
        await viewer.press("enter")
        await viewer.sees("4 rows written")
        await viewer.press("w")
        await viewer.until(lambda: isinstance(viewer.current_screen, ProfilesScreen))
        await viewer.until(lambda: "flash.sensitivity" in viewer.row() or viewer.shows("edited"))
        assert viewer.current_screen._profile == "quick"
        value = viewer.current_screen._changes["flash.sensitivity"]
        assert 0.5 < value <= 1
        await viewer.sees("not saved")

    look(wishes(graded), run, (120, 36))
    with (Path.cwd() / "right.csv").open(newline="") as file:
        assert {row["judgement"] for row in csv.DictReader(file)} == {"right"}


def test_the_scan_is_chosen_with_how_much_of_it_is_judged(own: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        await viewer.press("y")
        await viewer.until(lambda: signs(viewer) == "✓····")
        await viewer.press("p")
        await viewer.sees("every scan", "1  quick", "5 events  1 judged")
        await viewer.press("enter")
        await viewer.sees("Events 5", "scan 1")

    look(wishes(own), run, (120, 36))


def test_a_judgement_of_another_is_shown_and_a_reader_has_no_keys(own: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        row = (await viewer.app.bridge.ask(ListResults())).rows[0]
        found = running(own)
        assert found is not None
        other = await RemoteClient.open(found)
        await other.send(JudgeEvent(row["content"], row["kind"], row["frame"], "wrong"))
        await viewer.until(lambda: signs(viewer) == "✗····")
        await viewer.sees("1 of 5")
        await other.close()

    look(wishes(own), run, (120, 36))
    look(wishes(own, readonly=True), _sees, (120, 36))


async def _sees(viewer: Viewer) -> None:
    await viewer.go("2", "results")
    await viewer.until(lambda: signs(viewer) == "✗····")
    assert "right" not in viewer.line("keys")
    await viewer.press("y")
    await viewer.sees("changes are not allowed")
    assert signs(viewer) == "✗····"


def test_a_judgement_takes_two_kilobytes_at_once_and_advance_can_be_off(own: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        await drawn(viewer)
        before = viewer.terminal.sent
        await viewer.press("y")
        await viewer.until(lambda: signs(viewer) == "✓····")
        await viewer.until(lambda: "1/5" in viewer.line("keys"))
        assert 0 < viewer.terminal.sent - before <= JUDGEMENT_BYTES
        assert viewer.table.cursor_index == 0
        assert viewer.current_screen.query_one("#cutoff", Line).display

    look(wishes(own, advances=False), run, (80, 24))


def test_without_unicode_signs_are_letters(own: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        await viewer.press("y", "n")
        await viewer.until(lambda: signs(viewer) == "yn...")
        assert viewer.screen.isascii()

    look(wishes(own, ascii=True), run, (120, 36))
