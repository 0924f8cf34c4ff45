"""Names of one kind of thing, and where each is implemented; imported when a name is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Generic, TypeVar

from ..errors import UnknownName
from ..text import clean, nearest

T = TypeVar("T")


class Registry(Generic[T]):
    """`kind` is what messages call an entry; `group` is the entry-point group of plugins."""

    def __init__(self, kind: str, group: str, built_in: Mapping[str, str]) -> None:
        """`built_in` has a `package.module:attribute` for each name."""
        self.kind = kind
        self.group = group
        self._built_in = dict(built_in)

    def names(self) -> tuple[str, ...]:
        """Return every name in the order of the table."""
        return tuple(self._built_in)

    def load(self, name: str) -> T:
        """Return what a name stands for. Raises UnknownName."""
        if name not in self._built_in:
            known = ", ".join(self._built_in)
            raise UnknownName(
                f"unknown {self.kind} '{clean(name)}'{nearest(name, list(self._built_in))}; "
                f"known: {known}"
            )
        module, _, attribute = self._built_in[name].partition(":")
        found: T = getattr(import_module(module), attribute)
        return found
