"""Attention backends: which can work here, decided before a single weight is read.

transformers would find out while loading, and where the package `kernels` is installed it would
fetch compiled code from the hub instead of an absent flash-attn. So the choice is made here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

from ..errors import ModelRefused
from ..text import clean, nearest
from .capability import AMPERE, Capability
from .flash_install import (
    Machine,
    built_with_cxx11_abi,
    install_flash_attn,
    install_flash_attn_4,
    linked_cuda,
)

BACKENDS = (
    "auto",
    "sdpa",
    "eager",
    "flex_attention",
    "flash_attention_2",
    "flash_attention_3",
    "flash_attention_4",
)
STAY = "stay on `attn = sdpa`, which runs flash kernels of torch's own where it can"


@dataclass(frozen=True, slots=True)
class Package:
    """The package behind a flash backend, and the oldest GPU it runs on."""

    distribution: str
    module: str
    compute: tuple[int, int]
    gpus: str
    install: str


FLASH = {
    "flash_attention_2": Package(
        "flash-attn",
        "flash_attn_2_cuda",
        AMPERE,
        "Ampere or newer (compute capability 8.0)",
        "pip install flash-attn --no-build-isolation",
    ),
    "flash_attention_3": Package(
        "flash-attn-3",
        "flash_attn_interface",
        (9, 0),
        "Hopper or newer (compute capability 9.0)",
        "build it from the `hopper` folder of Dao-AILab/flash-attention",
    ),
    "flash_attention_4": Package(
        "flash-attn-4",
        "flash_attn.cute",
        (9, 0),
        "Hopper or newer (compute capability 9.0)",
        "pip install flash-attn-4",
    ),
}


@dataclass(frozen=True, slots=True)
class Backend:
    """Whether a backend can work; `why` not, and what would `mend` it."""

    name: str
    usable: bool
    why: str = ""
    mend: str = ""


def choose_attention(wanted: str, device: Capability, dtype: str) -> str:
    """Return the backend to load with: `wanted` if it can work, "auto" staying "auto".

    With "auto" transformers takes sdpa where the architecture has it, else eager. Raises
    ModelRefused at once, with the reason and the way out, for what cannot work on this device in
    this dtype ("float32", "bfloat16", "float16").
    """
    if "/" in wanted:
        raise ModelRefused(
            f"attention kernel '{clean(wanted, limit=80)}' is compiled code from the hub, which "
            f"sightline does not fetch; {STAY}"
        )
    if wanted not in BACKENDS:
        hint = nearest(wanted, list(BACKENDS))
        raise ModelRefused(
            f"no attention backend '{clean(wanted, limit=80)}'{hint}; "
            f"there are {', '.join(BACKENDS)}"
        )
    found = judge(wanted, device, dtype)
    if not found.usable:
        raise ModelRefused(f"attn = {wanted} cannot work: {found.why}; {found.mend}")
    return wanted


def judge(name: str, device: Capability, dtype: str | None) -> Backend:
    """Return whether backend `name` can work on `device`; in `dtype`, unless that is None."""
    package = FLASH.get(name)
    if package is None:
        return Backend(name, True)
    if device.kind != "cuda":
        return Backend(name, False, f"it needs an NVIDIA GPU and this is {device.device}", STAY)
    if not device.rocm and (device.compute or (0, 0)) < package.compute:
        has = ".".join(map(str, device.compute or (0, 0)))
        return Backend(name, False, f"it needs {package.gpus}, this GPU has {has}", STAY)
    if dtype == "float32":
        return Backend(name, False, "it computes no float32", "use dtype bfloat16 or float16")
    return _installed(name, package, device)


def attention_report(machine: Machine, pip: str = "pip") -> tuple[Backend, ...]:
    """Return every backend and whether it can work on a machine, for `doctor`.

    torch is not imported: only the installed files are examined. The `mend` of a flash backend
    is the command that installs it for this machine, or says that none exists.
    """
    return tuple(_on_disk(name, machine, pip) for name in BACKENDS[1:])


def _on_disk(name: str, machine: Machine, pip: str) -> Backend:
    package = FLASH.get(name)
    if package is None:
        return Backend(name, True)
    mend = f"{_install(name, machine, pip)}; or {STAY}"
    absent = _missing(name, package)
    if absent is not None:
        return replace(absent, mend=mend)
    why = _unfit(package, machine) or _mismatch(name, package, machine.torch, machine.cuda).why
    why = why or _other_binary(package, machine)
    return Backend(name, not why, why, mend if why else "")


def _unfit(package: Package, machine: Machine) -> str:
    if machine.compute is None:
        return f"{package.distribution} needs an NVIDIA GPU, and the driver reports none"
    if machine.compute < package.compute:
        has = ".".join(map(str, machine.compute))
        return f"{package.distribution} needs {package.gpus}, this GPU has {has}"
    if not machine.cuda:
        return f"torch {machine.torch} is a CPU build"
    return ""


def _other_binary(package: Package, machine: Machine) -> str:
    """Compare what the compiled module is linked with, whatever its version says."""
    linked = linked_cuda(package.distribution, package.module)
    if linked and linked != machine.cuda_major:
        return (
            f"{package.distribution} is linked with CUDA {linked}, and the installed torch "
            f"has CUDA {machine.cuda}"
        )
    abi = built_with_cxx11_abi(package.distribution, package.module)
    if None not in (abi, machine.cxx11_abi) and abi != machine.cxx11_abi:
        return f"{package.distribution} was built for the other C++ ABI of torch"
    return ""


def _install(name: str, machine: Machine, pip: str) -> str:
    if name == "flash_attention_2":
        return install_flash_attn(machine, pip)
    if name == "flash_attention_4":
        return install_flash_attn_4(machine, pip)
    return f"no wheel is published; {FLASH[name].install}"


def _installed(name: str, package: Package, device: Capability) -> Backend:
    absent = _missing(name, package)
    if absent is not None:
        return absent
    built = _mismatch(name, package, device.torch, device.cuda)
    return _importable(name, package) if built.usable else built


def _missing(name: str, package: Package) -> Backend | None:
    if _version(package.distribution) is not None:
        return None
    mend = f"{package.install}, or {STAY}"
    return Backend(name, False, f"the package {package.distribution} is not installed", mend)


def _mismatch(name: str, package: Package, torch: str, cuda: str = "") -> Backend:
    """Compare what a wheel says it was built for, e.g. 2.8.3+cu12torch2.9, with what is here."""
    stated = _version(package.distribution) or ""
    other_abi = "cxx11abiFALSE" in stated  # torch has had the new ABI since 2.7
    for_torch = re.search(r"torch(\d+\.\d+)", stated)
    for_cuda = re.search(r"cu(\d{2})", stated)
    wrong = ""
    if for_torch and torch and not re.match(rf"{re.escape(for_torch[1])}\D", torch + " "):
        wrong = f"torch {for_torch[1]}, and torch {torch} is installed"
    elif for_cuda and cuda and for_cuda[1] != cuda.split(".", maxsplit=1)[0]:
        wrong = f"CUDA {for_cuda[1]}, and the installed torch has CUDA {cuda}"
    elif other_abi:
        wrong = "the old C++ ABI, which torch has not used since 2.7"
    if not wrong:
        return Backend(name, True)
    why = f"{package.distribution} {stated} was built for {wrong}"
    return Backend(name, False, why, _again(package))


def _importable(name: str, package: Package) -> Backend:
    try:
        import_module(package.module)
    except (ImportError, OSError) as error:
        why = f"{package.distribution} is installed and does not load: {clean(str(error))[:200]}"
        return Backend(name, False, why, _again(package))
    return Backend(name, True)


def _again(package: Package) -> str:
    return f"install it again for this torch ({package.install} --force-reinstall), or {STAY}"


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
