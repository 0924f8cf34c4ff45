"""`sightline doctor`: what this machine can do, and the one command that fixes what it cannot.

To add a check, write a function that takes what was asked and returns one finding, here or in
`doctor_checks.py` (packages, GPU) or `doctor_models.py`, and name it in `CHECKS`.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from ..system.disk_errors import FULL
from ..text import clean, counted
from . import models as model_checks
from . import packages as software
from .packages import CheckResult, DoctorRequest, Status, failure, ok, warning

__all__ = ["CHECKS", "CheckResult", "DoctorRequest", "Status", "as_json", "examine"]

Check = Callable[[DoctorRequest], CheckResult]

MIB, GIB = 2**20, 2**30
DISK_WARNING = 5 * GIB
DISK_FAILURE = 200 * MIB
MEMORY_WARNING = 2 * GIB
CHECKED_THROUGH = 200 * MIB
"""Databases up to this size are read through; it takes about a second."""
SMALLEST_TERMINAL = (80, 24)
FEWEST_FILES = 1024
CPU_FLAGS = ("avx2", "avx512_bf16", "amx_bf16", "amx_int8")
REPORT = "report this line as a bug in sightline"
AV_LIBRARIES = ("libavcodec", "libavformat", "libavutil", "libswscale")
DECODERS = {
    "h264": ("h264",),
    "hevc": ("hevc",),
    "vp9": ("vp9", "libvpx-vp9"),
    # FFmpeg's own "av1" only drives hardware: it exists everywhere and decodes nothing by itself.
    "av1": ("libdav1d", "libaom-av1"),
    "mpeg4": ("mpeg4",),
    "mjpeg": ("mjpeg",),
    "prores": ("prores",),
}
"""Each format wanted, with the FFmpeg decoders of which any one will do."""


def examine(library: Path, *, lock: Path | None = None) -> Iterator[CheckResult]:
    """Yield one finding per check, in the order of `CHECKS`, each as soon as it is known.

    No exception of a check escapes: it becomes a failure that names the check.
    """
    asked = DoctorRequest(Path(os.path.expanduser(library)).absolute(), lock)
    for name, check in CHECKS.items():
        found = _asking(check, asked)
        yield replace(found, check=name, text=clean(found.text), mend=clean(found.mend))


def as_json(findings: Iterable[CheckResult]) -> dict[str, Any]:
    """Return the findings as `doctor --json` prints them; `ok` means that nothing failed."""
    listed = list(findings)
    return {
        "format": "sightline.doctor",
        "version": 1,
        "ok": all(finding.status is not Status.FAILURE for finding in listed),
        "findings": [asdict(finding) for finding in listed],
    }


def findings(library: Path) -> tuple[dict[str, Any], ...]:
    """Return every finding as JSON values."""
    return tuple(as_json(examine(library))["findings"])


def python(asked: DoctorRequest) -> CheckResult:
    """Is this Python new enough."""
    shown = f"Python {sys.version.split()[0]} at {sys.executable}"
    if tuple(sys.version_info[:2]) < (3, 11):
        return failure(f"{shown} is too old", "install Python 3.11 or newer")
    return ok(shown)


def environment(asked: DoctorRequest) -> CheckResult:
    """Is this the virtual environment that the shell believes in."""
    active, ours = os.environ.get("VIRTUAL_ENV"), sys.prefix
    inside = sys.prefix != sys.base_prefix
    if active and os.path.realpath(active) != os.path.realpath(ours):
        text = f"the shell's virtual environment is {active}, but sightline runs from {ours}"
        return warning(text, f"source {shlex.quote(ours)}/bin/activate" if inside else "deactivate")
    beside = software.checkout() / ".venv"
    if not inside and software.in_checkout() and beside.is_dir():
        text = f"not in a virtual environment, though {beside} is there"
        return warning(text, f"source {shlex.quote(str(beside))}/bin/activate")
    return ok(f"virtual environment {ours}" if inside else f"no virtual environment: {ours}")


def codecs(asked: DoctorRequest) -> CheckResult:
    """Which FFmpeg reads footage, and does it know the usual formats."""
    import av

    numbers = (f"{name} {'.'.join(map(str, av.library_versions[name]))}" for name in AV_LIBRARIES)
    text = f"PyAV {av.__version__} ({', '.join(numbers)})"
    lacking = [name for name, ways in DECODERS.items() if not _any_codec(ways, "r")]
    lacking += [] if _any_codec(("libx264",), "w") else ["writing h264 (libx264)"]
    if lacking:
        fix = f"{software.pip()} install --force-reinstall --no-deps --only-binary av av"
        return warning(f"{text} lacks: {', '.join(lacking)}", fix)
    return ok(f"{text}; decodes {', '.join(DECODERS)}; encodes h264")


def pictures(asked: DoctorRequest) -> CheckResult:
    """Which pictures can be opened."""
    from PIL import __version__, features

    heif, raw = software.installed("pillow-heif"), software.installed("rawpy")
    kinds = [f"HEIF (pillow-heif {heif})"] if heif and _imports("pillow_heif") else []
    kinds += ["AVIF"] if features.check("avif") else []
    kinds += [f"RAW (rawpy {raw})"] if raw else []
    text = f"Pillow {__version__} with {', '.join(kinds) or 'neither HEIF nor AVIF'}"
    if len(kinds) - bool(raw) < 2:
        return warning(f"{text}: HEIF or AVIF cannot be opened", software.reinstall())
    return ok(text if raw else f"{text}; camera RAW is an extra: {software.pip()} install rawpy")


def cpu(asked: DoctorRequest) -> CheckResult:
    """Which processor, how much of it is ours, and what it can multiply."""
    model, flags = _processor()
    known = [flag for flag in CPU_FLAGS if flag in flags]
    allowed = _cores_allowed()
    share = f", the time of {counted(allowed, 'core')} allowed by the container" if allowed else ""
    return ok(
        f"{model}: {counted(_cores(), 'core')} usable{share}{'; ' * bool(known)}{' '.join(known)}"
    )


def memory(asked: DoctorRequest) -> CheckResult:
    """How much memory is free, and how much a container would let us have."""
    import psutil

    seen = psutil.virtual_memory()
    text = f"{seen.available / GIB:.1f} of {seen.total / GIB:.1f} GiB available"
    limit = _control_group("memory.max")
    if limit.isdigit() and int(limit) < seen.total:
        text += f"; the container may use {int(limit) / GIB:.1f} GiB"
    if seen.available < MEMORY_WARNING:
        return warning(text, "close other programs")
    return ok(text)


def disk(asked: DoctorRequest) -> CheckResult:
    """Can the library be written, and is there enough free space for it."""
    import shutil

    folder = _nearest_folder(asked.library)
    try:
        _write_and_remove(folder)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        text = f"{folder} cannot be written: {error.strerror or error}"
        full = error.errno in FULL
        fix = "free some space, or name a folder elsewhere" if full else "name a folder you own"
        return failure(text, f"{fix} with --library")
    text = f"{free / GIB:.1f} GiB free at {folder}"
    if free < DISK_WARNING:
        worse = failure if free < DISK_FAILURE else warning
        return worse(text, "free some space, or name a folder elsewhere with --library")
    return ok(f"{text}, which can be written")


def library(asked: DoctorRequest) -> CheckResult:
    """Is there a library, and can its database be read."""
    import sqlite3

    path = asked.library / "library.db"
    if not os.path.exists(path):
        return ok(f"no library at {asked.library} yet; the first scan creates it")
    try:
        version, trouble = _look_into(path)
    except sqlite3.OperationalError as error:
        return warning(
            f"{path} cannot be opened now: {error}", "stop the program that uses it, then try again"
        )
    except sqlite3.DatabaseError as error:
        version, trouble = 0, str(error)
    if trouble:
        return failure(f"{path} is damaged: {trouble}", "restore it from a backup, or scan again")
    return ok(f"{path}: {path.stat().st_size / MIB:.1f} MiB, schema {version}")


def engine(asked: DoctorRequest) -> CheckResult:
    """Does a running engine hold the library."""
    import fcntl

    path = asked.library / "engine.lock"
    if not os.path.exists(path):
        return ok("no engine has used this library")
    handle = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return ok("an engine is running and holds the library")
    finally:
        os.close(handle)
    return ok("no engine is running; the library is free")


def terminal(asked: DoctorRequest) -> CheckResult:
    """What the app could draw on."""
    import locale

    encoding, kind = locale.getencoding(), os.environ.get("TERM", "")
    if encoding.lower().replace("-", "") != "utf8":
        return warning(f"the locale's encoding is {encoding}, not UTF-8", "export LC_ALL=C.UTF-8")
    if not (sys.stdout and sys.stdout.isatty()):
        return ok(f"the output is not a terminal{_between()}")
    size = os.get_terminal_size(sys.stdout.fileno())
    colours = os.environ.get("COLORTERM") or "COLORTERM not set"
    text = f"{kind or 'TERM not set'}, {colours}, {size.columns}x{size.lines}, UTF-8{_between()}"
    if kind in ("", "dumb"):
        return warning(f"{text}: the app cannot draw", "export TERM=xterm-256color")
    if size.columns < SMALLEST_TERMINAL[0] or size.lines < SMALLEST_TERMINAL[1]:
        return warning(text, "make the window at least 80 columns by 24 lines")
    return ok(text)


def files(asked: DoctorRequest) -> CheckResult:
    """How many files may be open at once."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    endless = resource.RLIM_INFINITY
    most = "any number of files" if soft == endless else counted(soft, "file")
    text = f"{most} may be open at once"
    if soft == endless or soft >= FEWEST_FILES:
        return ok(text)
    if hard != endless and hard < FEWEST_FILES:
        return warning(f"{text}, {hard} at most", "ask the administrator for `nofile 4096`")
    return warning(text, f"ulimit -n {4096 if hard == endless else min(hard, 4096)}")


