"""Pictures of instants, read from the files themselves by a process that stays for the next one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..config.screening_settings import Limits
from ..errors import SourceError
from ..records import SourceInfo
from ..sources.reader import Reader, again_if_killed
from ..text import clean_path

KEEP_SECONDS = 60.0
"""how long a reader process stays without work: starting one takes 0.3 CPU seconds"""
TURN_SECONDS = 0.3
"""how long a picture waits for the reader of the picture before it, rather than start another"""


class StillReaders:
    """Reads stills, from any thread. One reader process is kept until it is idle too long."""

    def __init__(self, keep_seconds: float = KEEP_SECONDS) -> None:
        self._keep_seconds = keep_seconds
        self._kept: tuple[Limits, Reader] | None = None
        self._lent = 0
        self._closed = False
        self._changed = threading.Condition()
        self._timer: threading.Timer | None = None

    def jpeg(self, info: SourceInfo, seconds: float, longest_side: int, limits: Limits) -> bytes:
        """Return a JPEG of one instant, read from the file itself. Raises SourceError."""
        reader = self._take(limits)
        try:
            with _naming(info.path):
                found = again_if_killed(lambda: list(reader.stills(info, [seconds], longest_side)))
        finally:
            self._give_back(limits, reader)
        if not found:
            raise SourceError(f"{clean_path(info.path)}: no frame at {seconds:g} s")
        return found[0].jpeg

    def close(self) -> None:
        """End the process that is kept; those that still read are ended by whoever reads."""
        with self._changed:
            self._closed = True
        self._end_kept()

    def _take(self, limits: Limits) -> Reader:
        with self._changed:
            self._stop_timer()
            if self._kept is None and self._lent:
                self._changed.wait_for(lambda: self._kept is not None, TURN_SECONDS)
            self._lent += 1
            kept, self._kept = self._kept, None
        if kept is not None and kept[0] == limits:
            return kept[1]
        if kept is not None:
            kept[1].close()
        return Reader(limits)

    def _give_back(self, limits: Limits, reader: Reader) -> None:
        with self._changed:
            self._lent -= 1
            surplus = self._closed or self._kept is not None
            if not surplus:
                self._kept = limits, reader
                self._start_timer()
            self._changed.notify()
        if surplus:
            reader.close()

    def _start_timer(self) -> None:
        self._stop_timer()
        self._timer = threading.Timer(self._keep_seconds, self._end_kept)
        self._timer.daemon = True
        self._timer.start()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _end_kept(self) -> None:
        with self._changed:
            self._stop_timer()
            kept, self._kept = self._kept, None
        if kept is not None:
            kept[1].close()


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Say which source an error is about: here several are read for one command."""
    try:
        yield
    except SourceError as error:
        raise type(error)(f"{clean_path(path)}: {error}") from error
