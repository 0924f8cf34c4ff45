"""An embedder takes bfloat16 on a CPU only where that is faster and gives the same vectors."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.device.capability import Capability
from core.inference.leases import ModelLeases
from core.models import cpu_precision, residency
from core.models.cpu_precision import faster_of_both, half_copy
from core.models.protocols import Identity, Loading
from core.models.registry import load
from core.models.residency import Residency
from core.storage.library import Library
from core.stores.answers import Annotation, AnswerKey
from tests.lazy import lazy
from tests.memory_stores import MemoryAnswers
from tests.tiny.shelf import tiny_model

from .looking import picture

torch = lazy("torch")
CPU = Capability("cpu", "cpu")
AUTO = Loading("m", "clip", None, "r")


def layer(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    return torch.nn.Linear(64, 16)


def vectors(model: Any) -> Any:
    rows = model(torch.ones(2, 64, dtype=model.weight.dtype)).float().detach().numpy()
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def timing(monkeypatch: pytest.MonkeyPatch, float32: float, bfloat16: float) -> None:
    def timed(work: Any, model: Any) -> tuple[float, Any]:
        half = next(model.parameters()).dtype == torch.bfloat16
        return (bfloat16 if half else float32), work(model)

    monkeypatch.setattr(cpu_precision, "_timed", timed)


@pytest.mark.parametrize(
    ("float32", "bfloat16", "wanted"), [(1.0, 0.5, "bfloat16"), (1.0, 0.8, "float32")]
)
def test_the_faster_precision_is_taken(
    float32: float, bfloat16: float, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    timing(monkeypatch, float32, bfloat16)
    model, dtype = faster_of_both(layer(), vectors, vectors)
    assert dtype == wanted
    assert str(model.weight.dtype) == f"torch.{wanted}"


def test_vectors_that_differ_keep_it_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    timing(monkeypatch, 1.0, 0.1)

    def turned(model: Any) -> Any:
        half = model.weight.dtype == torch.bfloat16
        return np.eye(2, dtype=np.float32)[[int(half)]]

    def broken(model: Any) -> Any:
        return vectors(model) * (np.nan if model.weight.dtype == torch.bfloat16 else 1)

    for pictures, texts in ((turned, vectors), (vectors, turned), (broken, vectors)):
        assert faster_of_both(layer(), pictures, texts)[1] == "float32"


def test_a_half_copy_leaves_the_model_as_it_was() -> None:
    model = torch.nn.Sequential(layer(), torch.nn.BatchNorm1d(16))
    half = half_copy(model)
    assert {each.dtype for each in model.parameters()} == {torch.float32}
    assert {each.dtype for each in half.parameters()} == {torch.bfloat16}
    assert half[1].running_mean.dtype == torch.bfloat16
    assert half[1].num_batches_tracked.dtype == torch.int64
    assert torch.equal(half[0].weight.float(), model[0].weight.bfloat16().float())


def test_only_a_large_embedder_of_no_named_precision_is_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    large, small = torch.nn.Linear(1500, 1500, device="meta"), layer()
    monkeypatch.setattr(cpu_precision, "has_fast_bfloat16", lambda: True)
    assert cpu_precision.is_open(AUTO, CPU, large)
    assert not cpu_precision.is_open(AUTO, CPU, small)
    for dtype in ("float32", "bfloat16"):
        assert not cpu_precision.is_open(replace(AUTO, dtype=dtype), CPU, large)
    assert not cpu_precision.is_open(replace(AUTO, quantize="8bit"), CPU, large)
    assert not cpu_precision.is_open(AUTO, Capability("cuda:0", "cuda"), large)
    monkeypatch.setattr(cpu_precision, "has_fast_bfloat16", lambda: False)
    assert not cpu_precision.is_open(AUTO, CPU, large)


@pytest.mark.parametrize("name", ["open_clip", "clip", "siglip", "siglip2_naflex"])
def test_every_family_can_change_its_precision(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_precision, "is_open", lambda each, *_: each.dtype == "auto")
    monkeypatch.setattr(cpu_precision, "ALIKE", 0.9)
    timing(monkeypatch, 1.0, 0.1)
    family = name if name in ("open_clip", "clip") else "siglip"
    loading = Loading("m", family, tiny_model(name), "local-1")
    half: Any = load(loading)
    named: Any = load(replace(loading, dtype="bfloat16"))
    monkeypatch.setattr(cpu_precision, "is_open", lambda *_: False)
    full: Any = load(loading)
    assert half.identity == named.identity == replace(full.identity, dtype="bfloat16")
    shown = [picture(seed, 70, 90) for seed in range(3)]
    ours, theirs, exact = (each.embed(each.prepare(shown)) for each in (half, named, full))
    np.testing.assert_allclose(ours, theirs, atol=2e-3)
    assert (ours * exact).sum(1).min() > 0.99 and (ours != exact).any()
    assert half.memory_bytes < full.memory_bytes
    for model in (half, named, full):
        model.close()


class _Footprints:
    """A `FootprintStore` that remembers identities."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Any]] = {}

    def bytes_of(self, key: str) -> int:
        return 0

    def keep_bytes(self, key: str, name: str, device: str, used_bytes: int) -> None: ...

    def batch_of(self, key: str, work: str) -> int:
        return 0

    def keep_batch(self, key: str, work: str, batch: int) -> None: ...

    def identity(self, key: str) -> dict[str, Any] | None:
        return self.kept.get(key)

    def keep_identity(self, key: str, identity: dict[str, Any]) -> None:
        self.kept[key] = identity


