"""A batch on a CPU: each core takes a part of it, instead of a part of every operation.

PyTorch spreads single operations over the cores, which then wait for each other hundreds of times
a batch, spinning; and where a decoder needs a core now and then, all others wait for that one. Two
halves of a batch of 16 through ViT-B/32 take a tenth less CPU time so (`python -m benchmarks
embedding`). The numbers are those of a smaller batch: the same up to float rounding.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

LEAST = 8
"""pictures in a part: fewer, and reading the weights for each part costs more than is saved"""


class ParallelBatches:
    """As many threads as PyTorch would use for one operation, each of which uses one."""

    def __init__(self, device: str) -> None:
        """On any other device than a CPU, everything is done in one part, where it is called."""
        import torch

        self._count = torch.get_num_threads() if device.partition(":")[0] == "cpu" else 1
        self._threads: ThreadPoolExecutor | None = None

    def run(self, work: Callable[[Any], Any], batch: Any) -> list[Any]:
        """Return what `work` makes of the parts of a tensor, in order; nothing of an empty one."""
        if self._count == 1 or len(batch) < LEAST * self._count:
            return [work(batch)] if len(batch) else []
        if self._threads is None:
            self._threads = _single_threads(self._count)
        return list(self._threads.map(work, batch.chunk(self._count)))

    def close(self) -> None:
        """End the threads; `run` may still be called, and starts new ones."""
        if self._threads is not None:
            self._threads.shutdown()
            self._threads = None


def _single_threads(count: int) -> ThreadPoolExecutor:
    """Return threads in each of which PyTorch's operations use one core."""
    import torch

    together = threading.Barrier(count)

    def begin(_: int) -> None:
        torch.set_num_threads(1)
        torch.get_num_threads()  # a thread's own number is settled when it first asks
        together.wait()  # so that no thread takes two of these

    threads = ThreadPoolExecutor(count, "sightline-cores")
    for _ in threads.map(begin, range(count)):
        pass
    # What is set in one thread is also what threads start with that come later: put that back.
    torch.set_num_threads(count)
    return threads
