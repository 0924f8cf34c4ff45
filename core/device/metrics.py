"""What the machine does now: GPUs as the driver reports them, CPU, memory, disk, and our own share.

NVML is queried directly (`nvidia-ml-py`); what a card or driver does not report is None.
Utilisation is that of the driver's last sampling period (1/6 s to 1 s, NVML reference,
nvmlUtilization_t).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil

from ..protocol.state import GpuProcess, GpuState, MachineState
from ..text import clean

# Names of NVML's nvmlClocksEventReason* bits that a person can do something about, or should know.
_THROTTLE = {
    0x0000000000000004: "power cap",
    0x0000000000000008: "hardware slowdown",
    0x0000000000000020: "too hot (software)",
    0x0000000000000040: "too hot (hardware)",
    0x0000000000000080: "power brake",
}


class Meter:
    """Reads the machine again and again; not thread-safe, one thread reads."""

    def __init__(self, library: Path) -> None:
        self._library = library
        self._process = psutil.Process()
        self._children: dict[int, psutil.Process] = {}
        self._nvml, self.gpu_note = _open_nvml()
        psutil.cpu_percent()  # the first call has nothing to compare with
        self._process.cpu_percent()

    def read(self) -> MachineState:
        """Return how the machine is now."""
        memory = psutil.virtual_memory()
        disk = psutil.disk_usage(str(_existing(self._library)))
        family = self._family()
        return MachineState(
            at_seconds=time.time(),
            cpu=psutil.cpu_percent() / 100,
            cores=psutil.cpu_count() or 1,
            memory_used_bytes=memory.total - memory.available,
            memory_total_bytes=memory.total,
            disk_free_bytes=disk.free,
            disk_total_bytes=disk.total,
            engine_cpu=sum(_cpu(process) for process in family) / 100,
            engine_memory_bytes=sum(_memory(process) for process in family),
            gpus=tuple(self._gpus({process.pid for process in family})),
            gpu_note=self.gpu_note,
        )

    def close(self) -> None:
        """Close the driver."""
        if self._nvml is not None:
            with suppress(Exception):
                self._nvml.nvmlShutdown()

    def _family(self) -> list[psutil.Process]:
        """Return the engine and its children, kept since CPU use is measured between calls."""
        now = {}
        with suppress(psutil.Error):
            for child in self._process.children(recursive=True):
                now[child.pid] = self._children.get(child.pid, child)
        self._children = now
        return [self._process, *now.values()]

    def _gpus(self, ours: set[int]) -> list[GpuState]:
        if self._nvml is None:
            return []
        try:
            count = self._nvml.nvmlDeviceGetCount()
            return [self._gpu(index, ours) for index in range(count)]
        except self._nvml.NVMLError as error:
            self.gpu_note = f"the driver stopped answering: {clean(str(error))}"
            return []

    def _gpu(self, index: int, ours: set[int]) -> GpuState:
        nvml = self._nvml
        handle = nvml.nvmlDeviceGetHandleByIndex(index)

        def ask(name: str, *arguments: Any) -> Any:
            try:
                return getattr(nvml, name)(handle, *arguments)
            except (nvml.NVMLError, AttributeError):
                return None

        memory, rates = ask("nvmlDeviceGetMemoryInfo"), ask("nvmlDeviceGetUtilizationRates")
        return GpuState(
            index=index,
            name=clean(_text(ask("nvmlDeviceGetName")), limit=60),
            utilisation=None if rates is None else rates.gpu / 100,
            memory_used_bytes=None if memory is None else int(memory.used),
            memory_total_bytes=None if memory is None else int(memory.total),
            power_watts=_scaled(ask("nvmlDeviceGetPowerUsage"), 1e-3),
            power_limit_watts=_scaled(ask("nvmlDeviceGetEnforcedPowerLimit"), 1e-3),
            temperature_celsius=_scaled(ask("nvmlDeviceGetTemperature", 0), 1.0),
            sm_clock_mhz=ask("nvmlDeviceGetClockInfo", 1),
            memory_clock_mhz=ask("nvmlDeviceGetClockInfo", 2),
            encoder=_first_share(ask("nvmlDeviceGetEncoderUtilization")),
            decoder=_first_share(ask("nvmlDeviceGetDecoderUtilization")),
            pcie_sent_bytes_per_second=_scaled(ask("nvmlDeviceGetPcieThroughput", 0), 1024.0),
            pcie_received_bytes_per_second=_scaled(ask("nvmlDeviceGetPcieThroughput", 1), 1024.0),
            throttle=throttle_words(_reasons(ask)),
            processes=tuple(_processes(ask, ours)),
        )


def throttle_words(bits: int) -> tuple[str, ...]:
    """Return why clocks are throttled, from NVML's bits."""
    return tuple(word for bit, word in _THROTTLE.items() if bits & bit)


def _open_nvml() -> tuple[Any, str]:
    try:
        nvml = import_module("pynvml")
    except ImportError:
        return None, "nvidia-ml-py is not installed; sightline doctor says how to get it"
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        return None, f"no NVIDIA GPU to watch: {clean(str(error))}"
    return nvml, ""


def _reasons(ask: Callable[..., Any]) -> int:
    # The newer name came with driver 535; the older one is still the one in older libraries.
    for name in ("nvmlDeviceGetCurrentClocksEventReasons",
                 "nvmlDeviceGetCurrentClocksThrottleReasons"):  # fmt: skip
        bits = ask(name)
        if bits is not None:
            return int(bits)
    return 0


def _processes(ask: Callable[..., Any], ours: set[int]) -> list[GpuProcess]:
    seen: dict[int, int] = {}
    for name in ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses"):
        for each in ask(name) or ():
            seen[each.pid] = max(seen.get(each.pid, 0), int(each.usedGpuMemory or 0))
    found = [GpuProcess(pid, _name(pid), used, pid in ours) for pid, used in seen.items()]
    return sorted(found, key=lambda process: -process.bytes)


def _name(pid: int) -> str:
    try:
        return clean(psutil.Process(pid).name(), limit=40)
    except psutil.Error:  # in another container, for one
        return ""


def _first_share(value: Any) -> float | None:
    return None if value is None else float(value[0]) / 100


def _scaled(value: Any, factor: float) -> float | None:
    return None if value is None else float(value) * factor


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "GPU")


def _cpu(process: psutil.Process) -> float:
    try:
        return float(process.cpu_percent())
    except psutil.Error:
        return 0.0


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _existing(path: Path) -> Path:
    return path if path.exists() else _existing(path.parent)