class _Model:
    """A model that was found to be in one precision."""

    device, memory_bytes = "cpu", 1

    def __init__(self, loading: Loading, measured: str) -> None:
        dtype = measured if loading.dtype == "auto" else loading.dtype
        self.identity = Identity("m", "r", "clip", dtype, "sdpa", "none", "p")

    def close(self) -> None: ...


def test_a_measured_precision_is_remembered_for_this_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(residency, "has_fast_bfloat16", lambda: True)
    monkeypatch.setattr(residency, "cpu_flags", lambda: frozenset({"amx_bf16"}))
    footprints = _Footprints()

    def found(measured: str) -> str:
        held = Residency(footprints, loader=lambda each: _Model(each, measured))  # type: ignore[arg-type,return-value]
        with held.lease(AUTO) as model:
            assert held.identity(AUTO) == model.identity
            return model.identity.dtype

    assert found("bfloat16") == "bfloat16"
    assert found("float32") == "bfloat16"
    monkeypatch.setattr(residency, "cpu_flags", lambda: frozenset({"avx512_bf16"}))
    assert found("float32") == "float32"


def answered(store: Any, dtype: str, seconds: float) -> AnswerKey:
    identity = {"model": "m", "dtype": dtype}
    key: AnswerKey = store.register(AnswerKey("embed", identity))
    note = Annotation("embed", int(seconds), seconds, "", {}, np.ones(2, np.float32))
    store.keep(key, [("content", note)])
    return key


def test_answers_in_the_other_precision_count_as_known_under_auto(tmp_path: Path) -> None:
    wanted = [("content", 1, ""), ("content", 2, ""), ("content", 3, "")]
    with closing(Library(tmp_path / "library")) as library:
        for store in (library.annotations, MemoryAnswers()):
            full = answered(store, "float32", 1)
            half = answered(store, "bfloat16", 2)
            auto = replace(half, equals=(full.identity, {"model": "m", "dtype": "float16"}))
            assert set(store.known(auto, wanted)) == set(wanted[:2])
            assert set(store.known(half, wanted)) == {wanted[1]}
            converted = store.register(auto.for_pixels("gamma"))
            assert [each["pixels"] for each in converted.equals] == ["gamma", "gamma"]
            assert not store.known(converted, wanted)


def test_only_a_precision_that_was_not_named_equals_others() -> None:
    def equals(loading: Loading) -> list[str]:
        held = Residency(_Footprints(), loader=lambda each: _Model(each, "bfloat16"))  # type: ignore[arg-type,return-value]
        leases = ModelLeases(held, {"embed": loading}, MemoryAnswers(), None, print)  # type: ignore[arg-type]
        asked = leases.asked("embed", 1, {"side": 640})
        assert all({**each, "dtype": asked.identity["dtype"]} == asked.identity
                   for each in asked.equals)  # fmt: skip
        return sorted(str(each["dtype"]) for each in asked.equals)

    assert equals(AUTO) == ["float16", "float32"]
    for dtype in ("float32", "bfloat16"):
        assert equals(replace(AUTO, dtype=dtype)) == []
    assert equals(replace(AUTO, quantize="8bit")) == []
    vlm = replace(AUTO, family="chat")
    assert equals(vlm) == []
