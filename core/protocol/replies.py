"""Replies that requests of several subjects have. Frozen records, JSON both ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Accepted:
    """A command was carried out, or is from now on; `scan` is what it is about, 0 for none."""

    scan: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """It was done; there is nothing more to say."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows `first` .. of `total`, each a JSON object."""

    total: int
    first: int
    rows: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class ModelRemoved:
    """A model was removed from this disk."""

    name: str
    freed_bytes: int
