"""What `doctor` asks of the installed packages and of the GPU; `doctor.py` holds the table.

A check takes what was asked and returns one finding, made with `ok`, `warning` or `failure`.
It need not catch anything: what escapes it is reported as a failure under its name.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module, util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..device.drift import FLOORS, too_old
from ..device.driver import Driver, driver_with_gpu, nvidia_card, nvml
from ..device.flash_install import torch_cuda
from ..system.child_environment import child_environment
from ..text import counted

if TYPE_CHECKING:
    from packaging.requirements import Requirement


class Status(StrEnum):
    """How a check came out; only a failure makes `doctor` as a whole fail."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found; `mend` is the one command or action that fixes it."""

    check: str
    status: Status
    text: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class DoctorRequest:
    """What `doctor` was asked about: the library's folder, and a lock file if one was named."""

    library: Path
    lock: Path | None = None


NAMED_AT_MOST = 5
CHILD_SECONDS = 120.0

_TORCH_PROBE = """
import json, torch
found = {"version": torch.__version__, "cuda": torch.version.cuda, "error": ""}
try:
    (torch.ones(8, device="cuda") + 1).sum().item()
except Exception as error:
    found["error"] = str(error)
found["available"] = torch.cuda.is_available()
print(json.dumps(found))
"""


def ok(text: str) -> CheckResult:
    """Return a finding that asks for nothing."""
    return CheckResult("", Status.OK, text)


def warning(text: str, fix: str) -> CheckResult:
    """Return a finding that sightline can work with."""
    return CheckResult("", Status.WARNING, text, fix)


def failure(text: str, fix: str) -> CheckResult:
    """Return a finding that keeps something from working."""
    return CheckResult("", Status.FAILURE, text, fix)


def packages(asked: DoctorRequest) -> CheckResult:
    """Are the installed packages those of the lock file."""
    lock = asked.lock or _lock()
    if not lock.is_file():
        return warning(f"no lock file at {lock}: versions not compared", reinstall())
    wanted = list(_wanted(lock))
    missing = [need.name for need in wanted if installed(need.name) is None]
    differing = [shown for need in wanted if (shown := _difference(need))]
    text = "; ".join(
        [f"{counted(len(wanted), 'package')} in {lock.name}"]
        + ([f"missing: {_few(missing)}"] if missing else [])
        + ([f"differing: {_few(differing)}"] if differing else [])
    )
    if missing:
        return failure(text, reinstall())
    # Only a checkout installs from the lock; elsewhere any version in pyproject's ranges is right.
    return warning(text, reinstall()) if differing and in_checkout() else ok(text)


def versions(asked: DoctorRequest) -> CheckResult:
    """Are torch and transformers new enough for the models."""
    found = {name: installed(name) for name in FLOORS}
    wrong = [shown for name in FLOORS if (shown := too_old(name, found[name]))]
    if wrong:
        needs = " ".join(shlex.quote(f"{name}>={floor}") for name, floor in FLOORS.items())
        fix = reinstall() if in_checkout() else f"{pip()} install --upgrade {needs}"
        return failure("; ".join(wrong), fix)
    return ok(", ".join(f"{name} {version}" for name, version in found.items()))


def decord(asked: DoctorRequest) -> CheckResult:
    """Can decord read sampled frames; PyAV does where it cannot."""
    if util.find_spec("decord") is None:
        text = "decord is not installed; PyAV reads sampled frames instead"
        made_for_this = sys.platform == "linux" and os.uname().machine == "x86_64"
        return warning(text, f"{pip()} install decord") if made_for_this else ok(text)
    try:
        version = child("import decord; print(decord.__version__)")
    except RuntimeError as error:
        text = f"decord cannot be imported ({error}); PyAV reads sampled frames instead"
        return warning(text, f"{pip()} install --force-reinstall --no-deps decord")
    return ok(f"decord {version}")


def gpu(asked: DoctorRequest) -> CheckResult:
    """Which GPUs the NVIDIA driver offers."""
    if installed("nvidia-ml-py") is None:
        return warning("nvidia-ml-py is missing: GPUs cannot be seen", reinstall())
    library = import_module("pynvml")
    try:
        driver = nvml(library)
    except library.NVMLError as error:
        return _no_driver(error)
    text = f"driver {driver.version}, CUDA {_dotted(driver.cuda)}"
    if not driver.devices:
        return ok(f"NVIDIA {text}, but no GPU: everything runs on the CPU")
    return ok(f"{'; '.join(driver.devices)} ({text})")


def torch(asked: DoctorRequest) -> CheckResult:
    """Can torch use the GPU, if there is one; it is imported only then, and in a child."""
    version = installed("torch")
    if version is None:
        return failure("torch is not installed", reinstall())
    driver = driver_with_gpu()
    if driver is None:
        build = torch_cuda()
        return ok(f"torch {version} ({f'CUDA {build}' if build else 'CPU'} build) on the CPU")
    try:
        found = json.loads(child(_TORCH_PROBE).splitlines()[-1])
    except RuntimeError as error:
        return failure(f"torch {version} cannot be imported: {error}", reinstall())
    return _torch_with(driver, found)


def installed(name: str) -> str | None:
    """Return a package's installed version, or None; nothing is imported."""
    from importlib import metadata

    try:
        return metadata.version(name) or None
    except (metadata.PackageNotFoundError, KeyError):
        return None


