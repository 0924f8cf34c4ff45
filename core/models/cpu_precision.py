"""Whether an embedder computes in bfloat16 on this CPU: where that is faster and gives the same.

CPUs with AMX or AVX512-BF16 multiply bfloat16 about twice as fast as float32; on others it is
several times slower. So `models.dtype = auto` tries both on one picture when a model is loaded.
"""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..device.capability import Capability
from ..device.precision import has_fast_bfloat16
from .protocols import Loading

FASTER = 1.3
"""least speed of bfloat16, in that of float32, for which it is taken"""
ALIKE = 0.999
"""least cosine between the vectors of both"""
LEAST_WEIGHTS = 2_000_000
"""of a picture side: a smaller one spends its time between the multiplications"""
CLEAR = 1.7
"""speed from which one measurement of each is enough"""
log = logging.getLogger("sightline.models")
Vectors = Callable[[Any], NDArray[np.float32]]


def is_open(loading: Loading, device: Capability, tower: Any) -> bool:
    """Return whether the precision of an embedder is to be tried; `tower` is its picture side."""
    automatic = loading.dtype == "auto" and loading.quantize == "none"
    if not (automatic and device.kind == "cpu" and has_fast_bfloat16()):
        return False
    weights = sum(int(weight.numel()) for weight in tower.parameters())
    return weights >= LEAST_WEIGHTS


def faster_of_both(model: Any, pictures: Vectors, texts: Vectors) -> tuple[Any, str]:
    """Return a float32 model, or a copy of it in bfloat16, and the name of its precision.

    `pictures` and `texts` give what a model makes of the same pictures and texts, float32 (n,
    dimension) of unit length. `pictures` is called three or five times. Done in one thread, as
    parts of a batch are, and measured in its CPU time: what else runs does not count.
    """
    half = half_copy(model)
    with _one_thread():
        _, first = _timed(pictures, half)  # brings the weights into the order that is multiplied
        full_seconds, whole = _timed(pictures, model)
        half_seconds, _ = _timed(pictures, half)
        if full_seconds < CLEAR * half_seconds:
            full_seconds = min(full_seconds, _timed(pictures, model)[0])
            half_seconds = min(half_seconds, _timed(pictures, half)[0])
        alike = min(_alike(whole, first), _alike(texts(model), texts(half)))
    log.info(
        "one picture: float32 %.1f ms, bfloat16 %.1f ms, least cosine %.6f",
        1000 * full_seconds, 1000 * half_seconds, alike,
    )  # fmt: skip
    is_faster = full_seconds >= FASTER * half_seconds
    return (half, "bfloat16") if is_faster and alike >= ALIKE else (model, "float32")


@contextmanager
def _one_thread() -> Iterator[None]:
    import torch

    count = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(count)


def half_copy(model: Any) -> Any:
    """Return a copy of a model in bfloat16; no second one in float32 exists meanwhile."""
    import torch

    made: dict[int, Any] = {}
    for weight in model.parameters():
        made[id(weight)] = torch.nn.Parameter(weight.to(torch.bfloat16), requires_grad=False)
    for buffer in model.buffers():
        made[id(buffer)] = buffer.to(torch.bfloat16) if buffer.is_floating_point() else buffer
    # What is in the memo of deepcopy is taken instead of being copied.
    return copy.deepcopy(model, made)


def trial_picture(height: int = 224, width: int = 224) -> NDArray[np.uint8]:
    """Return waves of several lengths in three colours: uint8 (height, width, 3)."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = [np.sin(rows / (4 + 9 * c)) + np.cos(columns / (30 - 9 * c)) for c in range(3)]
    return np.asarray(127 + 60 * np.stack(waves, -1), np.uint8)


def _timed(work: Vectors, model: Any) -> tuple[float, NDArray[np.float32]]:
    began = time.thread_time()
    vectors = work(model)
    return max(time.thread_time() - began, 1e-9), vectors


def _alike(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return the least cosine of rows; 0 where one is not a number."""
    return float(np.nan_to_num((one * other).sum(1), nan=0.0).min())
