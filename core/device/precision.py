"""Which precision to compute in, by device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ModelRefused
from ..text import clean
from .capability import AMPERE, Capability

if TYPE_CHECKING:
    import torch

DTYPES = ("auto", "float32", "bfloat16", "float16")


def choose_dtype(wanted: str, device: Capability, *, exact: bool = False) -> str:
    """Return "float32", "bfloat16" or "float16" for `wanted`, one of `DTYPES`.

    auto is float32 on a CPU, bfloat16 on a GPU since Ampere, float16 on an older one, float32
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
