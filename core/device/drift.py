"""How this environment differs from the one that was installed; reported at the first scan.

`sightline doctor` reports the same with the command that fixes it. torch is not imported.
"""

from __future__ import annotations

import os
import sys

from ..text import clean
from ..version import package_version
from .driver import driver_with_gpu, nvidia_card
from .flash_install import torch_cuda

FLOORS = {"torch": "2.9", "transformers": "5"}
"""The oldest versions the models work with; as in pyproject.toml."""


def drift() -> list[str]:
    """Return what is wrong with this environment, a sentence each, for whoever uses a model."""
    found = [_environment(), *(too_old(name, package_version(name)) for name in FLOORS), _gpu()]
    return [f"{clean(each)}; `sightline doctor` shows how to fix it" for each in found if each]


def too_old(name: str, version: str | None) -> str:
    """Return that a package is older than the models need, or an empty string."""
    from packaging.version import Version

    if version is None:
        return f"{name} is not installed"
    floor = FLOORS[name]
    return f"{name} {version} is older than {floor}" if Version(version) < Version(floor) else ""


def _environment() -> str:
    active = os.environ.get("VIRTUAL_ENV")
    if active and os.path.realpath(active) != os.path.realpath(sys.prefix):
        return f"the shell's virtual environment is {active}, but sightline runs from {sys.prefix}"
    return ""


def _gpu() -> str:
    """Return why a GPU that is here is of no use to torch, as far as files and NVML say."""
    torch, built = package_version("torch"), torch_cuda()
    driver = driver_with_gpu()
    if driver is None:
        return "there is an NVIDIA GPU but no driver" if nvidia_card() else ""
    if not built:
        return f"torch {torch} is a CPU build and cannot use the GPU of this machine"
    if driver.cuda[0] < int(built.split(".", maxsplit=1)[0]):
        served = ".".join(map(str, driver.cuda))
        return (
            f"torch {torch} is built for CUDA {built}; driver {driver.version} supports up to "
            f"{served}"
        )
    return ""