def checkout() -> Path:
    """Return the folder that holds `core`: the source tree, or site-packages."""
    return Path(__file__).resolve().parents[2]


def in_checkout() -> bool:
    """Does this sightline run from its source tree, rather than from an installed wheel."""
    return (checkout() / "pyproject.toml").is_file()


def pip() -> str:
    """Return the command that installs into this very environment."""
    here = shlex.quote(sys.executable)
    return (
        f"{here} -m pip"
        if util.find_spec("pip")
        else f"VIRTUAL_ENV={shlex.quote(sys.prefix)} uv pip"
    )


def reinstall() -> str:
    """Return the command that brings every package to what sightline needs."""
    return "make setup" if in_checkout() else f"{pip()} install --upgrade sightline"


def _lock() -> Path:
    if in_checkout():
        return checkout() / "requirements.lock"
    return Path(__file__).resolve().parents[1] / "_requirements.lock"


def _wanted(lock: Path) -> Iterator[Requirement]:
    """Yield what the lock asks of this machine; a wheel's users need not have the tools of dev."""
    from packaging.utils import canonicalize_name

    needed = None if in_checkout() else _needed_by("sightline")
    for need in _requirements(lock.read_text(encoding="utf-8").splitlines()):
        if needed is None or canonicalize_name(need.name) in needed:
            yield need


def _requirements(lines: Iterable[str]) -> Iterator[Requirement]:
    from packaging.requirements import Requirement

    for line in lines:
        text = re.split(r"(?:^|\s)#|\s--hash|\\$", line.strip())[0].strip()
        if text and not text.startswith("-"):
            need = Requirement(text)
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                yield need


def _needed_by(name: str) -> set[str]:
    from importlib import metadata

    from packaging.utils import canonicalize_name

    todo, seen = [name], set[str]()
    while todo:
        key = canonicalize_name(todo.pop())
        if key not in seen:
            seen.add(key)
            lines = (metadata.requires(key) or []) if installed(key) else []
            todo += [need.name for need in _requirements(lines)]
    return seen


def _difference(need: Requirement) -> str:
    found = installed(need.name)
    if found is None or need.specifier.contains(found, prereleases=True):
        return ""
    return f"{need.name} {found} (lock: {str(need.specifier).removeprefix('==')})"


def _few(names: list[str]) -> str:
    more = len(names) - NAMED_AT_MOST
    return ", ".join(names[:NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")


def child(code: str) -> str:
    """Run `code` in a Python of its own, which may crash alone, and return what it printed."""
    import subprocess

    command = [sys.executable, "-P", "-c", code]
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, timeout=CHILD_SECONDS,
            env=child_environment(),
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"no answer within {CHILD_SECONDS:.0f} s") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise RuntimeError(said[-1] if said else f"the child ended with {done.returncode}")
    return done.stdout.decode(errors="replace").strip()


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _no_driver(error: Exception) -> CheckResult:
    kind = type(error).__name__
    if kind == "NVMLError_LibRmVersionMismatch":
        return failure("the NVIDIA driver was updated and the old one is still loaded", "reboot")
    if kind != "NVMLError_LibraryNotFound":
        text = f"the NVIDIA driver does not answer: {error}"
        return warning(text, "run nvidia-smi and follow its message")
    if nvidia_card():
        text = "there is an NVIDIA GPU but no driver: everything runs on the CPU"
        return warning(text, "install the NVIDIA driver (in a container: start it with --gpus all)")
    return ok("no NVIDIA driver: everything runs on the CPU")


def _torch_with(driver: Driver, found: dict[str, Any]) -> CheckResult:
    """Judge what torch found in its child, on a machine that has a GPU."""
    built, error = found["cuda"], str(found["error"]).strip().split("\n")[0]
    text = f"torch {found['version']} ({f'CUDA {built}' if built else 'CPU'} build)"
    if not built:
        fix = f"{pip()} install --force-reinstall --index-url https://pypi.org/simple"
        return failure(f"{text} cannot use the GPU that is here", f"{fix} torch torchvision")
    if found["available"] and not error:
        return ok(f"{text} computes on the GPU (driver: CUDA {_dotted(driver.cuda)})")
    if found["available"] and "out of memory" in error:
        return warning(
            f"{text} finds no free GPU memory",
            "run nvidia-smi and stop the processes that use the memory",
        )
    return _torch_refused(driver, f"{text} cannot use the GPU", built, error)


def _torch_refused(driver: Driver, text: str, built: str, error: str) -> CheckResult:
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden.strip() in ("", "-1"):
        return warning(f"{text}: CUDA_VISIBLE_DEVICES hides it", "unset CUDA_VISIBLE_DEVICES")
    if driver.cuda[0] < int(
        built.split(".", maxsplit=1)[0]
    ):  # within one major number, older drivers serve
        text += f": driver {driver.version} serves CUDA {_dotted(driver.cuda)} at most"
        fix = f"update the NVIDIA driver to one for CUDA {built}, or install a torch built for"
        return failure(text, f"{fix} CUDA {driver.cuda[0]}")
    if "no kernel image" in error:
        return failure(f"{text}: not built for this GPU", "install a torch built for this GPU")
    fix = "run nvidia-smi (in a container: set NVIDIA_DRIVER_CAPABILITIES=compute,utility)"
    return failure(f"{text}: {error or 'no reason given'}", fix)
