"""Which models are on this disk and cannot be loaded, found without a network or a weight read."""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import ModelRefused, SightlineError
from .environment import FETCHES_NOTHING
from .hub import Hub


def refused_here(names: Iterable[str]) -> dict[str, str]:
    """Return why, by name, for models that `Hub.resolve` refuses; missing ones are no fault."""
    hub = Hub(offline=FETCHES_NOTHING)
    found: dict[str, str] = {}
    for name in dict.fromkeys(names):
        try:
            hub.resolve(name)
        except ModelRefused as error:
            found[name] = str(error)
        except SightlineError:
            continue  # not on this disk, or nothing that names a model: a scan says which
    return found
