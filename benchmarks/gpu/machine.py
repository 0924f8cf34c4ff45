"""What the machine is: without it no figure means anything."""

from __future__ import annotations

from typing import Any

from benchmarks.gpu.part import Outcome, Setup
from core.device.attention import FLASH, judge
from core.device.capability import capability
from core.device.driver import driver_with_gpu
from core.version import package_version


def machine(setup: Setup) -> Outcome:
    """Name GPU, driver, versions, what decodes in hardware, and whether flash-attn loads."""
    device, driver = capability(setup.device), driver_with_gpu()
    figures: dict[str, Any] = {
        "device": ", ".join(driver.devices) if driver else setup.device,
        "driver": driver.version if driver else "none",
        "driver's CUDA": ".".join(map(str, driver.cuda)) if driver else "-",
        "compute capability": ".".join(map(str, device.compute or ())) or "-",
        "torch's CUDA": device.cuda or "-",
    }
    for package in ("torch", "transformers", "av"):
        figures[package] = package_version(package)
    for name in FLASH:
        found = judge(name, device, "bfloat16")
        figures[name] = "loads" if found.usable else found.why
    figures["FFmpeg's devices"] = ", ".join(_decoders()) or "none"
    return Outcome(figures)


def _decoders() -> list[str]:
    from av.codec.hwaccel import hwdevices_available

    return list(hwdevices_available())
