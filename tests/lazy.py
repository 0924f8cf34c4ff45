"""Modules that are imported when they are first used: collecting the tests costs no torch."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Lazy:
    """Stands for a module and imports it when an attribute is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self._name), attribute)


def lazy(name: str) -> Any:
    """Return a stand-in for the module `name`.

    xdist collects all tests in every worker, and most workers never come to one that needs
    torch, which costs five seconds of a core and a gigabyte.
    """
    return Lazy(name)
