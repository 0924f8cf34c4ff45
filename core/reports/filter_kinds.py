"""Kinds of events that filters name: one that nothing can have is an error."""

from __future__ import annotations

from collections.abc import Iterable

from ..config.stages import declarations
from ..errors import UsageError
from ..storage.conditions import Condition
from ..storage.library import Library
from ..text import clean, nearest


def check_kinds(library: Library, conditions: Iterable[Condition]) -> None:
    """Raise UsageError for a kind that no stage proposes and no result in the library has."""
    check_kind_names(library, (v for c in conditions if c.name == "kind" for v in c.values))


def check_kind_names(library: Library, kinds: Iterable[object]) -> None:
    """Raise UsageError for a kind that no stage proposes and no result in the library has."""
    asked = {str(kind) for kind in kinds}
    known = sorted(stage.name for stage in declarations() if stage.role == "screening")
    for kind in sorted(asked - set(known)):
        if not library.listings.has_kind(kind):
            hint = nearest(kind, known)
            raise UsageError(f"unknown kind:{clean(kind)}; known: {', '.join(known)}{hint}")