CHECKS: dict[str, Check] = {
    "python": python,
    "environment": environment,
    "packages": software.packages,
    "versions": software.versions,
    "codecs": codecs,
    "decord": software.decord,
    "pictures": pictures,
    "cpu": cpu,
    "memory": memory,
    "gpu": software.gpu,
    "torch": software.torch,
    "families": model_checks.families,
    "attention": model_checks.attention,
    "quantisation": model_checks.quantisation,
    "models": model_checks.models,
    "disk": disk,
    "library": library,
    "engine": engine,
    "terminal": terminal,
    "files": files,
}
"""Every check by its name, in the order they are asked: the one place that knows them all."""


def _asking(check: Check, asked: DoctorRequest) -> CheckResult:
    try:
        return check(asked)
    except ImportError as error:
        return failure(f"cannot be checked: {error}", software.reinstall())
    except Exception as error:
        return failure(f"cannot be checked: {type(error).__name__}: {error}", REPORT)


def _any_codec(names: tuple[str, ...], mode: str) -> bool:
    codec: Any = import_module("av.codec")
    for name in names:
        try:
            codec.Codec(name, mode)
        except ValueError:
            continue
        return True
    return False


def _imports(name: str) -> bool:
    try:
        import_module(name)
    except ImportError:
        return False
    return True


