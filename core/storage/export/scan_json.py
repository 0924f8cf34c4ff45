"""`summary.json`: a scan as a whole, always written."""

from __future__ import annotations

from collections import Counter
from typing import Any

from .document import FORMAT_VERSION, Summary
from .shapes import dumps, summary_fields

NAME = "sightline.scan"
FILE_NAME = "summary.json"


def render(summary: Summary) -> str:
    """Return the text of `summary.json`, which `scan.schema.json` describes."""
    body = {
        "format": NAME,
        "version": FORMAT_VERSION,
        **summary_fields(summary),
        "totals": totals(summary),
    }
    return dumps(body) + "\n"


def totals(summary: Summary) -> dict[str, Any]:
    """Return counts over all sources: sources, frames read, events, and sources by state."""
    states = Counter(task.state for task in summary.tasks)
    return {
        "sources": len(summary.tasks),
        "frames": sum(int(task.frames) for task in summary.tasks),
        "events": sum(int(task.moments) for task in summary.tasks),
        "states": dict(sorted(states.items())),
    }
