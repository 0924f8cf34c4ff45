"""Running out of memory is known by every name it goes by, and nothing else is."""

from __future__ import annotations

import pytest

from core.device.memory import empty_caches, is_out_of_memory, memory, module_bytes, watch_peak
from tests.lazy import lazy

torch = lazy("torch")


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB (GPU 0; 1 GiB total)"),
        RuntimeError("MPS backend out of memory (MPS allocated: 8.00 GB)"),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:114] data. DefaultCPUAllocator: not enough memory: "
            "you tried to allocate 4000000000 bytes."
        ),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        MemoryError(),
    ],
)
def test_out_of_memory_is_recognised(error: Exception) -> None:
    assert is_out_of_memory(error)
    wrapped = ValueError("while looking at a picture")
    wrapped.__cause__ = error
    assert is_out_of_memory(wrapped)


def test_out_of_memory_of_torch_is_recognised() -> None:
    test_out_of_memory_is_recognised(
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
    )


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("CUDA error: device-side assert triggered"),
        RuntimeError("The size of tensor a (3) must match the size of tensor b (4)"),
        ValueError("out of memory is what this ValueError only talks about"),
        KeyError("memory"),
    ],
)
def test_other_errors_are_not(error: Exception) -> None:
    assert not is_out_of_memory(error)


def test_a_real_failed_allocation_is_recognised() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


def test_errors_that_cause_each_other_do_not_hang() -> None:
    one, other = ValueError("a"), ValueError("b")
    one.__cause__, other.__cause__ = other, one
    assert not is_out_of_memory(one)


def test_shared_weights_count_once() -> None:
    first = torch.nn.Linear(10, 10, bias=False)
    second = torch.nn.Linear(10, 10, bias=False)
    second.weight = first.weight
    both = torch.nn.Sequential(first, second, torch.nn.BatchNorm1d(4))
    assert module_bytes(both) == 10 * 10 * 4 + 4 * 4 * 4 + 8


def test_the_machines_memory_is_told() -> None:
    report = memory("cpu")
    assert 0 < report.free_bytes < report.total_bytes
    empty_caches("cpu")


def test_the_most_that_was_held_is_told_and_forgotten_again() -> None:
    peak = watch_peak("cpu")
    if peak() is None:
        pytest.skip("this system does not tell")
    before = peak() or 0
    held = torch.ones(64 * 2**20, dtype=torch.uint8)
    del held
    assert (peak() or 0) >= before + 60 * 2**20, "it is gone, but it was held"
    assert (watch_peak("cpu")() or 0) < before + 30 * 2**20


def test_a_device_that_does_not_tell_says_so() -> None:
    assert watch_peak("mps")() is None
