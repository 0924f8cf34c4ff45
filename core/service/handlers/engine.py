"""The engine and the machine it runs on."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

from ...protocol.replies import Done
from ...protocol.requests.engine import GetMachine, GetSamples, GetState, Samples, StopEngine
from ...protocol.state import EngineState, MachineState
from ...version import sightline_version
from ..context import Context
from .handler import Handlers

METER_SECONDS = 0.5
"""over so long the use of CPU and GPU is measured where no engine does it all the time"""


async def state(context: Context, _request: GetState) -> EngineState:
    """Return the current state of the engine."""
    machine = context.monitor.machine if context.monitor is not None else None
    pid = os.getpid() if context.has_engine else 0
    return replace(context.state(), machine=machine, pid=pid, version=sightline_version())


async def machine(context: Context, _request: GetMachine) -> MachineState:
    """Return how the machine is."""
    if context.monitor is not None and context.monitor.machine is not None:
        return context.monitor.machine
    return await context.call(_measured, context.folder)


async def samples(context: Context, request: GetSamples) -> Samples:
    """Return what the machine did; nothing where it is not measured all the time."""
    monitor = context.monitor
    return Samples(tuple(monitor.samples(request.since)) if monitor is not None else ())


async def stop(context: Context, request: StopEngine) -> Done:
    """End the jobs of the engine; the process that hosts it then ends it."""
    await context.end(request.how)
    return Done()


def _measured(folder: Path) -> MachineState:
    from ...device.metrics import Meter

    meter = Meter(folder)
    try:
        time.sleep(METER_SECONDS)
        return meter.read()
    finally:
        meter.close()


HANDLERS: Handlers = {
    GetState: state,
    GetMachine: machine,
    GetSamples: samples,
    StopEngine: stop,
}
