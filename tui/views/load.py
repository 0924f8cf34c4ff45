"""How busy the machine is, as bars: a short form of what the screen of the GPU shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..look.roles import Role
from ..widgets.cells import fit
from ..widgets.line_bar import line_bar
from ..widgets.painted import Span
from ..widgets.symbols import Symbols
from . import wording

if TYPE_CHECKING:
    from core.protocol.state import GpuState, MachineState

NEARLY_FULL = 0.8
"""memory and disk with a greater share in use stand out"""
_NAME_CELLS, _FACT_CELLS = 9, 18
_LEAST_BAR, _MOST_BAR = 4, 20


def machine(now: MachineState | None, width: int, symbols: Symbols) -> list[list[Span]]:
    """Return a line each for GPUs and their memory, CPU, memory and disk."""
    if now is None:
        return [[Span("measuring the machine", "dim")]]
    rows = [row for gpu in now.gpus for row in _gpu(gpu)]
    used = now.disk_total_bytes - now.disk_free_bytes
    rows += [
        ("CPU", now.cpu, f"{wording.percent(now.cpu)} of {now.cores}", "good"),
        _memory("RAM", now.memory_used_bytes, now.memory_total_bytes),
        ("disk", _share(used, now.disk_total_bytes), f"{wording.size(now.disk_free_bytes)} free",
         _role(_share(used, now.disk_total_bytes))),
    ]  # fmt: skip
    bar = min(max(width - _NAME_CELLS - _FACT_CELLS, _LEAST_BAR), _MOST_BAR)
    return [_line(row, bar, width, symbols) for row in rows]


def in_brief(now: MachineState | None) -> str:
    """Return the load of GPU and CPU in a few words."""
    if now is None:
        return ""
    gpus = [f"GPU {wording.percent(gpu.utilisation)}" for gpu in now.gpus[:1]]
    return "  ".join([*gpus, f"CPU {wording.percent(now.cpu)}"])


_Load = tuple[str, float | None, str, Role]
"""name, share, what it says in words, and how its bar is drawn"""


def _gpu(gpu: GpuState) -> list[_Load]:
    name = gpu.name.split()[-1] if gpu.name.split() else ""
    said = f"{name}  {wording.percent(gpu.utilisation)}"
    return [
        (f"GPU {gpu.index}", gpu.utilisation, said, "good"),
        _memory("memory", gpu.memory_used_bytes, gpu.memory_total_bytes),
    ]


def _memory(name: str, used: int | None, total: int | None) -> _Load:
    share = _share(used, total)
    return name, share, f"{wording.size(used)} of {wording.size(total)}", _role(share)


def _share(used: int | None, total: int | None) -> float | None:
    return used / total if used is not None and total else None


def _role(share: float | None) -> Role:
    return "warn" if share is not None and share > NEARLY_FULL else "good"


def _line(load: _Load, bar: int, width: int, symbols: Symbols) -> list[Span]:
    name, share, said, role = load
    space = max(width - _NAME_CELLS - bar - 2, 0)
    return [
        Span(fit(name, _NAME_CELLS, symbols), "dim"), *line_bar(share, bar, symbols, role),
        Span("  "), Span(fit(said, space, symbols), "text"),
    ]  # fmt: skip
