"""Plugins as front ends show them: what is installed, what is enabled, and what cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

from ..config import user_settings
from ..errors import UnknownName
from ..plugins import installed
from ..plugins.installed import EXPORTS, METRICS, MODELS, SOURCES, STAGES, Plugin, PluginEntry
from ..plugins.loading import fault
from ..plugins.registry import Registry
from ..text import clean, nearest

REGISTRIES: dict[str, str] = {
    STAGES: "core.config.stages:STAGES",
    SOURCES: "core.sources.locator:SCHEMES",
    METRICS: "core.judge.metrics.registry:METRICS",
    MODELS: "core.models.registry:FAMILIES",
    EXPORTS: "core.storage.export.table:FORMATS",
}
"""the registry of each group"""


@dataclass(frozen=True, slots=True)
class ProvidedView:
    """One name that a plugin provides."""

    kind: str
    name: str
    trouble: str
    """why it cannot be used; empty where it can, or where the plugin is not enabled"""


@dataclass(frozen=True, slots=True)
class PluginView:
    """One plugin: installed, enabled, or both."""

    name: str
    version: str
    enabled: bool
    provides: tuple[ProvidedView, ...]
    trouble: str
    """why nothing of it can be used"""


def plugins() -> tuple[PluginView, ...]:
    """Return every plugin that is installed or enabled. Imports the code of enabled ones only.

    Raises ProfileError for a wrong settings file.
    """
    enabled = {each.name: each for each in installed.enabled()}
    found = {each.name: each for each in installed.installed()} | enabled
    faults = _faults() if enabled else {}
    return tuple(_view(found[name], name in enabled, faults) for name in sorted(found))


def enable(name: str) -> PluginView:
    """Allow the code of an installed distribution, and return how it fares.

    Raises UnknownName if there is no plugin of that name, ProfileError for a wrong settings file.
    """
    known = {each.name: each for each in installed.installed()}
    wanted = installed.canonical(name)
    if wanted not in known:
        hint = nearest(wanted, list(known))
        have = f"installed plugins: {', '.join(map(clean, known))}" if known else (
            "no installed distribution has entry points for sightline"
        )  # fmt: skip
        raise UnknownName(f"no plugin '{clean(name)}' is installed{hint}; {have}")
    names = installed.enabled_names()
    if wanted not in names:
        user_settings.set_enabled_plugins((*names, wanted))
    return next(each for each in plugins() if each.name == wanted)


def disable(name: str) -> str:
    """Withdraw the permission and return the plugin's name; it need not be installed any more.

    Raises UnknownName if it is not enabled, ProfileError for a wrong settings file.
    """
    names = installed.enabled_names()
    wanted = installed.canonical(name)
    if wanted not in names:
        have = f"enabled: {', '.join(map(clean, names))}" if names else "none is enabled"
        raise UnknownName(
            f"plugin '{clean(name)}' is not enabled{nearest(wanted, list(names))}; {have}"
        )
    user_settings.set_enabled_plugins([each for each in names if each != wanted])
    return wanted


def _faults() -> dict[PluginEntry, str]:
    found: dict[PluginEntry, str] = {}
    for path in REGISTRIES.values():
        module, _, attribute = path.partition(":")
        registry: Registry[object] = getattr(import_module(module), attribute)
        found |= registry.faults()
    return found


def _trouble(entry: PluginEntry, faults: dict[PluginEntry, str]) -> str:
    if entry.group not in REGISTRIES:
        return str(fault(entry, f"this version of sightline takes no {entry.kind} of a plugin"))
    return faults.get(entry, "")


def _view(plugin: Plugin, enabled: bool, faults: dict[PluginEntry, str]) -> PluginView:
    provides = tuple(
        ProvidedView(entry.kind, entry.name, _trouble(entry, faults) if enabled else "")
        for entry in plugin.entries
    )
    return PluginView(plugin.name, plugin.version, enabled, provides, plugin.trouble)
