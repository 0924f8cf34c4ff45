"""The machine: GPUs, CPU, memory and disk, now and over time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from core.protocol.state import GpuState, MachineState
from core.text import clean, counted

from ..widgets.bar import bar
from ..widgets.columns import Column
from ..widgets.rows import Row
from ..widgets.symbols import Symbols
from . import wording

PROCESS_COLUMNS = (
    Column("GPU", 3, align="right"),
    Column("PID", 8, align="right"),
    Column("WHOSE", 6),
    Column("MEMORY", 7, align="right"),
    Column("NAME", None, minimum=8),
)


def lines(machine: MachineState | None, width: int, symbols: Symbols) -> list[str]:
    """Return the machine now: four lines a GPU, or why there is none, then CPU, memory, disk."""
    if machine is None:
        return ["measuring the machine"]
    found: list[str] = []
    for gpu in machine.gpus:
        found += gpu_lines(gpu, width, symbols)
    if not machine.gpus:
        found.append(clean(machine.gpu_note) or "no GPU")
    return found + machine_lines(machine, width, symbols)


def gpu_lines(gpu: GpuState, width: int, symbols: Symbols) -> list[str]:
    """Return one GPU in four lines; what the driver does not report is a dash."""
    space = max(min((width - 50) // 2, 30), 6)
    memory = _share(gpu.memory_used_bytes, gpu.memory_total_bytes)
    ours = sum(process.bytes for process in gpu.processes if process.ours)
    others = [process for process in gpu.processes if not process.ours]
    held = f"  THROTTLED: {', '.join(gpu.throttle)}" if gpu.throttle else ""
    return [
        f"GPU {gpu.index}  {clean(gpu.name)}{held}",
        f"  util {wording.percent(gpu.utilisation):>4} "
        f"{bar(gpu.utilisation, space, symbols, ends=True)}  "
        f"memory {wording.size(gpu.memory_used_bytes)}/{wording.size(gpu.memory_total_bytes)} "
        f"{bar(memory, space, symbols, ends=True)}",
        f"  power {_number(gpu.power_watts, 'W')} of {_number(gpu.power_limit_watts, 'W')}  "
        f"temp {_number(gpu.temperature_celsius, 'C')}  "
        f"clock {_number(gpu.sm_clock_mhz, 'MHz')}  "
        f"memory clock {_number(gpu.memory_clock_mhz, 'MHz')}",
        f"  decoder {wording.percent(gpu.decoder)}  encoder {wording.percent(gpu.encoder)}  "
        f"pcie in {wording.size(gpu.pcie_received_bytes_per_second)}/s "
        f"out {wording.size(gpu.pcie_sent_bytes_per_second)}/s  "
        f"ours {wording.size(ours)}  others {wording.size(sum(p.bytes for p in others))}",
    ]


def machine_lines(machine: MachineState, width: int, symbols: Symbols) -> list[str]:
    """Return CPU, memory, disk and what the engine takes of them."""
    space = max(min(width - 50, 30), 6)
    memory = _share(machine.memory_used_bytes, machine.memory_total_bytes)
    used = machine.disk_total_bytes - machine.disk_free_bytes
    disk = _share(used, machine.disk_total_bytes)
    return [
        f"CPU    {wording.percent(machine.cpu):>4} {bar(machine.cpu, space, symbols, ends=True)}  "
        f"{counted(machine.cores, 'core')}, the engine uses {machine.engine_cpu:.1f}",
        f"memory {wording.percent(memory):>4} {bar(memory, space, symbols, ends=True)}  "
        f"{wording.size(machine.memory_used_bytes)} of {wording.size(machine.memory_total_bytes)}, "
        f"the engine {wording.size(machine.engine_memory_bytes)}",
        f"disk   {wording.percent(disk):>4} {bar(disk, space, symbols, ends=True)}  "
        f"{wording.size(machine.disk_free_bytes)} free of {wording.size(machine.disk_total_bytes)}",
    ]


def process_rows(machine: MachineState | None, *, ours_only: bool, text: str = "") -> list[Row]:
    """Return the processes on all GPUs."""
    rows = []
    for gpu in machine.gpus if machine else ():
        for process in gpu.processes:
            if process.ours or not ours_only:
                whose = "ours" if process.ours else "other"
                cells = (str(gpu.index), str(process.pid), whose, wording.size(process.bytes),
                         clean(process.name) or "-")  # fmt: skip
                if not _holds(cells, text):
                    continue
                rows.append(Row(f"{gpu.index}.{process.pid}", cells,
                                "good" if process.ours else "text"))  # fmt: skip
    return rows


def then(samples: Sequence[dict[str, Any]], at: float | None) -> str:
    """Return what ran at a moment of the past."""
    if at is None:
        return "< goes back in time: what ran then"
    near = min(samples, key=lambda sample: abs(sample["at_seconds"] - at), default=None)
    if near is None:
        return "no measurements at that time"
    clock = time.strftime("%H:%M:%S", time.localtime(near["at_seconds"]))
    parts = [f"{clock}  CPU {wording.percent(near['cpu'])}"]
    for number, (use, memory, watts, heat) in enumerate(near["gpus"]):
        parts.append(
            f"GPU{number} {wording.percent(use)} mem {wording.percent(memory)} "
            f"{_number(watts, 'W')} {_number(heat, 'C')}"
        )
    if near["scan"] is None:
        parts.append("nothing was running")
    else:
        stage = f"  slowest: {clean(near['stage'])}" if near["stage"] else ""
        parts.append(f"scan {near['scan']}: {wording.short_path(near['source'], 1)}{stage}")
    return "  ".join(parts)


def _holds(cells: Sequence[str], text: str) -> bool:
    return all(word in " ".join(cells).casefold() for word in text.casefold().split())


def _share(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None


def _number(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:.0f}{unit}"
