"""A long video as the Queue shows it: finds before it is read, its results after."""

from __future__ import annotations

from pathlib import Path

from core.protocol.commands import ContinueScan, PauseScan, SubmitScan
from tests.tui.viewing import Viewer, look, wishes


def test_finds_are_shown_before_a_file_is_read_and_its_events_after(
    library: Path, long_storm: Path
) -> None:
    async def run(viewer: Viewer) -> None:
        screen, app = viewer.current_screen, viewer.app
        await app.submit(SubmitScan((str(long_storm),), "storm"))
        finds = screen._finds

        def ahead() -> bool:
            state = app.bridge.state
            return state is not None and any(
                t.provisional_events for s in state.scans for t in s.tasks
            )

        await viewer.until(lambda: ahead() or finds.shown)
        if ahead():  # unless the machine read it all within a second
            await app.bridge.ask(PauseScan(1))
            await viewer.sees("+ events", "┃", "provisional")
            await app.bridge.ask(ContinueScan(1))
        await viewer.sees("1 storm  done  1 of 1")
        await viewer.sees_no("+ events")
        await viewer.sees_no("provisional")
        await viewer.press("j")
        await viewer.until(lambda: viewer.row().startswith("▌  done") and "┃" in viewer.row())
        await viewer.until(lambda: finds.shown)
        assert not any(find.provisional for find in finds.shown)
        events = viewer.row().split("│")[0].split()[-1]
        await viewer.press("g", "enter")
        await viewer.until(lambda: viewer.table.row_count == 1)
        await viewer.press("enter")
        await viewer.until(lambda: viewer.table.row_count == 2)
        await viewer.press("tab")
        await viewer.until(lambda: screen.finds.has_focus)
        find = finds.shown[0]
        await viewer.press("g", "enter")
        await viewer.until(lambda: viewer.current_screen.scope == "results")
        await viewer.until(lambda: viewer.table.row_count >= int(events))
        results = viewer.current_screen
        await viewer.until(
            lambda: (
                (row := results._rows.by_key(viewer.table.cursor_key)) is not None
                and abs(row["seconds"] - find.seconds) < 0.01
            )
        )

    look(wishes(library), run, (120, 36))
