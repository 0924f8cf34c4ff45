"""Whether there is a GPU that torch can use, and whether one was promised."""

from __future__ import annotations

import os

from core.errors import ModelRefused

PROMISE = "SIGHTLINE_GPU"
"""set to 1 where a GPU must be there: its absence is then a failure instead of a reason to skip"""


def promised() -> bool:
    """Return whether the environment says that a GPU is here."""
    return os.environ.get(PROMISE, "") not in ("", "0")


def gpu_fault() -> str:
    """Return why no NVIDIA GPU can be used here; empty if one can.

    Without a promise and without a driver, torch is not imported to find out.
    """
    from core.device.capability import capability
    from core.device.driver import driver_with_gpu

    if not promised() and driver_with_gpu() is None:
        return "no NVIDIA driver with a GPU answers"
    try:
        capability("cuda:0")
    except ModelRefused as error:
        return str(error)
    return ""
