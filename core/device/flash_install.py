"""The one line that installs a flash-attention package for this machine, or why there is none.

A compiled package fits one minor version of torch, one major version of CUDA, one C++ ABI, one
Python and certain GPUs. Nothing of torch is imported: all of that is read from files.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

RELEASE = "2.8.3"
_URL = "https://github.com/Dao-AILab/flash-attention/releases/download"
WHEELS = frozenset(
    {
        ("12", "2.9", "cp312", "linux_x86_64"),
        ("12", "2.9", "cp312", "linux_aarch64"),
        ("13", "2.10", "cp312", "linux_x86_64"),
        ("13", "2.10", "cp312", "linux_aarch64"),
    }
)
"""Wheels of flash-attn 2.8.3 in the project's own release, by CUDA, torch, Python and platform, as
far as public code was found that installs them (code search, 2026-11-30), for the versions of torch
that sightline works with. For torch 2.11 the project had none (its issues 2425 and 2442)."""
_NVCC_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Machine:
    """What a compiled package has to fit. `compute` is the oldest GPU's; None without one.

    `cuda` is the version torch was built for, "" for a CPU build; `nvcc` that of the compiler that
    is installed, "" for none.
    """

    torch: str
    cuda: str
    compute: tuple[int, int] | None
    python: str
    platform: str
    nvcc: str = ""
    cxx11_abi: bool | None = None

    @property
    def minor(self) -> str:
        """Return the version of torch a wheel's name would have, e.g. `2.15`."""
        return ".".join(self.torch.split("+")[0].split(".")[:2])

    @property
    def cuda_major(self) -> str:
        """Return the major version of CUDA, e.g. `13`."""
        return self.cuda.split(".", maxsplit=1)[0]


def this_machine(compute: tuple[int, int] | None) -> Machine:
    """Return what is here; a GPU is not looked for."""
    platform = f"{sys.platform}_{_architecture()}"
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    root, version = _torch()
    cuda = _cuda_of(root)
    return Machine(version, cuda, compute, python, platform, _nvcc(), _cxx11_abi(root))


def install_flash_attn(machine: Machine, pip: str) -> str:
    """Return the command for FlashAttention 2, or a sentence that says why none exists."""
    why = _impossible(machine)
    if why:
        return f"flash-attn cannot be installed on this machine: {why}"
    key = (machine.cuda_major, machine.minor, machine.python, machine.platform)
    if key in WHEELS:
        stated = f"cu{machine.cuda_major}torch{machine.minor}cxx11abiTRUE"
        tags = f"{machine.python}-{machine.python}-{machine.platform}"
        file = f"flash_attn-{RELEASE}%2B{stated}-{tags}.whl"
        return f'{pip} install --no-deps "{_URL}/v{RELEASE}/{file}"'
    if machine.nvcc.split(".", maxsplit=1)[0] == machine.cuda_major:
        # The package's own set-up takes a wheel if its release has one by now, else it compiles.
        return f"MAX_JOBS=4 {pip} install flash-attn=={RELEASE} --no-build-isolation --no-cache-dir"
    compiler = f"nvcc has CUDA {machine.nvcc}" if machine.nvcc else "there is no nvcc"
    return (
        f"no install line exists for this machine: no wheel of flash-attn {RELEASE} is known for "
        f"torch {machine.minor} with CUDA {machine.cuda_major}, {machine.python} and "
        f"{machine.platform}, and {compiler} to build one (CUDA {machine.cuda} is needed)"
    )


def install_flash_attn_4(machine: Machine, pip: str) -> str:
    """Return the command for FlashAttention 4: written in Python, it fits any torch."""
    if not machine.cuda or machine.compute is None or not machine.platform.startswith("linux"):
        return f"flash-attn-4 cannot be installed on this machine: {_impossible(machine)}"
    extra = "[cu13]" if machine.cuda_major == "13" else ""
    return f'{pip} install --pre "flash-attn-4{extra}"'


def torch_cuda() -> str:
    """Return the CUDA version the installed torch was built for; empty for a CPU build."""
    return _cuda_of(_torch()[0])


def linked_cuda(distribution_name: str, module: str) -> str:
    """Return the major version of CUDA a compiled package is linked with, "" if that is unknown."""
    found = re.search(rb"libcudart\.so\.(\d+)", _binary(distribution_name, module))
    return found[1].decode() if found else ""


def built_with_cxx11_abi(distribution_name: str, module: str) -> bool | None:
    """Return which C++ ABI of torch's symbols a package asks for; None if that is unknown."""
    return _abi_in(_binary(distribution_name, module))


def _impossible(machine: Machine) -> str:
    if not machine.platform.startswith("linux"):
        return f"it runs on Linux, not on {machine.platform}"
    if machine.compute is None:
        return "the driver reports no NVIDIA GPU"
    if not machine.cuda:
        return f"torch {machine.torch} is a CPU build"
    if machine.compute < (8, 0):
        has = ".".join(map(str, machine.compute))
        return f"it needs Ampere or newer (compute capability 8.0), this GPU has {has}"
    return ""


def _architecture() -> str:
    import platform

    return platform.machine() or "unknown"


def _torch() -> tuple[Path | None, str]:
    try:
        found = distribution("torch")
    except PackageNotFoundError:
        return None, ""
    return Path(str(found.locate_file("torch"))), found.version


def _cuda_of(root: Path | None) -> str:
    """Return the CUDA version torch was built for, read from its text; empty for a CPU build."""
    path = root / "version.py" if root is not None else None
    if path is None or not path.is_file():
        return ""
    text = path.read_text(encoding="utf-8")
    found = re.search(r"^cuda\b[^=]*=\s*['\"]([\d.]+)", text, re.MULTILINE)
    return found[1] if found else ""


def _cxx11_abi(root: Path | None) -> bool | None:
    library = root / "lib" / "libc10.so" if root is not None else None
    if library is None or not library.is_file():
        return None
    return _abi_in(library.read_bytes())


def _abi_in(binary: bytes) -> bool | None:
    """Tell the ABI by the constructor of c10::Error, which takes a string: its name has the ABI."""
    if b"_ZN3c105ErrorC2ENS_14SourceLocationENSt7__cxx11" in binary:
        return True
    return False if b"_ZN3c105ErrorC2ENS_14SourceLocationESs" in binary else None


def _binary(distribution_name: str, module: str) -> bytes:
    """Return the compiled module of an installed package; empty if it has none."""
    try:
        found = distribution(distribution_name)
    except PackageNotFoundError:
        return b""
    folder = Path(str(found.locate_file("")))
    paths = [path for path in folder.glob(f"{module.replace('.', '/')}*.so") if path.is_file()]
    return paths[0].read_bytes() if paths else b""


def _nvcc() -> str:
    command = shutil.which("nvcc") or "/usr/local/cuda/bin/nvcc"
    try:
        done = subprocess.run(
            [command, "--version"], capture_output=True, text=True, timeout=_NVCC_SECONDS,
            check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    found = re.search(r"release ([\d.]+)", done.stdout)
    return found[1] if found else ""
