"""What a device is, queried once and kept apart from what is wanted of it.

Everything that must be refused before a model is loaded is decided from a `Capability`, so that it
can be decided (and tested) for machines other than this one.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import ModelRefused
from ..text import clean

AMPERE = (8, 0)
KINDS = ("cpu", "cuda", "mps", "xpu")


@dataclass(frozen=True, slots=True)
class Capability:
    """One device. `compute` is CUDA's compute capability; None elsewhere."""

    device: str
    kind: str
    compute: tuple[int, int] | None = None
    torch: str = ""
    cuda: str = ""
    rocm: bool = False


def capability(device: str) -> Capability:
    """Ask torch about `device` ("cpu", "cuda", "cuda:1", "mps", "xpu").

    Raises ModelRefused if it is no such name, or torch cannot use it here.
    """
    kind, _, number = device.partition(":")
    if kind not in KINDS or (number and not number.isdigit()):
        raise ModelRefused(
            f"there is no device '{clean(device, limit=40)}'; use cpu, cuda, cuda:N, mps or xpu"
        )
    return Capability("cpu", "cpu") if kind == "cpu" else _asked(device, kind, int(number or 0))


def _asked(device: str, kind: str, number: int) -> Capability:
    import torch

    count = _count(kind)
    if number >= count:
        raise ModelRefused(_absent(device, kind, count))
    if kind != "cuda":
        return Capability(device, kind, torch=torch.__version__)
    return Capability(
        device,
        kind,
        torch.cuda.get_device_capability(number),
        torch.__version__,
        torch.version.cuda or "",
        torch.version.hip is not None,
    )


def _count(kind: str) -> int:
    import torch

    if kind == "cuda":
        return torch.cuda.device_count() if torch.cuda.is_available() else 0
    if kind == "xpu":
        return torch.xpu.device_count() if torch.xpu.is_available() else 0
    return int(torch.backends.mps.is_available())


def _absent(device: str, kind: str, count: int) -> str:
    import torch

    if count:
        return f"no device {device}: torch sees {count} of kind {kind}, numbered from 0"
    built = "" if torch.version.cuda or torch.version.hip else " (it was built without CUDA)"
    why = built if kind == "cuda" else ""
    return (
        f"no device {device}: torch {torch.__version__} sees none of kind {kind}{why}; "
        "use device cpu, or run `sightline doctor`"
    )
