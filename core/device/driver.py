"""The NVIDIA driver and its GPUs, as NVML reports them; torch is not asked."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Driver:
    """What NVML says: the driver, the newest CUDA it serves, and a line for each GPU."""

    version: str
    cuda: tuple[int, int]
    devices: tuple[str, ...]
    compute: tuple[tuple[int, int], ...] = ()
    """compute capability of each GPU, as far as it is reported"""


def nvml(library: Any) -> Driver:
    """Ask pynvml for the driver and its GPUs; raises its NVMLError when there is no driver."""
    library.nvmlInit()
    try:
        cuda = int(library.nvmlSystemGetCudaDriverVersion())
        count = range(library.nvmlDeviceGetCount())
        handles = [library.nvmlDeviceGetHandleByIndex(number) for number in count]
        return Driver(
            version=_text(library.nvmlSystemGetDriverVersion()),
            cuda=(cuda // 1000, cuda % 1000 // 10),
            devices=tuple(_device(library, handle) for handle in handles),
            compute=tuple(filter(None, (_compute(library, handle) for handle in handles))),
        )
    finally:
        library.nvmlShutdown()


def nvidia_card() -> bool:
    """Does the PCI bus hold a display or compute device (class 03) of NVIDIA's (vendor 10de)."""
    for vendor in Path("/sys/bus/pci/devices").glob("*/vendor"):
        kind = vendor.with_name("class")
        if vendor.read_text().strip() == "0x10de" and kind.read_text().startswith("0x03"):
            return True
    return False


def driver_with_gpu() -> Driver | None:
    """Return the NVIDIA driver if it answers and reports a GPU."""
    try:
        library = import_module("pynvml")
    except ImportError:  # as below, the gpu check has said why
        return None
    try:
        driver = nvml(library)
    except library.NVMLError:
        return None
    return driver if driver.devices else None


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _device(library: Any, handle: Any) -> str:
    name = _text(library.nvmlDeviceGetName(handle))
    try:
        memory = library.nvmlDeviceGetMemoryInfo(handle)
    except library.NVMLError:  # not reported under MIG without permission
        return name
    return f"{name} {memory.total / 2**30:.0f} GiB, {memory.free / 2**30:.0f} GiB free"


def _compute(library: Any, handle: Any) -> tuple[int, int] | None:
    try:
        major, minor = library.nvmlDeviceGetCudaComputeCapability(handle)
    except (library.NVMLError, AttributeError):
        return None
    return int(major), int(minor)


def oldest_gpu() -> tuple[int, int] | None:
    """Return the least compute capability of the GPUs here; None without one."""
    driver = driver_with_gpu()
    return min(driver.compute) if driver is not None and driver.compute else None
