"""The reader process: decodes files it is told to, and may die alone.

Started by `process.py` as `python -m core.sources.child REQUEST_FD REPLY_FD [videos]`. Each request
is answered by any number of messages, the last of kind `end` or `failed`.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
from importlib import import_module
from typing import Any

from . import wire
from .child_failures import check_file, failure
from .child_requests import OPERATIONS
from .picture_requests import pictures

_OPERATIONS = OPERATIONS | {"pictures": pictures}


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
    """Import what reading a video takes; collecting garbage among it would take a while."""
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
            check_file(request["path"])
        end = _OPERATIONS[request["do"]](request, reply)
    except wire.WireClosed:
        raise
    except Exception as error:
        reply("failed", **failure(error))
    else:
        reply("end", **(end or {}))


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
