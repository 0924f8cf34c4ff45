"""Which precision to compute in, by device."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ModelRefused
from ..text import clean
from .capability import AMPERE, Capability

if TYPE_CHECKING:
    import torch

DTYPES = ("auto", "float32", "bfloat16", "float16")


def choose_dtype(wanted: str, device: Capability, *, exact: bool = False) -> str:
    """Return "float32", "bfloat16" or "float16" for `wanted`, one of `DTYPES`.

    auto is float32 on a CPU (an embedder may then turn out to be faster in bfloat16: see
    `models/cpu_precision.py`), bfloat16 on a GPU since Ampere, float16 on an older one, float32
    elsewhere. `exact` makes auto float32 everywhere: for models whose result are coordinates,
    since bfloat16 resolves only 256 steps between 0.5 and 1, seven pixels of a 1920 wide picture.
    Raises ModelRefused for a precision that does not exist or that the device cannot do.
    """
    if wanted not in DTYPES:
        raise ModelRefused(f"no dtype '{clean(wanted, limit=40)}'; there are {', '.join(DTYPES)}")
    if wanted == "auto":
        return "float32" if exact else _automatic(device)
    if wanted == "float16" and device.kind == "cpu":
        raise ModelRefused(
            "dtype float16 is of no use on a CPU; use float32, or bfloat16 where memory is short"
        )
    if wanted == "bfloat16" and _lacks_bfloat16(device):
        raise ModelRefused(
            f"dtype bfloat16 needs a GPU since Ampere, {device.device} is older; use float16"
        )
    return wanted


@cache
def has_fast_bfloat16() -> bool:
    """Return whether this CPU has instructions that multiply bfloat16: AMX or AVX512-BF16."""
    return bool({"amx_bf16", "avx512_bf16"} & cpu_flags())


@cache
def cpu_flags() -> frozenset[str]:
    """Return what the system says its first CPU can do; empty where it does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return frozenset()
    found = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return frozenset(found.partition(":")[2].split())


def torch_dtype(name: str) -> torch.dtype:
    """Return torch's own object for "float32", "bfloat16" or "float16"."""
    import torch

    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[name]


def _automatic(device: Capability) -> str:
    if device.kind == "xpu":
        return "bfloat16"
    if device.kind != "cuda":
        return "float32"
    return "float16" if _lacks_bfloat16(device) else "bfloat16"


def _lacks_bfloat16(device: Capability) -> bool:
    return device.kind == "cuda" and not device.rocm and (device.compute or (0, 0)) < AMPERE
