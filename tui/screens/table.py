"""Every numbered screen by its name, imported when it is first shown."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from textual.screen import Screen

_CLASSES = {
    "queue": ("queue", "QueueScreen"),
    "results": ("results", "ResultsScreen"),
    "search": ("search", "SearchScreen"),
    "compare": ("places", "CompareScreen"),
    "models": ("models", "ModelsScreen"),
    "gpu": ("gpu", "GpuScreen"),
    "profiles": ("profiles", "ProfilesScreen"),
    "log": ("log", "LogScreen"),
}


def _maker(module: str, name: str) -> Callable[[], Screen[Any]]:
    def make() -> Screen[Any]:
        made: Screen[Any] = getattr(import_module(f".{module}", __package__), name)()
        return made

    return make


SCREEN_CLASSES = {name: _maker(*where) for name, where in _CLASSES.items()}