def _processor() -> tuple[str, set[str]]:
    """Return the first core's name and flags, as far as this platform reports them."""
    import platform

    entries: dict[str, str] = {}
    listing = Path("/proc/cpuinfo")
    if listing.is_file():
        for line in listing.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            entries.setdefault(key.strip(), value.strip())
    name = entries.get("model name") or platform.processor() or platform.machine()
    return name, set(entries.get("flags", entries.get("Features", "")).split())


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cores_allowed() -> float | None:
    """Return how many cores' time a container allows, if that is less than all it shows."""
    quota, _, period = _control_group("cpu.max").partition(" ")
    if not (quota.isdigit() and period.isdigit() and int(period)):
        return None
    allowed = int(quota) / int(period)
    return allowed if allowed < _cores() else None


def _control_group(name: str) -> str:
    try:
        return Path("/sys/fs/cgroup", name).read_text().strip()
    except OSError:
        return ""


def _nearest_folder(path: Path) -> Path:
    """Return the folder itself, or the nearest one above it that is there."""
    return next((up for up in (path, *path.parents) if os.path.lexists(up)), path)


def _write_and_remove(folder: Path) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile(dir=folder, prefix=".sightline-doctor-") as file:
        file.write(b"\0" * 4096)
        file.flush()


def _look_into(path: Path) -> tuple[int, str]:
    """Return the database's schema version and what is wrong with it, empty when nothing is."""
    import sqlite3

    # A reader of a WAL database leaves files beside it, unless it is opened as immutable.
    quiet = "" if os.path.exists(f"{path}-wal") else "&immutable=1"
    address = f"{path.as_uri()}?mode=ro{quiet}"
    with closing(sqlite3.connect(address, uri=True, timeout=2)) as database:
        version = int(database.execute("PRAGMA user_version").fetchone()[0])
        if path.stat().st_size > CHECKED_THROUGH:
            return version, ""
        said = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
    return version, "" if said == "ok" else said


def _between() -> str:
    """Name the layers between sightline and the screen."""
    ssh = bool(os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"))
    found = ["in tmux"] * bool(os.environ.get("TMUX")) + ["over SSH"] * ssh
    return f", {' '.join(found)}" if found else ""
