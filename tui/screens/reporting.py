"""Writing a bug report: on every screen, of the scan selected there, else of the newest."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from core.text import clean

from ..views import browse
from .new_file import free_path

if TYPE_CHECKING:
    from ..bridge import Bridge
    from .screen import AppScreen


async def ask_for_report(screen: AppScreen) -> str | None:
    """Ask where to write a report; return why there is none to write. Raises SightlineError."""
    bridge, library = screen.app.bridge, screen.app.options.library
    scan = screen.selected_scan() or await _newest_scan(bridge)
    if not scan:
        return "there is no scan yet to report on"
    path = free_path(Path(browse.here()) / f"sightline-bug-{scan}.md")
    screen.ask(
        f"write the report on scan {scan} to", str(path),
        lambda text: screen.work(_write_report(bridge, library, scan, text)),
    )  # fmt: skip
    return None


async def _newest_scan(bridge: Bridge) -> int:
    """Return the number of the newest scan, 0 where there is none. Raises SightlineError."""
    from core.protocol.requests.results import GetScans

    return max((line.scan for line in (await bridge.ask(GetScans())).scans), default=0)


async def _write_report(bridge: Bridge, library: Path, scan: int, text: str) -> str:
    """Write a report to the path that was typed, and return what to say. Raises SightlineError."""
    from core.doctor.report import findings
    from core.protocol.bug_report import markdown
    from core.protocol.requests.reports import GetBugReport
    from core.service.local import write_file

    path = free_path(Path(browse.whole(browse.unquoted(text))))
    found = await asyncio.to_thread(findings, library)
    report = await bridge.ask(GetBugReport(scan, findings=found))
    await asyncio.to_thread(write_file, path, markdown(report.body).encode())
    return f"read it before you publish it: {clean(path.name)} in {clean(str(path.parent))}"
