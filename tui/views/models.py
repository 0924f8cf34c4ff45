"""Models: known by name, on this disk, being fetched, and in memory."""

from __future__ import annotations

from typing import Any

from core.protocol.state import DownloadState, EngineState, ModelState
from core.text import clean, counted

from ..look.roles import Role
from ..widgets.bar import bar
from ..widgets.columns import Column
from ..widgets.rows import Row
from ..widgets.symbols import Symbols
from . import wording

COLUMNS = (
    Column("MODEL", None, flex=2, minimum=14),
    Column("KIND", 9, priority=3),
    Column("HERE", 9),
    Column("DISK", 6, align="right", priority=2),
    Column("MEMORY", 6, align="right", priority=2),
    Column("PINNED", 8, priority=4),
    Column("GOOD FOR", None, flex=3, minimum=10, priority=1),
)
MATRIX_COLUMNS = (
    Column("MODEL", None, flex=2, minimum=14),
    Column("COMMIT", 12),
    Column("ATTENTION", None, flex=1, minimum=8, priority=1),
    Column("DTYPE", 9, priority=2),
    Column("DEVICE", 8, priority=3),
    Column("ON", 10),
    Column("HOW", None, flex=2, minimum=8, priority=4),
)
SORTS = {
    "name": "MODEL", "kind": "KIND", "here": "HERE", "disk": "DISK", "memory": "MEMORY",
}  # fmt: skip
"""what models can be sorted by, and the column that shows it"""
_HERE = {
    "whole": "here", "half": "half", "begun": "begun", "other": "no model", "fault": "FAULT",
    "": "-",
}  # fmt: skip


def model_row(row: dict[str, Any], state: EngineState | None) -> Row:
    """Return one model as a row."""
    fetched, held = download_of(row, state), resident_of(row, state)
    tone: Role = "text" if row["state"] == "whole" else "dim"
    word = _HERE.get(row["state"], "-")
    if fetched is not None and fetched.state in ("running", "paused"):
        word, tone = f"{wording.percent(done_share(fetched))} {fetched.state[:5]}", "good"
    elif fetched is not None and fetched.state == "failed":
        word, tone = "FAILED", "bad"
    memory = held.bytes if held else row["memory_bytes"]
    cells = (
        clean(row["name"]), clean(row["kind"]), word,
        wording.size(row["size_bytes"]) if row["size_bytes"] else "-",
        ("*" if held else "") + wording.size(memory), clean(row["pinned"])[:8] or "-",
        clean(row["good_for"] or row["repo"]),
    )  # fmt: skip
    return Row(clean(row["name"]), cells, tone)


def matrix_row(row: dict[str, Any]) -> Row:
    """Return one row of what was verified."""
    cells = (
        clean(row["repo"]), clean(row["commit"])[:12], wording.words(row["attn"]),
        clean(row["dtype"]), clean(row["device"]), clean(str(row["on"])), clean(row["how"]),
    )  # fmt: skip
    return Row("|".join(cells), cells)


def download_of(row: dict[str, Any], state: EngineState | None) -> DownloadState | None:
    """Return the download of a model, if there was one since the engine started."""
    downloads = state.downloads if state else ()
    return next((each for each in downloads if each.name in (row["name"], row["repo"])), None)


def resident_of(row: dict[str, Any], state: EngineState | None) -> ModelState | None:
    """Return a model that is in memory."""
    models = state.models if state else ()
    return next((each for each in models if each.name in (row["name"], row["repo"])), None)


def done_share(download: DownloadState) -> float | None:
    """Return how much of a download is on the disk."""
    return download.bytes_done / download.bytes_total if download.bytes_total else None


def download_line(download: DownloadState, width: int, symbols: Symbols) -> str:
    """Return a download with bar, sizes, speed and time left."""
    space = max(min(width - 64, 30), 6)
    left = None
    if download.bytes_per_second > 0:
        left = (download.bytes_total - download.bytes_done) / download.bytes_per_second
    share = done_share(download)
    reason = f"  {clean(download.reason)}" if download.reason else ""
    return (
        f"{clean(download.name)[:24]:<24} {download.state:<9} "
        f"{bar(share, space, symbols, ends=True)} {wording.percent(share):>4}  "
        f"{wording.size(download.bytes_done)}/{wording.size(download.bytes_total)}  "
        f"{wording.size(download.bytes_per_second)}/s  left {wording.span(left)}  "
        f"{download.files_done}/{counted(download.files_total, 'file')}{reason}"
    )


def facts(row: dict[str, Any], state: EngineState | None) -> list[str]:
    """Return everything known of a model, or of one row of what was verified."""
    words = [
        f"{name.replace('_', ' ')}: {wording.size(value) if name.endswith('_bytes') else value}"
        for name, value in row.items()
        if value not in (None, "", [], 0, False)
    ]
    lines = [clean(line) for line in words]
    found = download_of(row, state) if "name" in row else None
    return (
        lines if found is None else [*lines, "", f"download: {found.state} {clean(found.reason)}"]
    )


def detail(row: dict[str, Any] | None, state: EngineState | None) -> list[str]:
    """Return what there is to say about the model under the cursor."""
    if row is None:
        return [""]
    lines = [
        f"{clean(row['repo'])}  {clean(row['family'])}  licence: {clean(row['licence']) or '-'}"
    ]
    if row["pinned"]:
        lines.append(f"pinned to {clean(row['pinned'])}")
    if row.get("why"):
        lines.append(f"on this disk: {clean(row['why'])}")
    if row["remote_code"]:
        lines.append(
            "runs code from its repository: only with models.allow_remote_code and a commit"
        )
    fetched, held = download_of(row, state), resident_of(row, state)
    if fetched is not None and fetched.reason:
        lines.append(f"{fetched.state}: {clean(fetched.reason)}")
    if held is not None:
        use = "in use" if held.leased else f"idle for {wording.span(held.idle_seconds)}"
        lines.append(f"in memory on {clean(held.device)}: {wording.size(held.bytes)}, {use}")
    elif row["memory_bytes"]:
        lines.append(f"took {wording.size(row['memory_bytes'])} on {clean(row['memory_device'])}")
    return lines
