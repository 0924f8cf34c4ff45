"""The picture side of an embedder in eight bits, for CPUs: products of integers, half the time.

Weights are rounded once, each row of a matrix by its own scale; inputs are rounded on the way, each
token by its own, so that one that stands out spoils no other. Weights keep seven bits: two products
of eight are more than x86 CPUs without VNNI can add up, and would be cut off there. Scheme:
symmetric, one scale a row, as in "Integer Quantization for Deep Learning Inference" (Wu et al.,
2020), section 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..device.capability import Capability
from ..errors import ModelRefused
from ..text import clean

if TYPE_CHECKING:
    from torch import Tensor

_WEIGHTS = 63
_INPUTS = 127
_ZERO = 128
"""what stands for 0 among unsigned inputs"""
_LEAST = 1e-12
_BLOCKS = (("transformer",), ("trunk", "blocks"), ("encoder",))


def wants_eight_bits(quantize: str, device: Capability, dtype: str) -> bool:
    """Tell whether an embedder is wanted in eight bits.

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
        raise ModelRefused(f"embed.quantize = 8bit starts from float32, not {dtype}; leave one out")
    if not _works():
        raise ModelRefused(
            "embed.quantize = 8bit needs oneDNN's products of integers, which this PyTorch does "
            "not have here (they are made for x86); use none"
        )
    return True


def _works() -> bool:
    import torch

    try:
        with torch.inference_mode():
            product = _linear(torch.eye(8), None)(torch.ones(1, 8))
    except (RuntimeError, AttributeError, NotImplementedError):
        return False
    return bool((product - 1).abs().max() < 1 / _WEIGHTS)


def tower_to_eight_bits(tower: Any, name: str) -> None:
    """Let a picture tower's transformer blocks compute in eight bits; what is around them stays.

    Towers are open_clip's own, timm's inside open_clip, and those of transformers. Raises
    ModelRefused for one that has no such blocks.
    """
    for path in _BLOCKS:
        blocks = tower
        for part in path:
            blocks = getattr(blocks, part, None)
        if blocks is not None:
            to_eight_bits(blocks)
            return
    raise ModelRefused(
        f"{clean(name)} is no transformer, and only those come in eight bits; use quantize = none"
    )


def to_eight_bits(module: Any) -> None:
    """Replace every linear layer and every attention inside a float32 module by one of eight."""
    from torch import nn

    for name, child in list(module.named_children()):
        if isinstance(child, nn.MultiheadAttention) and child.in_proj_weight is not None:
            setattr(module, name, _attention(child))
        elif type(child) is nn.Linear:
            setattr(module, name, _linear(child.weight, child.bias))
        else:
            to_eight_bits(child)


def _rounded(inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Return (rows, in) as uint8 around 128, and the scale of each row, (rows, 1)."""
    import torch

    rows = inputs.reshape(-1, inputs.shape[-1])
    # Twenty times as fast as the norm that is this.
    furthest = torch.maximum(rows.amax(1, keepdim=True), rows.amin(1, keepdim=True).neg_())
    scale = furthest.clamp_min_(_LEAST).div_(_INPUTS)
    # A half more, and cutting off what is behind the point is rounding.
    above = torch.addcmul(rows.new_tensor(_ZERO + 0.5), rows, scale.reciprocal())
    return above.to(torch.uint8), scale


def _linear(weight: Tensor, bias: Tensor | None) -> Any:
    """Return a module that computes x @ weight.T + bias; weight (out, in), bias (out,) or None."""
    import torch
    from torch import nn

    class EightBitLinear(nn.Module):
        """float32 (..., in) to float32 (..., out)."""

        def __init__(self) -> None:
            super().__init__()
            scales = weight.detach().abs().amax(1).clamp_min(_LEAST) / _WEIGHTS
            rounded = (weight.detach() / scales[:, None]).round().to(torch.int8)
            nothing = torch.zeros(len(weight))
            added = nothing if bias is None else bias.detach().clone()
            self.register_buffer("packed", torch.ops.onednn.qlinear_prepack(rounded, None))
            self.register_buffer("scales", scales)
            self.register_buffer("zeros", nothing.long())
            self.register_buffer("bias", added)

        def forward(self, inputs: Tensor) -> Tensor:
            return self.of(*_rounded(inputs)).view(*inputs.shape[:-1], -1)

        def of(self, rows: Tensor, scale: Tensor) -> Tensor:
            product: Tensor = torch.ops.onednn.qlinear_pointwise(
                rows, 1.0, _ZERO, self.packed, self.scales, self.zeros, None, 1.0, 0,
                torch.float32, "none", [], "",
            )  # fmt: skip
            bias: Any = self.bias
            return torch.addcmul(bias, product, scale, out=product)

    return EightBitLinear()


def _attention(attention: Any) -> Any:
    """Return what stands in for an nn.MultiheadAttention whose batches come first."""
    from torch import nn
    from torch.nn import functional

    width, heads = attention.embed_dim, attention.num_heads
    weight, bias = attention.in_proj_weight, attention.in_proj_bias

    class EightBitAttention(nn.Module):
        """As `nn.MultiheadAttention` where keys are values; returns no weights."""

        def __init__(self) -> None:
            super().__init__()
            self.query = _linear(weight[:width], None if bias is None else bias[:width])
            self.key_value = _linear(weight[width:], None if bias is None else bias[width:])
            self.out_proj = _linear(attention.out_proj.weight, attention.out_proj.bias)

        def forward(
            self, query: Tensor, key: Tensor, _value: Tensor, attn_mask: Tensor | None = None,
            **_ignored: Any,
        ) -> tuple[Tensor, None]:  # fmt: skip
            seen = _rounded(key)
            asked = seen if query is key else _rounded(query)
            keys, values = self.key_value.of(*seen).chunk(2, -1)
            mixed = functional.scaled_dot_product_attention(
                _by_head(self.query.of(*asked), query), _by_head(keys, key),
                _by_head(values, key), attn_mask,
            )  # fmt: skip
            done: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
            return done, None

    def _by_head(rows: Tensor, like: Tensor) -> Tensor:
        """(n * tokens, width) to (n, heads, tokens, width of a head)."""
        return rows.view(*like.shape[:2], heads, -1).transpose(1, 2)

    return EightBitAttention()
