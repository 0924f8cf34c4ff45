"""Quantised copies of tiny checkpoints, written the way the tools of several vendors write them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

Tensors = dict[str, torch.Tensor]
WEIGHTS = "model.safetensors"
FLOAT8 = torch.float8_e4m3fn


def edit_config(folder: Path, **values: Any) -> None:
    """Change keys of a config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def edit_weights(folder: Path, change: Callable[[Tensors], Tensors], name: str = WEIGHTS) -> None:
    """Write the weights of a folder again, changed."""
    tensors = change(load_file(folder / name))
    kept = {key: each.contiguous() for key, each in tensors.items()}
    save_file(kept, folder / name, metadata={"format": "pt"})


def of_projections(
    quantise: Callable[[str, torch.Tensor], Tensors],
) -> Callable[[Tensors], Tensors]:
    """Return a change that replaces the matrices of projections by what `quantise` gives."""

    def change(tensors: Tensors) -> Tensors:
        changed: Tensors = {}
        for name, tensor in tensors.items():
            is_one = tensor.ndim == 2 and "layers" in name and name.endswith("proj.weight")
            changed |= quantise(name, tensor) if is_one else {name: tensor}
        return changed

    return change


def float8(name: str, weight: torch.Tensor, scale: str = "_scale") -> Tensors:
    """FP8 with one scale for the tensor, as NVIDIA ModelOpt and vLLM's own format have it."""
    factor = weight.abs().max() / 448
    return {name: (weight / factor).to(FLOAT8), name + scale: factor.float()}


def float8_in_blocks(name: str, weight: torch.Tensor, side: int = 16) -> Tensors:
    """FP8 with one scale for each square of a grid, as DeepSeek and Qwen publish it."""
    rows, columns = weight.shape
    blocks = weight.reshape(rows // side, side, columns // side, side)
    factors = blocks.abs().amax((1, 3)) / 448
    values = (blocks / factors[:, None, :, None]).reshape(rows, columns)
    return {name: values.to(FLOAT8), f"{name}_scale_inv": factors.float()}


def four_bit_floats(name: str, weight: torch.Tensor) -> Tensors:
    """The tensors of NVFP4: two numbers in a byte, FP8 scales of 16, one scale of those."""
    rows, columns = weight.shape
    return {
        name: torch.zeros(rows, columns // 2, dtype=torch.uint8),
        f"{name}_scale": torch.ones(rows, columns // 16).to(FLOAT8),
        f"{name}_scale_2": torch.ones(()),
    }


def mlx(name: str, weight: torch.Tensor, group: int = 32, bits: int = 4) -> Tensors:
    """The tensors of Apple's MLX: packed 32 bits, a scale and a bias for each group."""
    rows, columns = weight.shape
    base = name.removesuffix(".weight")
    return {
        name: torch.zeros(rows, columns * bits // 32, dtype=torch.uint32),
        f"{base}.scales": torch.ones(rows, columns // group, dtype=torch.bfloat16),
        f"{base}.biases": torch.zeros(rows, columns // group, dtype=torch.bfloat16),
    }


def rows_of_integers(name: str, weight: torch.Tensor) -> Tensors:
    """Eight-bit integers with one scale for each row (compressed-tensors, int-quantized)."""
    factors = weight.abs().amax(1, keepdim=True) / 127
    return {name: (weight / factors).round().to(torch.int8), f"{name}_scale": factors.float()}


def rows_of_float8(name: str, weight: torch.Tensor) -> Tensors:
    """FP8 with one scale for each row (compressed-tensors, float-quantized)."""
    factors = weight.abs().amax(1, keepdim=True) / 448
    return {name: (weight / factors).to(FLOAT8), f"{name}_scale": factors.float()}


def packed_integers(name: str, weight: torch.Tensor, group: int = 32) -> Tensors:
    """Four-bit integers, eight of them in 32 bits (compressed-tensors, pack-quantized)."""
    rows, columns = weight.shape
    groups = weight.reshape(rows, columns // group, group)
    factors = groups.abs().amax(2) / 7
    values = (groups / factors[..., None]).reshape(rows, columns).round().clamp(-8, 7)
    numbers = values.to(torch.int32) + 8
    packed = torch.zeros(rows, columns // 8, dtype=torch.int32)
    for place in range(8):
        packed |= numbers[:, place::8] << (4 * place)
    return {
        f"{name}_packed": packed,
        f"{name}_shape": torch.tensor([rows, columns]),
        f"{name}_scale": factors.float(),
    }
