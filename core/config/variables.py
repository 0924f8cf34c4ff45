"""Names of the variables in prompts: those that scans fill in, and those of a user's own."""

from __future__ import annotations

import re

from ..text import clean

VARIABLES = ("tags", "label", "time", "frames")
"""what a scan fills in; a prompt may declare others of its own, with their values"""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def checked_names(values: dict[str, str]) -> dict[str, str]:
    """Return variables of a user's own. Raises ValueError for a name that none can have."""
    for name in values:
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"'{clean(name)}' cannot be the name of a variable; use a to z, 0 to 9 and '_'"
            )
        if name in VARIABLES:
            raise ValueError(f"scans fill in '{name}' themselves; choose another name")
    return values
