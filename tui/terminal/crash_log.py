"""Where everything goes that must not reach the terminal: native noise, tracebacks, warnings.

The log is 0600. A traceback in it has no local variables: they hold paths and tokens.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ExitCode, SightlineError
from core.service.local import open_private, private_folder
from core.text import clean

MAX_BYTES = 4 * 1024 * 1024
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND


@dataclass(frozen=True, slots=True)
class CrashLog:
    """An open log file; written to from any thread."""

    path: Path
    fd: int

    def write(self, text: str) -> None:
        """Append `text`, harmless to `cat`; a full disk is no reason to fail once more."""
        cleaned = "\n".join(clean(line) for line in text.split("\n"))
        with suppress(OSError):
            os.write(self.fd, cleaned.encode("utf-8"))

    def note(self, where: str, error: BaseException) -> None:
        """Append an exception with its whole traceback and no local variables."""
        cleaned = "".join(traceback.format_exception(error))
        self.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {where}\n{cleaned}")


@contextmanager
def opened(path: Path) -> Iterator[CrashLog]:
    """Open the log at `path`, else a temporary file, else nothing; the old one is kept once."""
    log = _open(path)
    try:
        yield log
    finally:
        os.close(log.fd)


@contextmanager
def taking_everything(log: CrashLog) -> Iterator[None]:
    """Send to the log what Python would print by itself: failed threads, finalizers, signals."""
    before = threading.excepthook, sys.unraisablehook, faulthandler.is_enabled()
    threading.excepthook = lambda a: log.note("in a thread", a.exc_value or _unnamed(a))
    sys.unraisablehook = lambda a: log.note("in a finalizer", a.exc_value or _unnamed(a))
    faulthandler.enable(log.fd)
    try:
        yield
    finally:
        threading.excepthook, sys.unraisablehook = before[:2]
        faulthandler.disable()
        if before[2] and sys.__stderr__ is not None:
            faulthandler.enable()


def verdict(error: BaseException, log: CrashLog) -> tuple[int, str]:
    """Return the exit code and the line that reports `error` to the user; it may be empty.

    The text of an error of ours is shown as it is; anything else is a defect.
    """
    match error:
        case SystemExit():
            code = error.code if error.code is not None else ExitCode.OK
            return (int(code), "") if isinstance(code, int) else (1, clean(str(code)))
        case KeyboardInterrupt():
            return int(ExitCode.INTERRUPTED), ""
        case SightlineError():
            return int(error.exit_code), f"sightline: {clean(str(error))}"
    text = clean(f"{type(error).__name__}: {error}", limit=200)
    where = clean(str(log.path))
    return int(ExitCode.INTERNAL), f"sightline: internal error: {text}; details in {where}"


def _unnamed(args: Any) -> BaseException:
    return RuntimeError(f"{args.exc_type.__name__} without a value")


def _open(path: Path) -> CrashLog:
    try:
        if not private_folder(path.parent):
            return _elsewhere()
        _turn(path)
        return CrashLog(path, open_private(path, _FLAGS))
    except OSError:
        return _elsewhere()


def _turn(path: Path) -> None:
    """Move a log that has grown large aside."""
    with suppress(FileNotFoundError):
        if path.stat().st_size > MAX_BYTES:
            path.replace(path.with_suffix(path.suffix + ".1"))


def _elsewhere() -> CrashLog:
    """Log to the temporary folder: the library may be on a read-only disk."""
    try:
        fd, name = tempfile.mkstemp(prefix="sightline-", suffix=".log")
    except OSError:
        return CrashLog(Path(os.devnull), os.open(os.devnull, os.O_WRONLY))
    return CrashLog(Path(name), fd)
