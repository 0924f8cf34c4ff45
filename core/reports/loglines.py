"""The engine's log as rows."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
TAIL_BYTES = 2_000_000
"""of a longer log only the end is shown; the file itself holds the rest"""
_LINE = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),\d+ (\w+) sightline\.?(\S*) (.*)$")


def log_lines(path: Path, level: str, text: str) -> list[dict[str, Any]]:
    """Return the lines of at least a level that hold all words of `text`, the oldest first.

    What native libraries wrote there has no level of its own and counts as INFO.
    """
    words = text.casefold().split()
    found = []
    for number, line in enumerate(_tail(path).splitlines()):
        row = _row(number, line)
        if _rank(row["level"]) >= _rank(level) and all(w in line.casefold() for w in words):
            found.append(row)
    return found


def _row(number: int, line: str) -> dict[str, Any]:
    parts = _LINE.match(line)
    if parts is None:
        return {"key": str(number), "time": "", "level": "INFO", "where": "", "text": line}
    time, level, where, text = parts.groups()
    return {
        "key": str(number), "time": time, "level": level, "where": where, "text": _plain(text),
    }  # fmt: skip


def _plain(text: str) -> str:
    """Return a message without the quotes it is logged in, which keep it on one line."""
    try:
        plain = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
    return plain if isinstance(plain, str) else text


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - TAIL_BYTES, 0))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else len(LEVELS)
