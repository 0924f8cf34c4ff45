"""Embedders whose picture side computes in eight bits, on CPUs: products of integers."""

from __future__ import annotations

from typing import Any

from ..device.capability import Capability
from ..errors import ModelRefused
from ..text import clean

_BLOCKS = (("transformer",), ("trunk", "blocks"), ("encoder",))
"""where the towers of open_clip, of timm inside it, and of transformers keep their blocks"""
LEAST_SHARE = 0.5
"""of the blocks' weights, to be in eight bits; in a plain transformer it is above 0.99"""


def wants_eight_bits(quantize: str, device: Capability, dtype: str) -> bool:
    """Return whether an embedder is wanted in eight bits.

    `dtype` is that of the weights. Raises ModelRefused for any other number of bits, and where this
    one is not to be had.
    """
    if quantize == "none":
        return False
    if quantize != "8bit":
        raise ModelRefused(f"no embedder comes in {clean(quantize, limit=40)}; use none or 8bit")
    if device.kind != "cpu":
        raise ModelRefused(
            f"embed.quantize = 8bit is for CPUs; on {device.device} 16 bits are fast: use none"
        )
    if dtype != "float32":
        raise ModelRefused(
            f"embed.quantize = 8bit starts from float32, not {dtype}; leave one of the two out"
        )
    _try_a_product()
    return True


def tower_to_eight_bits(tower: Any, name: str) -> None:
    """Let a picture tower's transformer blocks compute in eight bits; what is around them stays.

    Raises ModelRefused as `refuse_without_blocks` does.
    """
    from .int8_layers import with_integers

    with_integers(refuse_without_blocks(tower, name))


def refuse_without_blocks(tower: Any, name: str) -> Any:
    """Return the transformer blocks of a picture tower; its weights may be on the meta device.

    Raises ModelRefused for a tower without them: also where something else is kept under the same
    name (the convolutions of an EfficientNet), of which nothing would be computed in eight bits.
    """
    from .int8_layers import share_in_integers

    for path in _BLOCKS:
        blocks = tower
        for part in path:
            blocks = getattr(blocks, part, None)
        if blocks is not None and share_in_integers(blocks) >= LEAST_SHARE:
            return blocks
    raise ModelRefused(
        f"{clean(name)} is not a transformer, and only transformers support "
        "8bit; use embed.quantize = none"
    )


def _try_a_product() -> None:
    """Refuse now what would otherwise fail at the first picture."""
    import torch

    from .int8_layers import LARGEST_WEIGHT, IntegerLinear

    try:
        with torch.inference_mode():
            product = IntegerLinear(torch.eye(8), None)(torch.ones(1, 8))
    # An operator PyTorch was built without is one or the other, by how it was left out.
    except (AttributeError, RuntimeError) as error:
        raise ModelRefused(
            "embed.quantize = 8bit needs oneDNN's products of integers, which this PyTorch does "
            f"not have here ({clean(str(error), limit=80)}); use none"
        ) from error
    if (product - 1).abs().max() > 1 / LARGEST_WEIGHT:
        raise ModelRefused("oneDNN's products of integers come out wrong here; use quantize = none")
