"""What the app was like when it was left: screen, filters, cursors. A small JSON file."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.service.local import write_private

FILE = "app.json"


def load(folder: Path) -> dict[str, Any]:
    """Return what was kept; anything unreadable counts as nothing."""
    try:
        body = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(body, dict):
        return {}
    return {name: value for name, value in body.items() if isinstance(value, (str, int))}


def save(folder: Path, kept: dict[str, Any]) -> None:
    """Keep it; a disk that takes nothing is no reason to fail on the way out."""
    with suppress(OSError):
        write_private(folder / FILE, json.dumps(kept).encode("utf-8"))
