"""The machine as the running engine sees it, else as it is measured here."""

from __future__ import annotations

from pathlib import Path

from ..errors import EngineBusy, EngineGone
from ..protocol.requests.engine import GetMachine
from ..protocol.state import MachineState
from .discovery import running


async def machine_now(folder: Path) -> MachineState:
    """Return how the machine is. Raises EnvironmentFault."""
    from .client import LibraryClient

    machine = await _of_engine(folder)
    if machine is not None:
        return machine
    client = LibraryClient(folder)
    try:
        return await client.ask(GetMachine())
    finally:
        await client.close()


async def _of_engine(folder: Path) -> MachineState | None:
    from .remote import RemoteClient

    listening = running(folder)
    if listening is None:
        return None
    try:
        client = await RemoteClient.open(listening, readonly=True)
        try:
            return await client.ask(GetMachine())
        finally:
            await client.close()
    except (EngineGone, EngineBusy):
        return None
