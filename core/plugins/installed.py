"""Plugins: installed distributions with entry points for sightline, and those the user enabled.

Entry points are text in a distribution's metadata; reading them imports nothing of the plugin
(https://packaging.python.org/en/latest/specifications/entry-points/).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions

from ..config import user_settings
from ..text import clean

STAGES = "sightline.stages"
MODELS = "sightline.models"
SOURCES = "sightline.sources"
METRICS = "sightline.metrics"
EXPORTS = "sightline.exports"
GROUPS: dict[str, str] = {
    STAGES: "stage",
    MODELS: "model family",
    SOURCES: "source",
    METRICS: "metric",
    EXPORTS: "export format",
}
"""each entry-point group, and what messages call an entry of it"""


@dataclass(frozen=True, slots=True)
class PluginEntry:
    """One entry point: a name of a group, and the `module:attribute` that implements it."""

    group: str
    name: str
    value: str
    distribution: str
    version: str

    @property
    def kind(self) -> str:
        """Return what messages call it: `export format`, `stage` and so on."""
        return GROUPS[self.group]


@dataclass(frozen=True, slots=True)
class Plugin:
    """A distribution with at least one entry, or one the user enabled that is not installed."""

    name: str
    version: str = ""
    entries: tuple[PluginEntry, ...] = ()
    trouble: str = ""
    """why nothing of it can be used; empty where single entries may still be refused"""


def canonical(name: str) -> str:
    """Return a distribution's normalized name (PEP 503): lower case, runs of `-_.` as `-`."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def enabled_names() -> tuple[str, ...]:
    """Return the normalized names of the enabled distributions, in the order of the settings.

    Raises ProfileError for a wrong settings file.
    """
    return tuple(dict.fromkeys(map(canonical, user_settings.enabled_plugins())))


def enabled() -> tuple[Plugin, ...]:
    """Return the enabled plugins. No metadata is read while none is enabled."""
    names = enabled_names()
    return _described(names, tuple(sys.path)) if names else ()


def installed() -> tuple[Plugin, ...]:
    """Return every plugin of this environment, enabled or not, by name. Reads all metadata."""
    found: dict[str, Plugin] = {}
    for each in distributions():
        plugin = _plugin(each)
        if plugin is not None and (plugin.entries or plugin.trouble):
            found.setdefault(
                canonical(plugin.name), plugin
            )  # as import does, the first on the path
    return tuple(found[name] for name in sorted(found))


@lru_cache(maxsize=1)
def _described(names: tuple[str, ...], _path: tuple[str, ...]) -> tuple[Plugin, ...]:
    return tuple(map(_find, names))


def _find(name: str) -> Plugin:
    try:
        plugin = _plugin(distribution(name))
    except (PackageNotFoundError, ValueError):
        return Plugin(name, trouble="it is not installed")
    if plugin is None or not (plugin.entries or plugin.trouble):
        return Plugin(name, trouble="it has no entry points for sightline")
    return plugin


def _plugin(found: Distribution) -> Plugin | None:
    """Return what a distribution provides; None for one whose metadata has no name."""
    try:
        name, version = str(found.metadata["Name"] or ""), str(found.version or "")
    except Exception:  # metadata of any shape may lie on the path
        return None
    if not name:
        return None
    try:
        entries = tuple(_entries(found, canonical(name), version))
    except Exception as error:
        reason = f"its entry points cannot be read: {clean(str(error), limit=160)}"
        return Plugin(canonical(name), version, trouble=reason)
    return Plugin(canonical(name), version, entries)


def _entries(found: Distribution, name: str, version: str) -> Iterable[PluginEntry]:
    text = found.read_text("entry_points.txt") or ""
    if "sightline." not in text:  # parsing those of all distributions takes most of the time
        return []
    points = found.entry_points
    return [
        PluginEntry(group, point.name, point.value, name, version)
        for group in GROUPS
        for point in sorted(points.select(group=group), key=lambda point: point.name)
    ]
