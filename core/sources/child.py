"""The reader process: decodes files it is told to, and may die alone.

Started by `process.py` as `python -m core.sources.child REQUEST_FD REPLY_FD [videos]`. Each request
is answered by any number of messages, the last of kind `end` or `failed`.
"""

from __future__ import annotations

import errno
import gc
import os
import stat
import sys
import threading
from importlib import import_module
from typing import Any

from ..errors import MissingExtra, SourceError, Unreadable
from ..system.disk_errors import FULL
from . import wire
from .child_requests import OPERATIONS


def main() -> None:
    """Answer requests until the engine closes the pipe."""
    requests, replies = int(sys.argv[1]), int(sys.argv[2])
    _ignore_interrupts()
    sys.addaudithook(start_no_program)
    _end_with_the_engine(requests)
    if "videos" in sys.argv:
        _load_decoders()
    while True:
        try:
            request, _ = wire.receive(requests, None)
            _answer(request, replies)
        except wire.WireClosed:
            return


def _load_decoders() -> None:
    """Import what reading a video takes; looking through it for garbage would take a while."""
    gc.disable()
    import_module("av")
    import_module(".sampling", __package__)
    gc.freeze()
    gc.enable()


_STARTS = frozenset(
    ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork")
)


def start_no_program(event: str, _arguments: tuple[Any, ...]) -> None:
    """Refuse to start a program: a file must never decide that one runs on it."""
    if event in _STARTS:
        raise PermissionError("a reader starts no programs")


def _answer(request: dict[str, Any], replies: int) -> None:
    one_at_a_time = threading.Lock()  # a decoding thread gives signs of life beside our replies

    def reply(kind: str, payload: Any = b"", **header: Any) -> None:
        with one_at_a_time:
            wire.send(replies, {"kind": kind, **header}, payload)

    try:
        if "path" in request:
            _check_file(request["path"])
        end = OPERATIONS[request["do"]](request, reply)
    except (FileNotFoundError, NotADirectoryError):
        reply("failed", error="Vanished", reason="the file is gone; was it moved or deleted?")
    except PermissionError:
        reply(
            "failed", error="Unreadable", reason="permission denied; check the file's permissions"
        )
    except (SourceError, MissingExtra) as error:
        reply("failed", error=type(error).__name__, reason=str(error))
    except wire.WireClosed:
        raise
    except Exception as error:
        reply("failed", **_unexpected(error))
    else:
        reply("end", **(end or {}))


def _unexpected(error: Exception) -> dict[str, str]:
    words = " ".join(str(error).split())[:200]
    # A library that finds no space for itself is an ImportError to Python.
    if isinstance(error, MemoryError) or "failed to map" in words or "annot allocate" in words:
        reason = "needs more memory than limits.memory_mib allows; raise it if you trust the file"
        return {"error": "TooLarge", "reason": reason}
    if getattr(error, "errno", None) in FULL:
        return {"error": "DiskFull", "reason": "no space left to write to; free some space"}
    if getattr(error, "errno", None) == errno.EROFS:
        return {"error": "EnvironmentFault", "reason": "the disk to write to is read-only"}
    if isinstance(error, OSError) and error.strerror and error.filename:
        return {"error": "Unreadable", "reason": f"{error.strerror}; check the path"}
    reason = f"cannot be decoded ({type(error).__name__}: {words})"
    return {"error": "Unreadable", "reason": reason}


def _check_file(path: str) -> None:
    """Refuse what is no regular file: a pipe would be waited for, a device never ends."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Unreadable("not a regular file; name a video or picture, or a folder of them")
    finally:
        os.close(handle)


def _end_with_the_engine(requests: int) -> None:
    """Leave at once when the engine is gone, even in the midst of a decode."""
    import select
    import threading

    def watch() -> None:
        gone = select.poll()
        gone.register(requests, 0)  # nothing but the other end's closing
        gone.poll()
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def _ignore_interrupts() -> None:
    """Ctrl+C reaches the whole process group; the engine decides when a reader stops."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    main()
