"""The process of a reader and the pipes to it.

Light to import: code that knows that a video will be read starts one first, so that it loads its
decoders while the engine loads itself.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ..system.child_environment import child_environment

_CODE_FOLDER = Path(__file__).parent.parent.parent
# Every thread's own heap and BLAS's buffers would take address space that is capped.
_FRUGAL = {"MALLOC_ARENA_MAX": "2", "OPENBLAS_NUM_THREADS": "1"}
PIPE_BYTES = 1024 * 1024
"""a microbatch is some MiB: through the usual 64 KiB it goes in as many turns as it has pieces"""


class ReaderProcess:
    """One running `child.py`. Raises OSError if it cannot be started."""

    def __init__(self, *, for_videos: bool = False) -> None:
        """With `for_videos` it loads what reading a video takes before it is asked to."""
        self._open = True
        self.killed_by_us = False
        child_reads, self.to_child = os.pipe()
        self.from_child, child_writes = os.pipe()
        _widen(self.from_child)
        command = [sys.executable, "-m", "core.sources.child", str(child_reads), str(child_writes)]
        try:
            self._process = subprocess.Popen(
                [*command, *(["videos"] if for_videos else [])],
                cwd=_CODE_FOLDER,
                env=child_environment(_FRUGAL),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(child_reads, child_writes),
            )
        except OSError:
            self.hang_up()
            raise
        finally:
            os.close(child_reads)
            os.close(child_writes)

    @property
    def pid(self) -> int:
        """Return its number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Return whether it runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it; its reader gets an end of file."""
        if self._process.poll() is None:
            self.killed_by_us = True
            self._process.kill()

    def end(self) -> None:
        """End it, and everything with it; may be called again."""
        self.kill()
        self.hang_up()
        self.ended()

    def hang_up(self) -> None:
        """Close the pipes, unless that was done."""
        if not self._open:
            return
        self._open = False
        os.close(self.to_child)
        os.close(self.from_child)

    def ended(self, seconds: float | None = None) -> int | None:
        """Wait for its end and return its exit code, negative for a signal; None if it runs on."""
        try:
            return self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return None


def _widen(pipe: int) -> None:
    import fcntl

    if hasattr(fcntl, "F_SETPIPE_SZ"):
        try:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        except OSError:  # the user has too many wide ones already
            return
