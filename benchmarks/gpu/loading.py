"""How a model is loaded: precision and attention backends, with speed and agreement."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.gpu.part import Outcome, Setup, need
from benchmarks.gpu.pictures import scene
from core.device.attention import judge
from core.device.capability import capability
from core.device.memory import watch_peak
from core.models.protocols import Loading, VlmRequest
from core.models.registry import load

BACKENDS = ("sdpa", "eager", "flash_attention_2")
FASTER, ALIKE = 1.3, 0.99
Vectors = NDArray[np.float32]


def precision(setup: Setup) -> Outcome:
    """Compare bfloat16 with float32: pictures a second, memory, and the vectors."""
    figures: dict[str, Any] = {}
    vectors: dict[str, Vectors] = {}
    speeds: dict[str, float] = {}
    for dtype in ("float32", "bfloat16"):
        peak = watch_peak(setup.device)
        vectors[dtype], speeds[dtype] = embedded(setup, dtype, "auto")
        figures[f"{dtype}, pictures/s"] = speeds[dtype]
        figures[f"{dtype}, peak MiB"] = (peak() or 0) / 2**20
    figures["times float32"] = speeds["bfloat16"] / speeds["float32"]
    figures["least cosine"] = least_cosine(vectors["float32"], vectors["bfloat16"])
    reached = figures["times float32"] >= FASTER and figures["least cosine"] >= ALIKE
    return Outcome(figures, f">= {FASTER} times float32, cosine >= {ALIKE}", reached)


def attention(setup: Setup) -> Outcome:
    """Compare the backends that can be used here; say why others cannot."""
    device, figures = capability(setup.device), {}
    reference: Vectors | None = None
    dtype = "bfloat16" if setup.is_cuda else "float32"
    for name in BACKENDS:
        found = judge(name, device, dtype)
        if not found.usable:
            figures[name] = f"not tried: {found.why}"
            continue
        vectors, speed = embedded(setup, dtype, name)
        reference = vectors if reference is None else reference
        cosine = least_cosine(reference, vectors)
        need(cosine >= ALIKE, f"{name}: cosine {cosine:.4f} to {BACKENDS[0]}")
        figures[name] = (
            f"{speed:.4g} pictures/s, {_tokens_a_second(setup, dtype, name):.4g} tokens/s, "
            f"cosine to {BACKENDS[0]} {cosine:.5f}"
        )
    return Outcome(figures)


def embedded(setup: Setup, dtype: str, attn: str) -> tuple[Vectors, float]:
    """Return vectors of one batch, and how many pictures a second the model alone embeds."""
    count = setup.of(32, 2)
    model: Any = load(_loading(setup, setup.siglip, "siglip", dtype, attn))
    try:
        need(attn in ("auto", model.identity.attn), f"{attn} became {model.identity.attn}")
        prepared = model.prepare([scene(seed, 320, 240) for seed in range(count)])
        vectors = model.embed(prepared)
        seconds = _timed(lambda: model.embed(prepared), setup.of(8, 1))
        return np.asarray(vectors, np.float32), count / seconds
    finally:
        model.close()


def least_cosine(one: Vectors, other: Vectors) -> float:
    """Return the least cosine between vectors of the same pictures, rows of unit length."""
    return float((one * other).sum(axis=1).min())


def _tokens_a_second(setup: Setup, dtype: str, attn: str) -> float:
    model: Any = load(_loading(setup, setup.qwen, "chat", dtype, attn))
    side, tokens = setup.of(448, 64), setup.of(32, 2)
    asks = [
        VlmRequest((scene(seed, side, side),), "Describe this picture.", max_tokens=tokens)
        for seed in range(setup.of(4, 1))
    ]
    try:
        prepared = model.prepare(asks)
        said: list[Any] = []
        seconds = _timed(lambda: said.append(model.answer(prepared, lambda: False)), 1)
        return float(sum(each.tokens_out for each in model.finish(said[-1])) / seconds)
    finally:
        model.close()


def _loading(setup: Setup, folder: Path, family: str, dtype: str, attn: str) -> Loading:
    return Loading(folder.name, family, folder, "local-gpu", setup.device, dtype, attn)


def _timed(work: Callable[[], object], runs: int) -> float:
    """Return the seconds that a run takes; the first call costs more and is left out."""
    work()
    began = time.perf_counter()
    for _ in range(runs):
        work()
    return (time.perf_counter() - began) / runs
