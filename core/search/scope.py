"""What a filter lets a search find: contents, frames of them, or events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..errors import UsageError
from ..storage.conditions import JUDGED_FLAGS, Condition, Kind
from ..storage.library import Library

OF_SOURCES = ("file", "path", "in", "date", "camera", "lens", "place")
"""conditions that a source fulfils as a whole"""
_OF_EVENTS = ("kind", "energy", "strokes")
_FLAGS_OF_EVENTS = ("accepted", "rejected")
_NOT_HERE = (*JUDGED_FLAGS, "duplicate")
EventKey = tuple[str, str, int]
"""content, hash of the spec, and number"""


@dataclass(frozen=True, slots=True)
class Scope:
    """What may be found; None for anything. `events` are those of the list that is asked for."""

    contents: frozenset[str] | None = None
    frames: frozenset[tuple[str, int]] | None = None
    events: frozenset[EventKey] | None = None
    paths: dict[str, set[str]] = field(default_factory=dict)
    """of each content the paths that the filter lets through, where it is about paths"""

    def admits(self, content: str, frame: int) -> bool:
        """Return whether a frame may be found."""
        if self.frames is not None:
            return (content, frame) in self.frames
        return self.contents is None or content in self.contents


def scope_of(library: Library, conditions: Sequence[Condition], kind: Kind) -> Scope:
    """Return what conditions let through. Raises UsageError for those that searches do not know."""
    _check(conditions, kind)
    if not conditions:
        return Scope()
    if kind != "frames":
        events = frozenset(library.listings.matching(kind, conditions))
        return Scope(contents=frozenset(content for content, _, _ in events), events=events)
    if all(_is_of_source(each) for each in conditions):
        paths = library.listings.sources(conditions)
        return Scope(contents=frozenset(paths), paths=paths)
    rows = library.listings.matching(kind, conditions)
    frames = frozenset((content, frame) for content, _, frame in rows)
    return Scope(contents=frozenset(content for content, _ in frames), frames=frames)


def _is_of_source(condition: Condition) -> bool:
    return condition.name in OF_SOURCES or condition.values == ("located",)


def _check(conditions: Sequence[Condition], kind: Kind) -> None:
    for each in conditions:
        flags = [str(value) for value in each.values] if each.name == "is" else []
        for flag in flags:
            if flag in _NOT_HERE:
                raise UsageError(
                    f"is:{flag} is a condition of `sightline results`, not of searches"
                )
        of_events = each.name in _OF_EVENTS or any(flag in _FLAGS_OF_EVENTS for flag in flags)
        if of_events and kind == "frames":
            name = f"is:{flags[0]}" if flags else f"{each.name}:"
            raise UsageError(f"{name} is a condition on events; add --what events or candidates")
