"""How much is sent: nothing while nothing happens, little while eight sources are running."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

from core.protocol.queries import RowsRequest
from core.protocol.state import EngineState, ScanState, StepState, TaskState
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
    """Return eight sources running, each further on than a step before."""
    tasks = tuple(
        TaskState(
            int(str(row["number"])), str(row["path"]), 700 + step * 9 + n, 9000, 21.4 + step % 7,
            (StepState("read", step, 1.0 * step, 0, 2, 8, 8),
             StepState("describe", step, 3.0 * step, 0, 0, 4, 8)),
        )
        for n, row in enumerate(rows[:8])
    )  # fmt: skip
    return EngineState(step, "", (ScanState(1, "full", "running", 40, step, 0, step, tasks),))


def test_eight_sources_at_work_take_six_kilobytes_a_second_at_most(own: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.until(lambda: viewer.table.row_count >= 8)
        bridge, screen = viewer.app.bridge, viewer.current_screen
        page = await bridge.ask(replace(screen._rows.query, first=0, last=100))
        queued = tuple(row | {"state": "queued"} for row in page.rows)

        async def ask(query: RowsRequest) -> object:
            return replace(page, rows=queued[query.first : query.last])

        bridge.ask = ask  # type: ignore[method-assign, assignment]
        attachment = viewer.app._attachment
        assert attachment is not None
        attachment.cancel()
        await asyncio.wait([attachment])  # else a state on its way takes the place of ours
        bridge.state, bridge.changes = busy(1, list(queued)), bridge.changes + 1
        await ticks(viewer, 3)
        await viewer.sees("run ", "8 running")
        before, started = viewer.terminal.sent, time.monotonic()
        screen._clock.pause()
        for step in range(2, 2 + TICKS):
            bridge.state = busy(step, list(queued))
            await ticks(viewer, 1)
        sent = (viewer.terminal.sent - before) / TICKS * TICKS_A_SECOND
        assert viewer.screen.count("run ") >= 8
        assert 0 < sent <= BYTES_A_SECOND, f"{sent:.0f} B/s"
        assert time.monotonic() > started

    look(wishes(own), run)
