"""The one table of handlers.

Requests that `core/protocol/X.py` or `core/protocol/requests/X.py` declares are answered by `X.py`
here, which has their lines of the table. So a new request touches two files, and a command of one
subject imports nothing of the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ...protocol.request import Request
from .handler import Handler, Handlers

SUBJECTS = (
    "commands", "comparisons", "engine", "exports", "index", "instants", "jobs", "judgements",
    "models", "pictures", "queries", "reports", "results", "review", "scores", "search",
)  # fmt: skip


def all_handlers() -> Handlers:
    """Return the complete table; every request is known from then on."""
    return {request: answer for name in SUBJECTS for request, answer in _of(name).items()}


def handler_of(request: type[Request[Any]]) -> Handler:
    """Return who answers a request."""
    return _of(request.__module__.rpartition(".")[2])[request]


def _of(subject: str) -> Handlers:
    found: Handlers = import_module(f".{subject}", __package__).HANDLERS
    return found
