"""The JSON Schemas (draft 2020-12) of what `json` and `summary.json` hold."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, Literal


def schema(of: Literal["source", "scan"]) -> dict[str, Any]:
    """Return the schema of a source's JSON or of a scan's `summary.json`."""
    text = files(__package__).joinpath(f"{of}.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
