"""`sightline gpu`: the app's GPU screen, or once as text."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import click

from ..protocol.state import GpuState, MachineState
from ..service.machine import machine_now
from ..text import counted
from .output import ConsoleOutput, Session

GIB = 2**30


@click.command()
@click.option("--once", is_flag=True, help="Print as text once, also on a terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def command(session: Session, once: bool, as_json: bool) -> int:
    """Show GPUs, CPU, memory and disk.

    On a terminal, gpu opens the GPU screen of the app; elsewhere it prints once as text. Without a
    GPU it shows CPU, memory and disk.
    """
    if session.app and session.at_terminal and not once and not as_json:
        return session.app(screen="gpu")
    machine = asyncio.run(machine_now(session.library))
    if as_json:
        session.out.json({"type": "Machine", **asdict(machine)})
    else:
        _print(session.out, machine)
    return 0


def _print(out: ConsoleOutput, machine: MachineState) -> None:
    for gpu in machine.gpus:
        _print_gpu(out, gpu)
    if not machine.gpus:
        out.result(machine.gpu_note or "no GPU")
    out.result(
        f"CPU {machine.cpu:.0%} of {counted(machine.cores, 'core')}, "
        f"the engine uses {machine.engine_cpu:.1f}"
    )
    out.result(
        f"memory {machine.memory_used_bytes / GIB:.1f} of "
        f"{machine.memory_total_bytes / GIB:.1f} GiB, the engine "
        f"{machine.engine_memory_bytes / GIB:.2f} GiB"
    )
    out.result(
        f"disk {machine.disk_free_bytes / GIB:.0f} GiB free of "
        f"{machine.disk_total_bytes / GIB:.0f} GiB"
    )


def _print_gpu(out: ConsoleOutput, gpu: GpuState) -> None:
    out.result(f"GPU {gpu.index} {gpu.name}")
    rows = (
        ("use", gpu.utilisation, 100, "%"), ("memory used", gpu.memory_used_bytes, 1 / GIB, "GiB"),
        ("memory", gpu.memory_total_bytes, 1 / GIB, "GiB"), ("power", gpu.power_watts, 1, "W"),
        ("power limit", gpu.power_limit_watts, 1, "W"),
        ("temperature", gpu.temperature_celsius, 1, "C"), ("clock", gpu.sm_clock_mhz, 1, "MHz"),
        ("memory clock", gpu.memory_clock_mhz, 1, "MHz"), ("decoder", gpu.decoder, 100, "%"),
        ("encoder", gpu.encoder, 100, "%"),
        ("PCIe in", gpu.pcie_received_bytes_per_second, 1 / 2**20, "MiB/s"),
        ("PCIe out", gpu.pcie_sent_bytes_per_second, 1 / 2**20, "MiB/s"),
    )  # fmt: skip
    for name, value, factor, unit in rows:
        out.result(f"  {name}: " + ("-" if value is None else f"{value * factor:.4g} {unit}"))
    if gpu.throttle:
        out.result(f"  clocks throttled: {', '.join(gpu.throttle)}")
    for process in gpu.processes:
        whose = "ours" if process.ours else "other"
        out.result(f"  process {process.pid} {process.name} {process.bytes / GIB:.2f} GiB {whose}")
