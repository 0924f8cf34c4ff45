"""For whom a model is loaded and asked: where its messages go, and whether they still want it.

A server that loads its own model for minutes has something to say, and must not be waited for after
a cancellation; a `Loading` is data and cannot contain either. Set by `inference/leases.py` in the
thread that loads or asks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """`notify` gets messages for the user; `cancelled` returns whether the work was cancelled."""

    notify: Callable[[str], None] = log.info
    cancelled: Callable[[], bool] = lambda: False


_CALLER: ContextVar[Caller] = ContextVar("caller", default=Caller())  # noqa: B039 it is immutable


def current_caller() -> Caller:
    """Return for whom this thread loads or asks a model."""
    return _CALLER.get()


@contextmanager
def on_behalf_of(caller: Caller) -> Iterator[None]:
    """Load and ask models for `caller` in this block."""
    token = _CALLER.set(caller)
    try:
        yield
    finally:
        _CALLER.reset(token)
