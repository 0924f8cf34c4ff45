"""Commands: the engine carries them out."""

from __future__ import annotations

from typing import get_args

from ...protocol.commands import Command, RemoveModel
from ...protocol.replies import Accepted
from ..context import Context
from .handler import Handlers


async def carry_out(context: Context, request: Command) -> Accepted:
    """Have the engine carry out a command."""
    return Accepted(await context.engine.send(request))


HANDLERS: Handlers = {each: carry_out for each in get_args(Command) if each is not RemoveModel}
