"""Names of one kind of thing, and where each is implemented; imported when a name is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Generic, TypeVar

from ..errors import PluginFault, SightlineError, UnknownName
from ..text import clean, nearest
from . import loading
from .installed import STAGES, PluginEntry, enabled

T = TypeVar("T")

RESERVED: dict[str, frozenset[str]] = {
    STAGES: frozenset((
        "profile", "description", "extends", "stages", "sampling", "regions", "events", "limits",
        "run", "output", "models", "vlm",
    )),
}  # fmt: skip
"""Names that no plugin may use although no built-in entry has them: a stage's settings are the
section of a profile that is called as the stage is, and these keys of a profile are taken."""


_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,63}")


class Registry(Generic[T]):
    """Built-in names first, then those of the enabled plugins.

    `kind` is what messages call an entry; `group` is the entry-point group of plugins. A plugin
    never replaces a name: one that is built in, reserved or provided by a plugin enabled earlier
    is refused, and the plugin's other names stay usable.
    """

    def __init__(
        self, kind: str, group: str, built_in: Mapping[str, str],
        check: loading.Check | None = None,
    ) -> None:  # fmt: skip
        """`built_in` has a `package.module:attribute` for each name.

        `check` says what is wrong with an object that a plugin provides: an empty string if
        nothing is.
        """
        self.kind = kind
        self.group = group
        self._built_in = built_in
        self._check = check

    @property
    def built_in(self) -> tuple[str, ...]:
        """Return the names that come with sightline; never looks for plugins."""
        return tuple(self._built_in)

    def names(self) -> tuple[str, ...]:
        """Return every name in the order of the table, then those of enabled plugins.

        Imports nothing. Raises ProfileError for a wrong settings file.
        """
        return (*self._built_in, *self._accepted())

    def __contains__(self, name: object) -> bool:
        return name in self._built_in or name in self._accepted()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())

    def __getitem__(self, name: str) -> T:
        return self.load(name)

    def load(self, name: str) -> T:
        """Return what a name stands for.

        Raises UnknownName, or PluginFault for a plugin's that cannot be used.
        """
        if name in self._built_in:
            module, _, attribute = self._built_in[name].partition(":")
            found: T = getattr(import_module(module), attribute)
            return found
        entry = self._accepted().get(name)
        if entry is None:
            raise UnknownName(self._unknown(name))
        provided: T = loading.load(entry, self._check)
        return provided

    def items(self) -> Iterator[tuple[str, T]]:
        """Yield each name and what it stands for; a plugin's that cannot be used is left out."""
        for name in self.names():
            try:
                yield name, self.load(name)
            except PluginFault:
                if name in self._built_in:
                    raise

    @contextmanager
    def faults_of(self, name: str) -> Iterator[None]:
        """Turn what the code of a plugin raises inside the block into a PluginFault that names it.

        Errors of sightline's own, of the system and of built-in code pass unchanged.
        """
        try:
            yield
        except (SightlineError, OSError):
            raise
        except Exception as error:
            entry = None if name in self._built_in else self._accepted().get(name)
            if entry is None:
                raise
            raise loading.fault(entry, loading.described(error)) from error

    def faults(self) -> dict[PluginEntry, str]:
        """Return why entries of enabled plugins cannot be used. Imports those not refused."""
        found = dict(self.refused())
        for entry in self._accepted().values():
            try:
                loading.load(entry, self._check)
            except PluginFault as error:
                found[entry] = str(error)
        return found

    def refused(self) -> dict[PluginEntry, str]:
        """Return why entries of enabled plugins are refused by their name; imports nothing."""
        return {
            entry: str(loading.fault(entry, reason)) for entry, reason in self._judged() if reason
        }

    def _accepted(self) -> dict[str, PluginEntry]:
        return {entry.name: entry for entry, reason in self._judged() if not reason}

    def _judged(self) -> Iterator[tuple[PluginEntry, str]]:
        """Yield each entry of the enabled plugins with the reason its name is refused, or ''."""
        taken: dict[str, str] = {}
        for plugin in enabled():
            for entry in plugin.entries:
                if entry.group == self.group:
                    yield entry, self._reason(entry, taken)
                    taken.setdefault(entry.name, entry.distribution)

    def _reason(self, entry: PluginEntry, taken: Mapping[str, str]) -> str:
        if entry.name in self._built_in:
            return "sightline has one of that name"
        if entry.name in RESERVED.get(self.group, ()):
            return "profiles have a section of that name"
        if entry.name in taken:
            return f"plugin {clean(taken[entry.name])} provides one of that name too"
        if not _NAME.fullmatch(entry.name):
            return "a name is of a-z, A-Z, 0-9, '_', '-' and '+', and begins with a letter"
        return ""

    def _unknown(self, name: str) -> str:
        known = self.names()
        gone = [f"plugin {clean(each.name)}: {each.trouble}" for each in enabled() if each.trouble]
        return "; ".join((
            f"unknown {self.kind} '{clean(name, limit=80)}'{nearest(name, list(known))}",
            f"known: {', '.join(known)}",
            *gone,
        ))  # fmt: skip
