"""Weights that bitsandbytes quantised, decoded by the definition of its format.

eight bits  int8 (rows, columns); SCB has the largest absolute value of each row, which is 127
four bits   two numbers in a byte, the upper half first; each is a place in `quant_map` and is
            multiplied by the `absmax` of its block; `quant_state` is JSON with shape and block
            size. With double quantisation, `absmax` is bytes that `nested_*` decode in the same way

Format: bitsandbytes 0.50, `functional.QuantState.as_dict` and `dequantize_blockwise`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

PARTS = (
    ".SCB", ".weight_format", ".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map",
    ".quant_state.bitsandbytes__nf4", ".quant_state.bitsandbytes__fp4",
)  # fmt: skip


def eight_bits(values: torch.Tensor, largest: torch.Tensor) -> torch.Tensor:
    """Return float32 (rows, columns) of int8 values and the largest value of each row."""
    decoded: torch.Tensor = values.float() * (largest.float() / 127)[:, None]
    return decoded


def four_bits(packed: torch.Tensor, name: str, stored: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return float32 in the shape that the stored state of the tensor `name` says."""
    import torch

    state = _state(name, stored)
    numbers = torch.stack([packed.flatten() >> 4, packed.flatten() & 15], 1).flatten().long()
    values = stored[f"{name}.quant_map"].float()[numbers]
    absmax = _absmax(name, stored, state)
    count = 1
    for side in state["shape"]:
        count *= int(side)
    scales = absmax.repeat_interleave(int(state["blocksize"]))[:count]
    return (values[:count] * scales).reshape(tuple(state["shape"]))


def _absmax(
    name: str, stored: Mapping[str, torch.Tensor], state: Mapping[str, Any]
) -> torch.Tensor:
    absmax = stored[f"{name}.absmax"]
    if f"{name}.nested_absmax" not in stored:
        return absmax.float()
    values = stored[f"{name}.nested_quant_map"].float()[absmax.long()]
    nested = stored[f"{name}.nested_absmax"].float()
    scales = nested.repeat_interleave(int(state["nested_blocksize"]))[: len(values)]
    return values * scales + float(state.get("nested_offset") or 0)


def _state(name: str, stored: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    for kind in ("nf4", "fp4"):
        packed = stored.get(f"{name}.quant_state.bitsandbytes__{kind}")
        if packed is not None:
            found: dict[str, Any] = json.loads(bytes(packed.tolist()))
            return found
    raise ValueError(f"{name} is quantised and has no state")
