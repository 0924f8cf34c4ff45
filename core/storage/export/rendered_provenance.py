"""Provenance as JSON, rendered once for the pictures of a scan, which share it."""

from __future__ import annotations

from typing import Any

from .shapes import Rendered, dumps, plain


class _LastRendered:
    """The provenance that was rendered last."""

    def __init__(self) -> None:
        self._last: tuple[Any, Rendered] = (None, Rendered("null"))

    def of(self, found: dict[str, Any]) -> Rendered:
        """Return a provenance as JSON. Any thread may call."""
        kept, text = self._last
        if kept is not found:
            text = Rendered(dumps(plain(found), indent=None))
            self._last = found, text
        return text


_LAST = _LastRendered()


def provenance_text(found: dict[str, Any]) -> Rendered:
    """Return a provenance as JSON text."""
    return _LAST.of(found)
