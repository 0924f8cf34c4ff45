"""Quantised weights decoded by the definition of their format, as something to compare with.

It is independent of what the loader does: plain tensors out of the file, times their scales.

fp8                 weight_scale_inv for each block of weight_block_size (or one for the tensor)
compressed-tensors  weight_scale for each tensor, channel, group or block; weight_zero_point; packed
                    integers are unpacked from 32 bits, the lowest first, with an offset of half the
                    range

bitsandbytes        see dequantised_bits.py

Formats: the classes FineGrainedFP8Config and CompressedTensorsConfig of transformers, and the
compressors of the package compressed-tensors 0.15.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .dequantised_bits import PARTS, eight_bits, four_bits
from .quantised_files import method_of, quantisation_of

if TYPE_CHECKING:
    import torch

_FP8 = "fp8"
_COMPRESSED = "compressed-tensors"
_BITSANDBYTES = "bitsandbytes"
_FORMATS = ("float-quantized", "naive-quantized", "int-quantized", "pack-quantized")
_ACCOMPANYING = (
    ".weight_scale", ".weight_scale_inv", ".weight_zero_point", ".weight_shape", ".weight_g_idx",
    ".input_scale", ".input_zero_point", ".activation_scale",
    *PARTS,
)  # fmt: skip


def decodes(config: Mapping[str, Any]) -> bool:
    """Return whether the weights of a model with this config.json can be decoded here."""
    said, method = quantisation_of(config), method_of(config)
    if method == _FP8:
        return said.get("scale_fmt") in (None, "float")
    return method == _BITSANDBYTES or (method == _COMPRESSED and said.get("format") in _FORMATS)


def dequantised(files: Iterable[Path], config: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Return all tensors of the files by name, those that are quantised as float32.

    The sizes of blocks and the number of bits are those of config.json. Raises ValueError for a
    quantised tensor without its scale.
    """
    from safetensors.torch import load_file

    stored: dict[str, torch.Tensor] = {}
    for path in files:
        stored |= load_file(path)
    plain: dict[str, torch.Tensor] = {}
    for name, tensor in stored.items():
        if name.endswith(".weight_packed"):
            base = name.removesuffix("_packed")
            plain[base] = _unpacked(base, tensor, stored, _bits(config))
        elif not name.endswith(_ACCOMPANYING):
            plain[name] = _decoded(name, tensor, stored, _blocks(config))
    return plain


def scaled(
    values: torch.Tensor, scale: torch.Tensor, blocks: tuple[int, int] | None = None
) -> torch.Tensor:
    """Return float32 values (rows, columns), each times the scale of its block.

    `scale` has one value, one for each row, or a grid of them. Without `blocks`, (rows, columns) of
    a block, the grid divides the values evenly; the last block of a row or column may be cut.
    """
    values, scale = values.float(), scale.float()
    if scale.numel() == 1:
        return values * scale.reshape(())
    if scale.ndim == 1:
        scale = scale[:, None]
    high = blocks[0] if blocks else -(-values.shape[0] // scale.shape[0])
    wide = blocks[1] if blocks else -(-values.shape[1] // scale.shape[1])
    grid = scale.repeat_interleave(high, 0).repeat_interleave(wide, 1)
    decoded: torch.Tensor = values * grid[: values.shape[0], : values.shape[1]]
    return decoded


def unpacked(packed: torch.Tensor, bits: int, columns: int) -> torch.Tensor:
    """Return int32 (rows, columns) from 32 bits that hold `32 // bits` numbers, the lowest first.

    Numbers are stored with an offset of half their range, which is taken off.
    """
    import torch

    shifts = torch.arange(0, 32 - bits + 1, bits, dtype=torch.int32)
    numbers = (packed[..., None] >> shifts) & (2**bits - 1)
    signed: torch.Tensor = numbers.flatten(-2)[:, :columns] - 2 ** (bits - 1)
    return signed


def _decoded(
    name: str, tensor: torch.Tensor, stored: Mapping[str, torch.Tensor],
    blocks: tuple[int, int] | None,
) -> torch.Tensor:  # fmt: skip
    if tensor.is_floating_point() and tensor.element_size() > 1:
        return tensor
    if f"{name}.quant_map" in stored:
        return four_bits(tensor, name, stored)
    largest = stored.get(f"{name.removesuffix('.weight')}.SCB")
    if largest is not None:
        return eight_bits(tensor, largest)
    scale = stored.get(f"{name}_scale_inv", stored.get(f"{name}_scale"))
    if scale is None:
        if tensor.is_floating_point():
            raise ValueError(f"{name} is quantised and has no scale")
        return tensor
    zero = stored.get(f"{name}_zero_point")
    values = tensor.float() if zero is None else tensor.float() - zero.float()
    return scaled(values, scale, blocks)


def _unpacked(
    name: str, packed: torch.Tensor, stored: Mapping[str, torch.Tensor], bits: int
) -> torch.Tensor:
    rows, columns = (int(side) for side in stored[f"{name}_shape"])
    values = unpacked(packed, bits, columns)[:rows].float()
    zero = stored.get(f"{name}_zero_point")
    if zero is not None:
        if zero.ndim != 2 or zero.shape[0] != rows:
            raise ValueError(f"{name} has packed zero points, which are not decoded")
        groups = -(-columns // zero.shape[1])
        values = values - zero.float().repeat_interleave(groups, 1)[:, :columns]
    return scaled(values, stored[f"{name}_scale"])


def _blocks(config: Mapping[str, Any]) -> tuple[int, int] | None:
    size = quantisation_of(config).get("weight_block_size")
    return (int(size[0]), int(size[1])) if isinstance(size, list | tuple) else None


def _bits(config: Mapping[str, Any]) -> int:
    groups = quantisation_of(config).get("config_groups") or {}
    found = {int(group["weights"]["num_bits"]) for group in groups.values()}
    if len(found) != 1:
        raise ValueError("groups of weights with different numbers of bits are not decoded")
    return found.pop()
