"""The one table of handlers.

Each module has the lines of its own subject beside the handlers, so that a new request touches two
files: the one that declares it, and the one that answers it.
"""

from __future__ import annotations

from typing import Any

from ...protocol.request import Request
from . import commands, machine, models, results
from .handler import Handler

HANDLERS: dict[type[Request[Any]], Handler] = {
    **commands.HANDLERS,
    **results.HANDLERS,
    **models.HANDLERS,
    **machine.HANDLERS,
}
