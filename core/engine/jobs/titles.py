"""What jobs over files are called in lists."""

from __future__ import annotations

from collections.abc import Sequence

from ...text import clean_path, counted


def title_of(profile: str, paths: Sequence[str]) -> str:
    """Return a profile with the first of the paths, and how many more there are."""
    first = clean_path(paths[0], limit=80) if paths else ""
    more = f" and {counted(len(paths) - 1, 'path')} more" if len(paths) > 1 else ""
    return f"{profile} {first}{more}"
