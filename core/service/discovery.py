"""Where the engine of a library listens, and starting one where none does."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from ..config.user_settings import log_file
from ..errors import EnvironmentFault
from ..storage.lock import is_held
from ..system import private_files as private
from ..system.disk_errors import disk_errors, disk_fault, probe
from ..text import clean, clean_path

START_SECONDS = 60.0
MAX_DISCOVERY_BYTES = 65536
MAX_SOCKET_PATH = 100
"""the system's limit is 108 bytes on Linux and 104 elsewhere"""


@dataclass(frozen=True, slots=True)
class Listening:
    """What an engine says of itself in its discovery file."""

    pid: int
    socket: str
    version: str
    protocol: int
    started: float
    """seconds since the epoch"""


def discovery_file(library: Path) -> Path:
    """Return the file in which the engine of a library says where it listens."""
    return library / "engine.json"


def socket_path(library: Path) -> Path:
    """Return the socket's path: in the library, or a short private one where that is too long."""
    near = library.absolute() / "engine.sock"
    if len(os.fsencode(near)) <= MAX_SOCKET_PATH:
        return near
    digest = hashlib.sha256(os.fsencode(near)).hexdigest()[:16]
    return _private_folder() / f"{digest}.sock"


def running(library: Path) -> Listening | None:
    """Return the engine of a library if it is alive, else None.

    Raises EnvironmentFault where another user has put something in its place. Another user's
    library has no engine that this one may talk to.
    """
    found = _announced(library)
    if found is None or not _is_socket(found.socket) or not is_held(library):
        return None
    return found


def announce(library: Path, listening: Listening) -> None:
    """Write the discovery file, readable by no other user. Raises EnvironmentFault."""
    path = discovery_file(library)
    with disk_errors(path):
        private.write_whole(path, json.dumps(asdict(listening)).encode())


async def started(library: Path) -> Listening:
    """Return the engine of a library, started where there is none. Raises EnvironmentFault."""
    import asyncio

    found = running(library)
    if found is not None:
        return found
    killed = _announced(library)  # what an engine that was killed left behind
    process = _start(library)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        found = running(library)
        if found is not None and found != killed:
            return found
        if process.poll() is not None:
            raise EnvironmentFault(_start_failure(library, process.returncode))
        await asyncio.sleep(0.02)
    raise EnvironmentFault(
        f"the engine did not start within {START_SECONDS:.0f} s; "
        f"its log: {clean(str(log_file(library)))}"
    )


def _announced(library: Path) -> Listening | None:
    """Return what an engine said of itself, alive or not. Raises EnvironmentFault."""
    path = discovery_file(library)
    try:
        if not private.is_ours(library):
            return None
        _check_ours(path)
        with open(private.open_file(path, os.O_RDONLY), "rb") as file:
            return Listening(**json.loads(file.read(MAX_DISCOVERY_BYTES)))
    except (OSError, ValueError, TypeError):
        return None


def _check_ours(path: Path) -> None:
    """Raise EnvironmentFault for what another user has put there, OSError for what is not there."""
    if private.is_foreign(path):
        raise EnvironmentFault(
            f"{clean_path(str(path))} belongs to another user, so it is not your engine; "
            "remove it, or name another --library"
        )


def _is_socket(path: str) -> bool:
    try:
        _check_ours(Path(path))
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


def _start(library: Path) -> subprocess.Popen[bytes]:
    """Start an engine in a session of its own, so that no closing terminal ends it."""
    try:
        private.make_folder(library)
        private.secured(library)
        log = _log_for(library)
    except OSError as error:
        raise EnvironmentFault(
            f"{clean(str(library))}: {error.strerror}; the engine writes its library there; "
            "`sightline results`, `show` and `export` can still read it"
        ) from error
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "core.service.server", str(library.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )
    finally:
        os.close(log)
    # A thread must reap it, or it stays in the list of processes as long as we do.
    threading.Thread(target=process.wait, name="sightline-engine-end", daemon=True).start()
    return process


def _log_for(library: Path) -> int:
    """Return the log, or nowhere if it is a link."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    if log_file(library).is_symlink():
        return os.open(os.devnull, os.O_WRONLY)
    return private.open_file(log_file(library), flags)


def _start_failure(library: Path, code: int) -> str:
    """Return what the engine wrote last before it ended."""
    try:
        lines = log_file(library).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    last = next((line for line in reversed(lines) if line.startswith("sightline engine:")), "")
    said = last.partition(": ")[2] or _disk_failure(library) or f"it ended with code {code}"
    return f"{clean(said)} (log: {clean(str(log_file(library)))})"


def _disk_failure(library: Path) -> str:
    """Return why nothing can be written there, not even a log; empty where that is possible."""
    try:
        probe(library)
    except OSError as error:
        return str(disk_fault(error, library))
    return ""


def _private_folder() -> Path:
    base = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(base) / "sightline" if base else Path(tempfile.gettempdir()) / _own_name()
    with disk_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise EnvironmentFault(
            f"{clean(str(folder))} is not private to you; remove it, or set XDG_RUNTIME_DIR"
        )
    return folder


def _own_name() -> str:
    return f"sightline-{os.getuid()}"
