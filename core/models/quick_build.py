"""Building a network whose weights are loaded right afterwards: without drawing random ones first.

Drawing them takes longer than reading them from the disk. Memory is reserved and not touched, so
what is not overwritten would be arbitrary: load with every key checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_random_weights() -> Iterator[None]:
    """Leave out what fills tensors with random numbers, in this thread."""
    import torch
    from torch.overrides import TorchFunctionMode

    init, filled = torch.nn.init, torch.Tensor
    left_out = {
        filled.normal_, filled.uniform_, filled.erfinv_, init.normal_, init.uniform_,
        init.trunc_normal_, init.kaiming_uniform_, init.kaiming_normal_, init.xavier_uniform_,
        init.xavier_normal_,
    }  # fmt: skip

    class _NothingDrawn(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            if func in left_out:
                return args[0] if args else (kwargs or {}).get("tensor")
            return func(*args, **(kwargs or {}))

    with _NothingDrawn():
        yield
