"""Importing what an enabled plugin provides; whatever goes wrong is a PluginFault of one line."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any

from ..errors import PluginFault
from ..text import clean
from .installed import PluginEntry

Check = Callable[[str, Any], str]
"""takes the name and the loaded object and returns what is wrong with it, or an empty string"""

_outcomes: dict[PluginEntry, Any] = {}
"""the object, or the PluginFault: a module that failed once is not imported again"""
_loaded: dict[tuple[str, str], PluginEntry] = {}
_lock = threading.RLock()  # the import of one plugin may load another entry


def load(entry: PluginEntry, check: Check | None = None) -> Any:
    """Import an entry and return what it names. Raises PluginFault."""
    with _lock:
        if entry not in _outcomes:
            _outcomes[entry] = _outcome(entry, check)
        outcome = _outcomes[entry]
        if isinstance(outcome, PluginFault):
            raise PluginFault(str(outcome))
        _loaded[entry.group, entry.name] = entry
        return outcome


def provenance(names: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return name and version of each distribution that one of the names was loaded from.

    `names` has the names of each group; those that are built in, or not loaded, add nothing.
    """
    found = [_loaded.get((group, name)) for group, each in names.items() for name in each]
    return {entry.distribution: entry.version for entry in found if entry is not None}


def _outcome(entry: PluginEntry, check: Check | None) -> Any:
    try:
        found = _imported(entry)
        reason = check(entry.name, found) if check is not None else ""
    except (Exception, SystemExit) as error:  # code from outside may raise anything
        reason = described(error)
    return fault(entry, reason) if reason else found


def _imported(entry: PluginEntry) -> Any:
    module, _, attributes = entry.value.partition("[")[0].partition(":")
    found: Any = import_module(module.strip())
    for attribute in filter(None, attributes.strip().split(".")):
        found = getattr(found, attribute)
    return found


def described(error: BaseException) -> str:
    """Return an exception's class and message on one line."""
    said = clean(str(error), limit=200)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def fault(entry: PluginEntry, reason: str) -> PluginFault:
    """Return the error that names an entry, why it cannot be used, and what to do."""
    return PluginFault(
        f"plugin {clean(entry.distribution)} {clean(entry.version)}: {entry.kind} "
        f"'{clean(entry.name)}' cannot be used: {reason}; "
        f"without it: sightline plugins disable {clean(entry.distribution)}"
    )
