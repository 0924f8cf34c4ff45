"""The lines around every screen: title, tabs, status and link."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from core.text import clean

from ..keys.actions import SCREENS
from ..widgets.cells import safe, shorten
from ..widgets.line import LineSpan
from ..widgets.symbols import Symbols

if TYPE_CHECKING:
    from core.protocol.state import ScanState

    from ..app import SightlineApp
    from ..bridge import Bridge


BEHIND_BYTES = 4096
MOST_NAMED = 3
"""jobs, when the app is left"""


def title(bridge: Bridge, width: int, symbols: Symbols) -> tuple[list[LineSpan], str]:
    """Return the title row: where we are, and how much is running."""
    host = clean(socket.gethostname(), limit=30)
    only = [LineSpan("  read only", "warn")] if bridge.readonly else []
    right = _counts(bridge)
    taken = len(" sightline  " + host + "".join(part.text for part in only) + right) + 4
    path = shorten(_short(str(bridge.library)), max(width - taken, 8), symbols, "start")
    return [LineSpan(" sightline ", "strong"), LineSpan(f" {host}  {path}"), *only], right


def _counts(bridge: Bridge) -> str:
    state = bridge.state
    if state is None:
        return ""
    others = [job for job in state.jobs if job.kind != "scan" and not job.standing]
    held = sum(_left(scan) for scan in state.scans if scan.state == "paused")
    running = sum(len(scan.tasks) for scan in state.scans if scan.state != "paused")
    waiting = max(sum(map(_left, state.scans)) - held - running, 0)
    running += sum(job.state == "running" for job in others)
    waiting += sum(job.state == "queued" for job in others)
    held += sum(job.state == "paused" for job in others)
    paused = f"{held} paused  " if held else ""
    return f"{paused}{running} running  {waiting} queued "


def _left(scan: ScanState) -> int:
    return max(scan.sources - scan.finished, 0)


def tabs(scope: str, width: int) -> list[LineSpan]:
    """Return the row of screens; narrow terminals show their numbers, and this one's name."""
    parts = []
    for number, (name, shown) in enumerate(SCREENS.items(), 1):
        here = name == scope
        text = f" {number} {shown} " if width >= 76 or here else f" {number} "
        parts.append(LineSpan(text, "here" if here else "dim", f"screen.{name}"))
    return parts


def status(bridge: Bridge) -> list[LineSpan]:
    """Return how the engine is, unless all is well."""
    if bridge.connection == "starting":
        return [LineSpan(" starting the engine", "dim")]
    if bridge.connection in ("lost", "stopped", "failed"):
        return [LineSpan(" no engine", "bad")]
    return [LineSpan(f" engine {bridge.engine_pid}", "dim")]


def link(app: SightlineApp) -> str:
    """Return how the link to the terminal does."""
    facts, sending = app.facts, app.link
    trip = facts.round_trip_ms if facts is not None else None
    parts = [f"link {trip:.0f}ms"] if trip is not None else []
    if sending is not None:
        behind = sending.stalled or sending.backlog_bytes > BEHIND_BYTES
        parts.append("SLOW" if behind else app.meter.words(sending))
    parts.append(f"{1 / app.draw_seconds:.2g}Hz ")
    return "  ".join(parts)


def farewell(bridge: Bridge) -> str:
    """Return what the shell shows when the app is left; nothing where there was no engine."""
    state = bridge.state
    if state is None:
        return ""
    jobs = [f"{clean(job.kind).replace('-', ' ')} {job.number}" for job in state.jobs]
    if not jobs:
        return "sightline: the app is closed; no job is running"
    shown = ", ".join(jobs[:MOST_NAMED]) + (" ..." if len(jobs) > MOST_NAMED else "")
    verb = "continues" if len(jobs) == 1 else "continue"
    return (
        f"sightline: {shown} {verb} in the engine (process {bridge.engine_pid}); "
        "`sightline` shows the app again, `sightline status` the progress"
    )


def _short(path: str) -> str:
    home = os.path.expanduser("~")
    shown = "~" + path[len(home) :] if path.startswith(home + os.sep) else path
    return safe(shown)
