"""Timing whole commands side by side, and printing tables."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

SIGHTLINE = [sys.executable, "-m", "core.cli.main"]
ROOT = Path(__file__).parent.parent
# As any user's Python does, keep what was compiled; a test machine may be told not to.
_ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
CACHE = Path(os.environ.get("SIGHTLINE_BENCH", str(ROOT / "build" / "bench")))


@dataclass(frozen=True, slots=True)
class Taken:
    """What one run of a command took; memory is the largest sum over its whole process tree."""

    wall_seconds: float
    cpu_seconds: float
    peak_mib: float
    output: str
    written_bytes: int = 0
    """to disks, by the processes together; nothing on file systems in memory"""


def run(command: Sequence[str], codes: tuple[int, ...] = (0,), *, folder: Path = ROOT) -> Taken:
    """Run a command to its end in a folder, measuring it and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    process = subprocess.Popen(
        list(command), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env=_ENVIRONMENT,
    )  # fmt: skip
    peak = _Peak(process.pid)
    output = process.communicate()[0]
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode not in codes:
        raise RuntimeError(f"exit {process.returncode}: {' '.join(command)}\n{output[-2000:]}")
    cpu = (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
    written = (after.ru_oublock - before.ru_oublock) * 512
    return Taken(wall, cpu, peak.stop(), output, written)


def in_turn(commands: Sequence[Sequence[str]], runs: int) -> list[list[Taken]]:
    """Run commands in turn, A B A B, so that a machine that drifts drifts for all of them."""
    taken: list[list[Taken]] = [[] for _ in commands]
    for _ in range(runs):
        for number, command in enumerate(commands):
            taken[number].append(run(command))
    return taken


def medians(runs: Sequence[Taken]) -> Taken:
    """Return the median of each figure."""
    return Taken(
        median(r.wall_seconds for r in runs),
        median(r.cpu_seconds for r in runs),
        median(r.peak_mib for r in runs),
        runs[-1].output,
        round(median(r.written_bytes for r in runs)),
    )


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table."""
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for row in rows:
        print("| " + " | ".join(_cell(value) for value in row) + " |", flush=True)


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


class _Peak:
    """Samples the memory of a process tree until stopped (MiB; shared pages twice)."""

    def __init__(self, pid: int) -> None:
        self._peak = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, args=(pid,), daemon=True)
        self._thread.start()

    def stop(self) -> float:
        self._done.set()
        self._thread.join()
        return self._peak

    def _sample(self, pid: int) -> None:
        while not self._done.wait(0.05):
            self._peak = max(self._peak, _tree_mib(pid))


def _tree_mib(pid: int) -> float:
    total = 0
    try:
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            total += process.memory_info().rss
    except psutil.Error:
        pass
    return total / 2**20
