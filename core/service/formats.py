"""The names of export formats, for help that must load nothing."""

from __future__ import annotations

from ..storage.export.built_in import BUILT_IN


def built_in_formats() -> tuple[str, ...]:
    """Return the formats that come with sightline; those of plugins are not looked for."""
    return tuple(BUILT_IN)
