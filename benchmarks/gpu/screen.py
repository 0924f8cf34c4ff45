"""What NVML reports, as the app's GPU screen shows it while a scan uses the GPU: a screenshot."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

from benchmarks.gpu.part import Outcome, Setup, need
from benchmarks.gpu.speed import pictures

SIZE = (140, 44)
WAIT_SECONDS = 60.0
HISTORY_SECONDS = 5.0
"""so long the screen is left open, so that its graphs show something"""


def screen(setup: Setup) -> Outcome:
    """Scan with the VLM in an engine, open the app on it and write its GPU screen."""
    library = setup.folder / "watched"
    shutil.rmtree(library, ignore_errors=True)
    return asyncio.run(_watched(setup, library))


async def _watched(setup: Setup, library: Path) -> Outcome:
    from core.service.attach import attached
    from core.service.discovery import running
    from core.service.stop_engine import end_engine

    client = await attached(library)
    try:
        if setup.is_cuda:
            await _submit(setup, client)
        machine = await _machine(client, setup.of(60, 20) if setup.is_cuda else 0)
        svg = await _drawn(setup, library)
        return _outcome(machine, svg, {"screenshot": _saved(setup, svg)}, busy=setup.is_cuda)
    finally:
        await client.close()
        engine = running(library)
        if engine is not None:
            await end_engine(library, engine, "now")


async def _submit(setup: Setup, client: Any) -> None:
    from core.protocol.commands import SubmitScan

    overrides = {
        "stages": ["caption"], "models.device": setup.device, "vlm.model": str(setup.qwen),
        "vlm.max_tokens": 256, "vlm.batch_size": 8,
    }  # fmt: skip
    await client.send(SubmitScan((str(pictures(setup, 256)),), "quick", overrides))


async def _machine(client: Any, seconds: float) -> Any:
    """Return how the machine is, once the GPU is in use or so many seconds are over."""
    from core.protocol.requests.engine import GetMachine

    end = time.monotonic() + seconds
    while True:
        machine = await client.ask(GetMachine())
        used = any((gpu.utilisation or 0) > 0.05 for gpu in machine.gpus)
        if used or time.monotonic() > end:
            return machine
        await asyncio.sleep(0.5)


async def _drawn(setup: Setup, library: Path) -> str:
    from tui.app import SightlineApp
    from tui.start_options import StartOptions

    app = SightlineApp(StartOptions(library=library, state_folder=setup.folder / "state"))
    async with app.run_test(size=SIZE) as pilot:
        end = time.monotonic() + WAIT_SECONDS
        while app.bridge.state is None or app.bridge.state.machine is None:
            need(time.monotonic() < end, "the app was not shown the machine")
            await asyncio.sleep(0.05)
        await pilot.press("6")
        await asyncio.sleep(HISTORY_SECONDS if setup.is_cuda else 0.3)
        await pilot.pause()
        svg = app.export_screenshot(title="sightline")
        await app.bridge.leave()
    return svg


def _saved(setup: Setup, svg: str) -> str:
    """Write the screenshot; return its file, and what was written of it."""
    from scripts.screenshots import write

    name = "gpu-in-use" if setup.is_cuda else "gpu-none"
    try:
        write(name, svg, setup.out)
    except ImportError as error:  # what draws the PNG is a package for developers
        return f"{name}.svg, no PNG ({error})"
    return f"{name}.svg and .png"


def _outcome(machine: Any, svg: str, figures: dict[str, Any], *, busy: bool) -> Outcome:
    shown = svg.replace("&#160;", " ")
    if not busy:
        need("CPU" in shown, "the screen shows no machine")
        return Outcome({"GPU": machine.gpu_note or f"{len(machine.gpus)} GPUs", **figures})
    need(machine.gpus, f"NVML reports no GPU: {machine.gpu_note}")
    gpu = machine.gpus[0]
    need(gpu.name.split()[0] in shown, f"the screen does not show {gpu.name}")
    found = {each.name: getattr(gpu, each.name) for each in fields(gpu)
             if each.name not in ("index", "processes", "throttle")}  # fmt: skip
    figures |= {name.replace("_", " "): value for name, value in found.items()}
    figures["our processes"] = sum(process.ours for process in gpu.processes)
    reached = (gpu.utilisation or 0) > 0 and gpu.memory_used_bytes and gpu.memory_total_bytes
    return Outcome(figures, "use and memory of the GPU during a scan", bool(reached))
