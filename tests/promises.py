"""A test marked `gpu` is skipped without a GPU, and fails where `SIGHTLINE_GPU=1` promises one."""

from __future__ import annotations

import pytest

from benchmarks.gpu import presence


def require_gpu() -> None:
    """Skip the test that asks, or fail it, where no GPU can be used."""
    fault = presence.gpu_fault()
    if fault and presence.promised():
        pytest.fail(f"{presence.PROMISE} promises a GPU: {fault}", pytrace=False)
    if fault:
        pytest.skip(fault)
