"""Models as rows: what is known by name, what lies on this disk, and what each took in memory."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..hub.hub import Hub
from ..hub.overview import lines
from ..storage.library import Library

_FIELDS = {
    "name": "name", "kind": "kind", "here": "state", "disk": "size_bytes", "memory": "memory_bytes",
}  # fmt: skip


def model_rows(
    library: Library, sort: str = "catalog", *, descending: bool = False
) -> list[dict[str, Any]]:
    """Return every model; `memory_bytes` is None for one that was never loaded.

    What has nothing in the field sorted by comes last, whichever the direction.
    """
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
    name = _FIELDS.get(sort)
    if name is None:
        return rows
    known = sorted((r for r in rows if r[name]), key=lambda r: r[name], reverse=descending)
    return [*known, *(row for row in rows if not row[name])]


def matrix_rows() -> list[dict[str, Any]]:
    """Return what was verified, the latest first."""
    return [row.model_dump(mode="json") for row in Hub().catalog.rows()]
