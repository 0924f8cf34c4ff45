"""Embedders in eight bits: nearly the same vectors, and refused where they cannot be had."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from core.device.capability import Capability
from core.errors import ModelRefused
from core.models.int8 import wants_eight_bits
from core.models.int8_layers import with_integers
from core.models.protocols import Loading
from core.models.registry import load
from tests.lazy import lazy
from tests.tiny.shelf import shapes_model, tiny_model

from .looking import picture

torch = lazy("torch")
CPU = Capability("cpu", "cpu")


def loading(name: str, quantize: str) -> Loading:
    family = "open_clip" if name == "open_clip" else "clip"
    return Loading(name, family, tiny_model(name), "local-1", device="cpu", quantize=quantize)


@pytest.mark.parametrize("name", ["open_clip", "clip", "siglip", "siglip2_naflex", "metaclip_2"])
def test_vectors_are_nearly_those_of_full_precision(name: str) -> None:
    whole: Any = load(loading(name, "none"))
    eight: Any = load(loading(name, "8bit"))
    assert whole.identity == replace(eight.identity, quantize="none")
    pictures = [picture(seed, 70, 90) for seed in range(6)]
    one, other = (model.embed(model.prepare(pictures)) for model in (whole, eight))
    assert (one * other).sum(1).min() > 0.995
    assert (one != other).any()
    np.testing.assert_array_equal(whole.embed_texts(["a storm"]), eight.embed_texts(["a storm"]))
    np.testing.assert_allclose(  # each picture by its own scales, whatever else is in the batch
        eight.embed(eight.prepare(pictures[2:3]))[0], other[2], atol=1e-4
    )
    assert eight.memory_bytes < whole.memory_bytes
    eight.close()
    whole.close()


def test_a_network_without_blocks_is_refused() -> None:
    with pytest.raises(ModelRefused, match="is not a transformer"):
        load(replace(loading("open_clip", "8bit"), folder=shapes_model()))


@pytest.mark.parametrize("bias", [True, False])
def test_extremes_are_not_cut_off(bias: bool) -> None:
    # Every product as large as it can be: what overflowed would be far off.
    layer = torch.nn.Sequential(torch.nn.Linear(1024, 8, bias=bias))
    torch.nn.init.constant_(layer[0].weight, 3.0)
    layer[0].weight.data[1] *= -1
    inputs = torch.ones(4, 1024)
    inputs[1] *= -1
    inputs[2] *= 1e6
    inputs[3] = 0
    with torch.inference_mode():
        wanted = layer(inputs)
        with_integers(layer)
        got = layer(inputs)
    assert type(layer[0]) is not torch.nn.Linear
    np.testing.assert_allclose(got.numpy(), wanted.numpy(), rtol=0.01, atol=0.05)


@pytest.mark.parametrize(
    "broken",
    [
        lambda *_: torch.ops.onednn.no_such_operator,
        lambda *_: torch.zeros(2) @ torch.zeros(3),
        lambda *_: torch.nn.Linear(8, 8),
    ],
)
def test_refused_where_pytorch_has_no_such_products(
    broken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.models.int8_layers.IntegerLinear", broken)
    with pytest.raises(ModelRefused, match=r"use (quantize = )?none"):
        wants_eight_bits("8bit", CPU, "float32")


def test_attention_is_that_of_pytorch() -> None:
    for change in ({}, {"bias": False}):
        theirs = torch.nn.MultiheadAttention(64, 4, batch_first=True, **change).eval()
        ours = torch.nn.Sequential(theirs)
        tokens, mask = torch.randn(3, 7, 64), torch.triu(torch.full((7, 7), -torch.inf), 1)
        with torch.inference_mode():
            wanted = theirs(tokens, tokens, tokens, need_weights=False, attn_mask=mask)[0]
            first = theirs(tokens[:, :1], tokens, tokens, need_weights=False)[0]
            with_integers(ours)
            assert ours[0] is not theirs
            got = ours[0](tokens, tokens, tokens, need_weights=False, attn_mask=mask)[0]
            assert (got - wanted).abs().max() < 0.03 * wanted.abs().max()
            got = ours[0](tokens[:, :1], tokens, tokens, need_weights=False)[0]
            assert (got - first).abs().max() < 0.05 * first.abs().max()
            with pytest.raises(ValueError, match="keys that are the values"):
                ours[0](tokens, tokens, tokens + 1)


def test_attention_of_another_make_stays_as_it_is() -> None:
    others = torch.nn.ModuleList(
        torch.nn.MultiheadAttention(8, 2, **how)
        for how in ({}, {"batch_first": True, "add_bias_kv": True},
                    {"batch_first": True, "kdim": 4, "vdim": 4})
    )  # fmt: skip
    before = list(others)
    with_integers(others)
    assert list(others) == before


@pytest.mark.parametrize(
    ("quantize", "device", "dtype", "words"),
    [
        ("4bit", CPU, "float32", "none or 8bit"),
        ("8bit", Capability("cuda:0", "cuda"), "float32", "is for CPUs"),
        ("8bit", CPU, "bfloat16", "starts from float32"),
    ],
)
def test_refused_in_one_line(quantize: str, device: Capability, dtype: str, words: str) -> None:
    with pytest.raises(ModelRefused, match=words) as refused:
        wants_eight_bits(quantize, device, dtype)
    assert "\n" not in str(refused.value)
