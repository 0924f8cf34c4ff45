"""A quantised checkpoint counts as verified if it answers as its dequantised weights do."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from core.models import loading as loader
from core.models.dequantised import decodes, dequantised, scaled, unpacked
from core.models.smoke_test import SmokeReport, smoke
from tests.models.vlm.asking import copied
from tests.models.vlm.test_smoke import FoundFile
from tests.tiny import quantised as q

BLOCKS = {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [16, 16]}


def compressed(format_: str, activations: bool = False, **weights: Any) -> dict[str, Any]:
    group: dict[str, Any] = {"targets": ["re:.*layers.*proj$"], "weights": weights}
    if activations:
        scheme = {"num_bits": weights["num_bits"], "type": weights["type"], "symmetric": True}
        group["input_activations"] = {**scheme, "strategy": "token", "dynamic": True}
    return {
        "quant_method": "compressed-tensors", "format": format_,
        "quantization_status": "compressed", "config_groups": {"group_0": group},
        "ignore": ["lm_head"],
    }  # fmt: skip


def quantised(
    to: Path, quantise: Callable[..., q.Tensors], config: dict[str, Any], model: str = "clip"
) -> Path:
    folder = copied(model, to)
    q.edit_weights(folder, q.of_projections(quantise))
    q.edit_config(folder, quantization_config=config)
    return folder


def tried(folder: Path) -> SmokeReport:
    return smoke(FoundFile("clip" if folder.name == "clip" else "chat", folder))


@pytest.mark.parametrize("model", ["clip", "qwen3_vl"])
def test_float8_in_blocks_is_compared(tmp_path: Path, model: str) -> None:
    report = tried(quantised(tmp_path, q.float8_in_blocks, BLOCKS, model))
    assert report.failure == "" and report.attn == ("sdpa", "eager")
    assert report.quantised.startswith("fp8, cosine 1.0000 with its dequantised weights")


@pytest.mark.skipif(not find_spec("compressed_tensors"), reason="needs compressed-tensors")
@pytest.mark.filterwarnings("default")
def test_compressed_tensors_are_compared(tmp_path: Path) -> None:
    integers: dict[str, Any] = {
        "num_bits": 8,
        "type": "int",
        "symmetric": True,
        "strategy": "channel",
    }
    floats: dict[str, Any] = {
        "num_bits": 8,
        "type": "float",
        "symmetric": True,
        "strategy": "channel",
    }
    four: dict[str, Any] = {
        "num_bits": 4,
        "type": "int",
        "symmetric": True,
        "strategy": "group",
        "group_size": 32,
    }
    for number, (quantise, config) in enumerate((
        (q.rows_of_float8, compressed("float-quantized", **floats)),
        (q.packed_integers, compressed("pack-quantized", **four)),
        (q.rows_of_integers, compressed("int-quantized", activations=True, **integers)),
    )):  # fmt: skip
        folder = quantised(tmp_path / str(number), quantise, config, "qwen3_vl_wide")
        report = tried(folder)
        assert (report.failure, config["format"]) == ("", config["format"])
        assert float(report.quantised.split()[2]) > 0.98


@pytest.mark.skipif(not find_spec("bitsandbytes"), reason="needs bitsandbytes")
@pytest.mark.filterwarnings("default")
def test_bits_and_bytes_are_compared(tmp_path: Path) -> None:
    import transformers

    kinds: Any = transformers
    double = {"bnb_4bit_quant_type": "fp4", "bnb_4bit_use_double_quant": True}
    asked: list[dict[str, Any]] = [
        {"load_in_8bit": True},
        {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
        {"load_in_4bit": True, **double},
    ]
    for number, bits in enumerate(asked):
        folder = copied("qwen3_vl_wide", tmp_path / str(number))
        model = kinds.AutoModelForImageTextToText.from_pretrained(
            folder, quantization_config=kinds.BitsAndBytesConfig(**bits), dtype=torch.float32
        )
        model.save_pretrained(folder)
        report = tried(folder)
        assert report.failure == ""
        assert float(report.quantised.split()[2]) > 0.999


def test_scales_that_the_loader_ignores_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights of both ways are exchanged: what the loader reads is then what is wrong."""
    folder = quantised(tmp_path, q.float8_in_blocks, BLOCKS)
    plain = {
        name: tensor.float() for name, tensor in load_file(folder / q.WEIGHTS).items()
        if not name.endswith("_scale_inv")
    }  # fmt: skip
    monkeypatch.setattr(loader, "dequantised", lambda *_: plain)
    report = tried(folder)
    assert report.attn == () and report.quantised == ""
    assert "differs from that of its dequantised weights: cosine 0." in report.failure


def test_a_method_that_cannot_be_compared_is_not_verified(tmp_path: Path) -> None:
    folder = quantised(tmp_path, lambda name, one: {name: one}, {"quant_method": "mxfp4"})
    report = tried(folder)
    assert report.attn == ()
    assert "quantised by mxfp4, whose answer cannot be compared" in report.failure
    assert "nothing is recorded" in report.failure


def test_a_plain_checkpoint_is_not_compared() -> None:
    from tests.tiny.shelf import tiny_model

    assert tried(tiny_model("clip")).quantised == ""


def test_what_is_decoded() -> None:
    for config, expected in (
        ({}, False),
        (BLOCKS, True),
        ({"quant_method": "gptq"}, False),
        ({"load_in_4bit": True}, True),
        ({"quant_method": "fp8", "scale_fmt": "ue8m0"}, False),
        (compressed("pack-quantized", num_bits=4), True),
        (compressed("nvfp4-pack-quantized", num_bits=4), False),
    ):
        assert decodes({"quantization_config": config} if config else {}) == expected


def test_blocks_at_the_edge_are_cut() -> None:
    values = torch.ones(3, 5)
    scale = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    decoded = scaled(values, scale, (2, 2)).numpy()
    assert decoded.tolist() == [[1, 1, 2, 2, 3], [1, 1, 2, 2, 3], [4, 4, 5, 5, 6]]
    assert scaled(values, torch.tensor([2.0])).sum() == 30
    assert scaled(values, torch.tensor([1.0, 2.0, 3.0]))[:, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_packed_numbers_come_back(bits: int) -> None:
    half = 2 ** (bits - 1)
    numbers = np.random.default_rng(0).integers(-half, half, (3, 64 // bits))
    words = np.zeros((3, numbers.shape[1] * bits // 32), np.uint32)
    for column in range(numbers.shape[1]):
        place = column * bits
        value = (numbers[:, column] + half).astype(np.uint32)
        words[:, place // 32] |= value << np.uint32(place % 32)
    found = unpacked(torch.from_numpy(words.view(np.int32)), bits, numbers.shape[1])
    assert (found.numpy() == numbers).all()


def test_a_quantised_tensor_without_its_scale_is_an_error(tmp_path: Path) -> None:
    folder = quantised(tmp_path, q.float8_in_blocks, BLOCKS)
    q.edit_weights(
        folder,
        lambda all_: {n: t for n, t in all_.items() if not n.endswith("_scale_inv")},
    )
    with pytest.raises(ValueError, match="is quantised and has no scale"):
        dequantised([folder / q.WEIGHTS], {"quantization_config": BLOCKS})
