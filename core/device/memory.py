"""Device memory: how much is free, what a model takes, and how running out of it looks."""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

# What backends without an error class of their own say.
_TEXTS = re.compile(
    r"out of memory|can't allocate memory|cannot allocate memory|not enough memory"
    r"|failed to allocate|CUBLAS_STATUS_ALLOC_FAILED|CUDNN_STATUS_ALLOC_FAILED"
    r"|insufficient (device|gpu) memory|UR_RESULT_ERROR_OUT_OF_(DEVICE|HOST)_MEMORY",
    re.IGNORECASE,
)
_DEPTH = 10
# See proc(5): sets the peak resident set size to what is resident now.
_FORGET_PEAK = "5"


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of a device: what can be taken now, and what there is."""

    free_bytes: int
    total_bytes: int


def memory(device: str) -> Memory:
    """Return the memory of "cpu" (of the whole machine), "cuda:N", "mps" or "xpu:N"."""
    kind = device.partition(":")[0]
    return {"cuda": _cuda, "xpu": _xpu, "mps": _mps}.get(kind, _machine)(device)


def watch_peak(device: str) -> Callable[[], int | None]:
    """Begin to watch a device's memory; what is returned reports the peak since.

    On CUDA and XPU that is what torch allocated, of everything on that device; on a CPU, what the
    process held in memory, where the system reports it (Linux). Else None.
    """
    kind = device.partition(":")[0]
    if kind in ("cuda", "xpu"):
        import torch

        backend = getattr(torch, kind)
        backend.init()  # before anything is on the device, its counters do not exist
        backend.reset_peak_memory_stats(device)
        return lambda: int(backend.max_memory_allocated(device))
    return _watch_process() if kind == "cpu" else lambda: None


def module_bytes(module: Module) -> int:
    """Return the bytes of a module's weights and buffers; shared storage counts once."""
    return sum(_storages(module).values())


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether `error`, or what it was raised from, is a device or machine out of memory."""
    seen: BaseException | None = error
    for _ in range(_DEPTH):
        if seen is None:
            return False
        if _is_one(seen):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def empty_caches(device: str) -> None:
    """Give freed memory back to the device; does nothing where torch was never loaded."""
    gc.collect()
    torch = sys.modules.get("torch")
    kind = device.partition(":")[0]
    if torch is not None and kind in ("cuda", "xpu", "mps"):
        getattr(torch, kind).empty_cache()


def _is_one(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and bool(_TEXTS.search(str(error)))


def _storages(module: Module) -> dict[int, int]:
    tensors: list[Tensor] = [*module.parameters(), *module.buffers()]
    found: dict[int, int] = {}
    for tensor in tensors:
        for part in _parts(tensor):
            if part.is_mkldnn:  # packed for oneDNN, which does not expose where
                found[id(part)] = part.numel() * part.element_size()
                continue
            storage = part.untyped_storage()
            found[storage.data_ptr() or id(storage)] = storage.nbytes()
    return found


def _parts(tensor: Tensor) -> list[Tensor]:
    """Return the plain tensors inside a quantised one, else the tensor itself."""
    flatten = getattr(tensor, "__tensor_flatten__", None)
    if flatten is None:
        return [tensor]
    return [getattr(tensor, name) for name in flatten()[0]]


def _watch_process() -> Callable[[], int | None]:
    try:
        Path("/proc/self/clear_refs").write_text(_FORGET_PEAK)
    except OSError:
        return lambda: None
    return _process_peak


def _process_peak() -> int | None:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def _machine(device: str) -> Memory:
    import psutil

    seen = psutil.virtual_memory()
    return Memory(int(seen.available), int(seen.total))


def _cuda(device: str) -> Memory:
    import torch

    free, total = torch.cuda.mem_get_info(device)
    # What torch holds in its cache is free to the next model, though the driver calls it taken.
    cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return Memory(int(free + cached), int(total))


def _xpu(device: str) -> Memory:
    import torch

    free, total = torch.xpu.mem_get_info(device)
    return Memory(int(free), int(total))


def _mps(device: str) -> Memory:
    import torch

    total = int(torch.mps.recommended_max_memory())
    return Memory(max(0, total - int(torch.mps.driver_allocated_memory())), total)
