"""`summary.json`: a scan as a whole, always written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ...plugins.installed import EXPORTS
from ...plugins.loading import provenance
from ...version import sightline_version
from .document import FORMAT_VERSION, Summary
from .shapes import dumps_lines, summary_fields

NAME = "sightline.scan"
FILE_NAME = "summary.json"


def render(summary: Summary, formats: Sequence[str] = ()) -> str:
    """Return the text of `summary.json`, which `scan.schema.json` describes.

    `formats` are those of the export, with the plugin and its version that each comes from.
    """
    body = {
        "format": NAME,
        "version": FORMAT_VERSION,
        **summary_fields(summary),
        "totals": totals(summary),
        "formats": [_format(name) for name in dict.fromkeys(formats)],
    }
    return dumps_lines(body) + "\n"


def _format(name: str) -> dict[str, Any]:
    plugin, version = next(iter(provenance({EXPORTS: [name]}).items()), (None, sightline_version()))
    return {"name": name, "plugin": plugin, "version": version}


def totals(summary: Summary) -> dict[str, Any]:
    """Return counts over all sources: sources, frames read, events, and sources by state."""
    states = Counter(task.state for task in summary.tasks)
    return {
        "sources": len(summary.tasks),
        "frames": sum(int(task.frames) for task in summary.tasks),
        "events": sum(int(task.moments) for task in summary.tasks),
        "states": dict(sorted(states.items())),
    }
