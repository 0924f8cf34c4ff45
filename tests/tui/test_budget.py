"""How much is sent: nothing while nothing happens, little while eight sources are running."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from core.protocol.queries import RowsRequest
from core.protocol.state import EngineState, ProvisionalEvent, ScanState, StepState, TaskState
from tests.tui.viewing import Viewer, look, wishes

TICKS = 12
BYTES_A_SECOND = 6 * 1024
TICKS_A_SECOND = 4


async def ticks(viewer: Viewer, count: int) -> None:
    for _ in range(count):
        viewer.current_screen._tick()
        await viewer.pilot.pause()


IDLE = {"1": "queue", "2": "results", "5": "models", "7": "profiles", "8": "log"}


async def drawn(viewer: Viewer) -> None:
    """Wait until a screen has drawn all it has: nothing was sent for half a second."""
    sent = -1
    while sent != viewer.terminal.sent:
        sent = viewer.terminal.sent
        await asyncio.sleep(0.5)
        await viewer.pilot.pause()


def test_an_idle_screen_sends_nothing(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        for key, scope in IDLE.items():
            await viewer.go(key, scope)
            await viewer.until(lambda: viewer.table.row_count > 0)
            if scope == "results":  # counts come after the rows
                await viewer.until(lambda: "0/" in viewer.line("keys"))
            await drawn(viewer)
            before = viewer.terminal.sent
            await ticks(viewer, TICKS)
            await asyncio.sleep(0.5)
            assert viewer.terminal.sent == before, scope

    look(wishes(found), run)


def busy(step: int, rows: list[dict[str, object]]) -> EngineState:
    """Return eight sources running, each further on than a step before, one with a new event."""
    tasks = tuple(
        TaskState(
            int(str(row["number"])), str(row["path"]), 700 + step * 9 + n, 9000, 21.4 + step % 7,
            (StepState("read", step, 1.0 * step, 0, 2, 8, 8),
             StepState("describe", step, 3.0 * step, 0, 0, 4, 8)),
            tuple(ProvisionalEvent("flash", 4.0 * each, 0.9) for each in range(step // 8 + n)),
            300.0,
        )
        for n, row in enumerate(rows[:8])
    )  # fmt: skip
    return EngineState(step, "", (ScanState(1, "full", "running", 40, step, 0, step, tasks),))


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
def test_eight_running_sources_take_six_kilobytes_a_second_at_most(
    own: Path, size: tuple[int, int]
) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.until(lambda: viewer.table.row_count == 1)
        await viewer.press("enter")
        await viewer.until(lambda: viewer.table.row_count > 8)
        bridge, screen = viewer.app.bridge, viewer.current_screen
        page = await bridge.ask(replace(screen._rows.query, first=0, last=100))
        head, *sources = page.rows
        queued = [row | {"state": "queued"} for row in sources]
        listed = (head, *queued)

        async def ask(query: RowsRequest) -> object:
            return replace(page, rows=listed[query.first : query.last])

        bridge.ask = ask  # type: ignore[method-assign, assignment]
        attachment = viewer.app._attachment
        assert attachment is not None
        attachment.cancel()
        await asyncio.wait([attachment])  # else a state on its way takes the place of ours
        bridge.state, bridge.changes = busy(1, queued), bridge.changes + 1
        await viewer.press("j")
        await ticks(viewer, 3)
        await viewer.sees("run ", "describe")
        before = viewer.terminal.sent
        screen._clock.pause()
        for step in range(2, 2 + TICKS):
            bridge.state = busy(step, queued)
            await ticks(viewer, 1)
        sent = (viewer.terminal.sent - before) / TICKS * TICKS_A_SECOND
        assert viewer.screen.count("run ") >= 8 and "7+" in viewer.screen
        assert 0 < sent <= BYTES_A_SECOND, f"{sent:.0f} B/s"
        before = viewer.terminal.sent
        await ticks(viewer, TICKS)  # nothing changed since
        assert viewer.terminal.sent == before

    look(wishes(own), run, size)
