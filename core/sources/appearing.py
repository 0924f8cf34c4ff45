"""Files that appear in a folder, handed on once they are whole: the same for a while."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from ..errors import EnvironmentFault
from ..text import clean_path
from .find import KNOWN_SUFFIXES, Found, find

log = logging.getLogger("sightline.watch")


@dataclass
class Appearing:
    """The files of one folder, in it and below."""

    folder: str
    settle_seconds: float
    stop: asyncio.Event
    settling: Settling = field(init=False)

    def __post_init__(self) -> None:
        self.folder = os.path.abspath(self.folder)
        self.settling = Settling(self.settle_seconds)

    async def whole(self) -> AsyncIterator[list[str]]:
        """Yield files that are whole now until `stop` is set: those there already, then new ones.

        An empty list says that it has looked, and that nothing is there. Raises EnvironmentFault
        once the folder is gone.
        """
        if not os.path.isdir(self.folder):
            raise self._gone()
        async for changes in self._changes():
            if changes is None:
                await asyncio.to_thread(self._look_again)
                if not self.settling:
                    yield []
            for path in changes or ():
                self._note(path)
            ready = await asyncio.to_thread(self.settling.whole)
            if ready:
                log.info("watch: whole now: %s", [clean_path(path) for path in ready])
                yield ready
            if not os.path.isdir(self.folder):
                raise self._gone()

    def _gone(self) -> EnvironmentFault:
        return EnvironmentFault(f"{clean_path(self.folder)}: the watched folder is gone")

    async def _changes(self) -> AsyncIterator[list[str] | None]:
        """Yield changed paths as they come, and None each time a watcher has begun to note them.

        Whoever looks at the folder on None misses nothing that came before.
        """
        from watchfiles import awatch

        step = int(min(self.settle_seconds, 1.0) * 500)
        while not self.stop.is_set():
            noting = False
            try:
                async for changes in awatch(
                    self.folder, stop_event=self.stop, rust_timeout=step, yield_on_timeout=True,
                    recursive=True,
                ):  # fmt: skip
                    if not noting:
                        noting = True
                        yield None
                    yield [path for _, path in changes]
            except Exception as error:  # a name that is no UTF-8 ends the watcher, in its own way
                log.warning("watch: started anew after %r", error)
                await asyncio.sleep(min(self.settle_seconds, 1.0))

    def _look_again(self) -> None:
        """Note every file there is; those scanned already are known and cost nothing."""
        for path in _files_under(self.folder):
            self.settling.there(path)

    def _note(self, path: str) -> None:
        inside = os.path.relpath(path, self.folder).split(os.sep)
        if any(part.startswith(".") for part in inside):
            return
        if os.path.isdir(path):  # a folder moved in comes as one change, with all it holds
            for each in _files_under(path):
                self.settling.touch(each)
        elif os.path.splitext(path)[1].lower() in KNOWN_SUFFIXES:
            self.settling.touch(path)


@dataclass
class Settling:
    """Files that changed lately, with their size, time and when they were last seen to change."""

    settle_seconds: float
    _seen: dict[str, tuple[int, int, float]] = field(default_factory=dict)
    _given: dict[str, tuple[int, int]] = field(default_factory=dict)

    def touch(self, path: str) -> None:
        """Note that something happened to a file."""
        self._note(path, time.monotonic())

    def there(self, path: str) -> None:
        """Note a file that was there before; it has been the same since it was last written."""
        status = _status(path)
        if self._given.get(path) == status:
            return
        age = max(time.time() - status[1] / 1e9, 0.0) if status else 0.0
        self._note(path, time.monotonic() - age)

    def whole(self) -> list[str]:
        """Return files that stayed the same long enough, each once; start others over."""
        ready = []
        now = time.monotonic()
        for path, (size, mtime_ns, since) in list(self._seen.items()):
            status = _status(path)
            if status is None:
                del self._seen[path]
            elif status != (size, mtime_ns):
                self._seen[path] = (*status, now)
            elif now - since >= self.settle_seconds and size:
                ready.append(path)
                self._given[path] = status
                del self._seen[path]
        return ready

    def __len__(self) -> int:
        return len(self._seen)

    def _note(self, path: str, since: float) -> None:
        status = _status(path)
        if status is None:
            self._seen.pop(path, None)
        else:
            self._seen[path] = (*status, since)


def _files_under(folder: str) -> list[str]:
    return [item.path for item in find([folder]) if isinstance(item, Found)]


def _status(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
