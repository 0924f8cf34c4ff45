"""The two rows around every screen: tabs above, with what runs and how the link is, keys below."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, NamedTuple, cast

from core.text import clean

from ..keys.actions import SCREENS
from ..widgets.cells import safe, shorten
from ..widgets.line import LineSpan, width_of

if TYPE_CHECKING:
    from core.protocol.state import EngineState, ScanState

    from ..app import SightlineApp
    from ..bridge import Bridge
    from ..look.roles import Ground, Role

WIDE = 100
"""from so many columns on, the row of tabs has a right side"""
NAMED = 76
"""from so many columns on, the tabs have names"""
LEAST_LIBRARY_CELLS, MOST_LIBRARY_CELLS = 12, 40
BEHIND_BYTES = 4096
MOST_NAMED = 3
"""jobs, when the app is left"""


def _left(scan: ScanState) -> int:
    return max(scan.sources - scan.finished, 0)


def tabs(app: SightlineApp, scope: str, width: int) -> tuple[list[LineSpan], list[LineSpan]]:
    """Return the row of screens, and right of it what runs; narrow terminals show numbers only."""
    parts = [LineSpan(" sightline ", "text", on="chip"), LineSpan(" ")] if width >= WIDE else []
    for number, (name, shown) in enumerate(SCREENS.items(), 1):
        parts += _tab(number, name, shown if width >= NAMED or name == scope else "", name == scope)
    if width_of(parts) > width:  # at least this screen's tab is in view
        here = _tab(list(SCREENS).index(scope) + 1, scope, SCREENS[scope], True)
        parts = [*here, *(part for part in parts if part not in here)]
    right = _right(app, width - width_of(parts)) if width >= WIDE else []
    return parts, right


def _tab(number: int, name: str, shown: str, here: bool) -> list[LineSpan]:
    action = f"screen.{name}"
    on: Ground | None = "here" if here else None
    return [
        LineSpan(f" {number}", "key" if here else "faint", action, on),
        LineSpan(f" {shown} " if shown else " ", "strong" if here else "dim", action, on),
    ]


def _right(app: SightlineApp, space: int) -> list[LineSpan]:
    """Return what is wrong, what runs, the link, and where there is space the library."""
    parts = [*troubles(app), *_counts(app), *_link(app), LineSpan(" ")]
    return [*_library(app, space - width_of(parts) - 1), *parts]


def troubles(app: SightlineApp) -> list[LineSpan]:
    """Return how engine and link are, unless all is well, and whether one may only look."""
    bridge, parts = app.bridge, []
    if bridge.connection == "starting":
        parts.append(LineSpan("  starting the engine", "warn"))
    elif bridge.connection in ("lost", "stopped", "failed"):
        parts.append(LineSpan("  no engine", "bad"))
    if bridge.readonly:
        parts.append(LineSpan("  read only", "warn"))
    sending = app.link
    if sending is not None and (sending.stalled or sending.backlog_bytes > BEHIND_BYTES):
        parts.append(LineSpan("  SLOW", "bad"))
    return parts


class Counts(NamedTuple):
    """Sources of scans and jobs of other kinds: how many run, wait and are paused."""

    running: int = 0
    waiting: int = 0
    paused: int = 0


def counts(state: EngineState | None) -> Counts:
    """Count what runs, what waits and what is paused."""
    if state is None:
        return Counts()
    others = [job for job in state.jobs if job.kind != "scan" and not job.standing]
    held = sum(_left(scan) for scan in state.scans if scan.state == "paused")
    running = sum(len(scan.tasks) for scan in state.scans if scan.state != "paused")
    waiting = max(sum(map(_left, state.scans)) - held - running, 0)
    running += sum(job.state == "running" for job in others)
    waiting += sum(job.state == "queued" for job in others)
    held += sum(job.state == "paused" for job in others)
    return Counts(running, waiting, held)


def _counts(app: SightlineApp) -> list[LineSpan]:
    """Return `> 2 run 41 wait`; what there is none of is left out."""
    found = counts(app.bridge.state)
    parts: list[LineSpan] = []
    for number, word, role in (
        (found.running, "run", "good"), (found.waiting, "wait", "text"),
        (found.paused, "paused", "warn"),
    ):  # fmt: skip
        if number:
            sign = f"{app.symbols.running} " if word == "run" else ""
            parts.append(LineSpan(f"{' ' if parts else '  '}{sign}{number}", cast("Role", role)))
            parts.append(LineSpan(f" {word}", "dim"))
    idle = [] if app.bridge.state is None else [LineSpan("  idle", "dim")]
    return parts or idle


def _link(app: SightlineApp) -> list[LineSpan]:
    """Return the round-trip time of the terminal, measured at the start."""
    trip = app.facts.round_trip_ms if app.facts is not None else None
    return [LineSpan(f"  {trip:.0f}ms", "faint")] if trip is not None else []


def _library(app: SightlineApp, space: int) -> list[LineSpan]:
    if space < LEAST_LIBRARY_CELLS:
        return []
    path = f"{clean(socket.gethostname(), limit=30)}:{_short(str(app.bridge.library))}"
    return [LineSpan(shorten(path, min(space, MOST_LIBRARY_CELLS), app.symbols, "start"), "faint")]


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
