"""asyncio's default pool, with threads that never hold up the end of the process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_Job = tuple[Future[Any], Callable[[], Any]]


class DaemonPool(ThreadPoolExecutor):
    """A pool whose busy threads die with the process.

    The standard pool's threads are joined when the loop closes and again when Python ends, so
    quitting waits for the slowest of them. A `ThreadPoolExecutor` only because asyncio insists.
    """

    def __init__(self, max_workers: int = 8) -> None:
        super().__init__(max_workers)
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._size = max_workers
        self._counts = threading.Lock()
        self._running = 0
        self._pending = 0
        self._closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `fn` in a thread. Raises RuntimeError after `shutdown`."""
        future: Future[T] = Future()
        with self._counts:
            if self._closed:
                raise RuntimeError("cannot schedule new futures after shutdown")
            self._pending += 1
            if self._pending > self._running and self._running < self._size:
                self._running += 1
                threading.Thread(target=self._work, name="sightline-pool", daemon=True).start()
        self._jobs.put((future, lambda: fn(*args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more work; what runs continues and is not waited for."""
        with self._counts:
            self._closed = True
            idle = self._running
        for _ in range(idle):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            _fulfil(*job)
            with self._counts:
                self._pending -= 1
            del job


def _fulfil(future: Future[Any], work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)
