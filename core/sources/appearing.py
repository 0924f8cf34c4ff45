"""Files that appear in a folder, handed on once they are whole: the same for a while.

Folders are watched one by one: the watcher's own way down would follow every link (watchfiles 1.3).
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field

from ..errors import EnvironmentFault
from ..protocol.passed_over import PassedOver, Tally
from ..text import clean, clean_path
from .file_locator import FileLocator
from .find import KNOWN_SUFFIXES, Links, Walk, is_system_folder
from .locator import FoundFile

log = logging.getLogger("sightline.watch")
RESCAN_SECONDS = 60.0
MOST_IN_VAIN = 3
"""attempts with a watcher that reports nothing at all"""


@dataclass
class Appearing:
    """The files of one folder, in it and below."""

    folder: str
    settle_seconds: float
    stop: asyncio.Event
    follow_links: bool = False
    settling: Settling = field(init=False)
    passed_over: PassedOver = field(default_factory=PassedOver)
    """what lies there and is not read, as it was when all of the folder was last looked through"""
    _identity: tuple[int, int] | None = None
    _links: Links = field(init=False)
    _folders: frozenset[str] = frozenset()
    """those that are watched now"""

    def __post_init__(self) -> None:
        self.folder = os.path.abspath(self.folder)
        self.settling = Settling(self.settle_seconds)
        self._links = Links.of([self.folder], follow=self.follow_links)

    async def whole(self) -> AsyncIterator[list[str]]:
        """Yield files that are whole now until `stop` is set: those there already, then new ones.

        An empty list says that it has looked, and that nothing is there. Raises EnvironmentFault
        once the folder is gone, or cannot be watched.
        """
        self._identity = await asyncio.to_thread(_identity, self.folder)
        looked = 0.0
        async for changes in self._changes():
            # A share reports nothing of what others write, and a full queue of changes is dropped.
            if changes is None or time.monotonic() - looked > RESCAN_SECONDS:
                looked = time.monotonic()
                await asyncio.to_thread(self._look_again)
                if changes is None and not self.settling:
                    yield []
            ready = await asyncio.to_thread(self._settled, changes or [])
            if ready:
                log.info("watch: complete: %s", [clean_path(path) for path in ready])
                yield ready

    async def _changes(self) -> AsyncIterator[list[str] | None]:
        """Yield changed paths as they come, and None each time a watcher has begun to note them.

        A caller that lists the folder on None misses nothing that came before.
        """
        in_vain = 0
        while not self.stop.is_set():
            noting = False
            self._folders = await asyncio.to_thread(self._folders_there)
            try:
                async with aclosing(self._watched_changes()) as changes:
                    async for touched, moved in changes:
                        if not noting:
                            noting, in_vain = True, 0
                            yield None
                        yield touched
                        if await asyncio.to_thread(self._are_folders, moved):
                            break  # and start again, with the folders there are now
            except FileNotFoundError:  # a folder that went away meanwhile
                await asyncio.to_thread(_identity, self.folder)
                await asyncio.sleep(min(self.settle_seconds, 1.0))
            except Exception as error:  # a name that is no UTF-8 ends the watcher, in its own way
                in_vain += not noting
                if in_vain >= MOST_IN_VAIN:
                    raise EnvironmentFault(
                        f"{clean_path(self.folder)} cannot be watched ({clean(str(error))})"
                    ) from error
                log.warning("watch: restarted after %r", error)
                await asyncio.sleep(min(self.settle_seconds, 1.0))

    async def _watched_changes(self) -> AsyncGenerator[tuple[list[str], list[str]]]:
        """Yield the paths that changed and, of these, those that came or went; empty ones too."""
        from watchfiles import Change, awatch

        step = int(min(self.settle_seconds, 1.0) * 500)
        async for changes in awatch(
            *self._folders, stop_event=self.stop, rust_timeout=step, yield_on_timeout=True,
            recursive=False, ignore_permission_denied=True,
        ):  # fmt: skip
            moved = [path for kind, path in changes if kind != Change.modified]
            yield [path for _, path in changes], moved

    def _folders_there(self) -> frozenset[str]:
        """Return the folders to watch, of those whose names the watcher can take."""
        walk = self._walk(Tally())
        for _ in walk.under(self.folder):
            pass
        return frozenset([self.folder, *filter(_is_text, walk.folders)])

    def _are_folders(self, paths: list[str]) -> bool:
        """Return whether any of the paths that came or went is a folder to watch."""
        return any(
            path in self._folders or (os.path.isdir(path) and self._is_walked(path))
            for path in paths
        )

    def _is_walked(self, path: str) -> bool:
        """Return whether a path is one that a walk through the folder comes by."""
        inside = os.path.relpath(path, self.folder).split(os.sep)
        if any(part.startswith(".") or is_system_folder(part) for part in inside[:-1]):
            return False
        if inside[-1].startswith(".") or (is_system_folder(inside[-1]) and os.path.isdir(path)):
            return False
        return self._links.allow(path)

    def _walk(self, tally: Tally) -> Walk:
        return Walk((), self._links, tally)

    def _settled(self, changed: list[str]) -> list[str]:
        """Note what changed and return what is whole."""
        if _identity(self.folder) != self._identity:
            raise _gone(self.folder)  # replaced by another: nothing in it would be reported
        for path in changed:
            self._note(path)
        return self.settling.whole()

    def _look_again(self) -> None:
        """Note every file there is; those scanned already are known and cost nothing."""
        tally = Tally()
        for path in self._files_under(self.folder, tally):
            self.settling.there(path)
        self.passed_over = tally.total()

    def _note(self, path: str) -> None:
        if not self._is_walked(path):
            return
        if os.path.isdir(path):  # a folder moved in comes as one change, with all it holds
            for each in self._files_under(path, Tally()):
                self.settling.touch(each)
        elif os.path.splitext(path)[1].lower() in KNOWN_SUFFIXES:
            self.settling.touch(path)

    def _files_under(self, folder: str, tally: Tally) -> list[str]:
        found = FileLocator(folder).listing(self._walk(tally))
        return [item.path for item in found if isinstance(item, FoundFile)]


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
        if path in self._seen or self._given.get(path) == status:
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

    def give_back(self, paths: Iterable[str]) -> None:
        """Take back files nothing came of: they are handed on once more when next seen."""
        for path in paths:
            self._given.pop(path, None)

    def __len__(self) -> int:
        return len(self._seen)

    def _note(self, path: str, since: float) -> None:
        status = _status(path)
        if status is None:
            self._seen.pop(path, None)
        else:
            self._seen[path] = (*status, since)


def _identity(folder: str) -> tuple[int, int]:
    identity = FileLocator(folder).folder_identity()
    if identity is None:
        raise _gone(folder)
    return identity


def _gone(folder: str) -> EnvironmentFault:
    return EnvironmentFault(f"{clean_path(folder)}: the watched folder is gone")


def _is_text(path: str) -> bool:
    """Return whether a path is valid UTF-8; the watcher knows no other."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _status(path: str) -> tuple[int, int] | None:
    try:
        return FileLocator(path).version()
    except OSError:
        return None
