"""Commands: the engine carries them out. A model can be removed without one."""

from __future__ import annotations

from typing import get_args

from ...protocol.commands import Command, RemoveModel
from ...protocol.replies import Accepted, ModelRemoved
from ..context import Context
from .handler import Handlers


async def carry_out(context: Context, request: Command) -> Accepted:
    """Have the engine carry out a command."""
    return Accepted(await context.engine.send(request))


async def remove(context: Context, request: RemoveModel) -> ModelRemoved:
    """Remove a model from the cache it lies in."""
    freed = await context.call(_removed, request.name)
    return ModelRemoved(request.name, freed)


def _removed(name: str) -> int:
    from ...hub.hub import Hub

    return Hub().remove(name)


HANDLERS: Handlers = {
    **dict.fromkeys(get_args(Command), carry_out),
    RemoveModel: remove,
}
