"""Models as rows: what is known by name, what lies on this disk, and what each took in memory."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..hub.hub import Hub
from ..hub.overview import lines
from ..storage.library import Library


def model_rows(library: Library) -> list[dict[str, Any]]:
    """Return every model; `memory_bytes` is None for one that was never loaded."""
    took = {each.name: each for each in library.footprints.all()}
    rows = []
    for line in lines(Hub()):
        memory = took.get(line.name) or took.get(line.repo)
        rows.append(
            asdict(line)
            | {
                "memory_bytes": memory.bytes if memory else None,
                "memory_device": memory.device if memory else "",
            }
        )
    return rows


def matrix_rows() -> list[dict[str, Any]]:
    """Return what was verified, the latest first."""
    rows = [row.model_dump(mode="json") for row in Hub().catalog.verified]
    return sorted(rows, key=lambda row: str(row["on"]), reverse=True)
