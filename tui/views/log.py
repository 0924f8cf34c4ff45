"""The engine's log."""

from __future__ import annotations

from typing import Any

from core.text import clean

from ..look.roles import Role
from ..widgets.columns import Column
from ..widgets.rows import Row

COLUMNS = (
    Column("TIME", 19, priority=1),
    Column("LEVEL", 7),
    Column("WHERE", 10, priority=2),
    Column("MESSAGE", None, minimum=12),
)
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_TONES: dict[str, Role] = {"WARNING": "warn", "ERROR": "bad", "CRITICAL": "bad", "DEBUG": "dim"}


def whole(row: dict[str, Any]) -> list[str]:
    """Return all of one line."""
    head = f"{clean(row['time'])} {clean(row['level'])} {clean(row['where'])}".strip()
    return [head, clean(row["text"], limit=20_000)]


def log_row(row: dict[str, Any]) -> Row:
    """Return one line of the log as a row."""
    cells = (clean(row["time"]), clean(row["level"]), clean(row["where"]), clean(row["text"]))
    return Row(str(row["key"]), cells, _TONES.get(row["level"], "text"))
