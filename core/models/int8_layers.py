"""Layers whose products are of integers. Imports PyTorch: import it where a model is loaded.

Weights are rounded once, each row of a matrix by its own scale; inputs are rounded on the way, each
token by its own, so that one that stands out spoils no other. Weights keep seven bits: two products
of eight are more than x86 CPUs without VNNI can add up, and would be cut off there. Scheme:
symmetric, one scale a row, as in "Integer Quantization for Deep Learning Inference" (Wu et al.,
2020), section 3.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

LARGEST_WEIGHT = 63
LARGEST_INPUT = 127
ZERO = 128
"""what stands for 0 among unsigned inputs"""
LEAST = 1e-12


class IntegerLinear(nn.Module):
    """x @ weight.T + bias: float32 (..., in) to float32 (..., out)."""

    packed: Tensor
    scales: Tensor
    zeros: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        """`weight` is float32 (out, in), `bias` (out,). AttributeError: oneDNN is not there."""
        super().__init__()
        scales = weight.detach().abs().amax(1).clamp_min(LEAST) / LARGEST_WEIGHT
        rounded = (weight.detach() / scales[:, None]).round().to(torch.int8)
        nothing = torch.zeros(len(weight))
        self.register_buffer("packed", torch.ops.onednn.qlinear_prepack(rounded, None))
        self.register_buffer("scales", scales)
        self.register_buffer("zeros", nothing.long())
        self.register_buffer("bias", nothing if bias is None else bias.detach().clone())

    def forward(self, inputs: Tensor) -> Tensor:
        """Round the inputs and multiply."""
        return self.of(*rounded_rows(inputs)).view(*inputs.shape[:-1], -1)

    def of(self, rows: Tensor, scale: Tensor) -> Tensor:
        """Multiply what `rounded_rows` returned: float32 (rows, out)."""
        product: Tensor = torch.ops.onednn.qlinear_pointwise(
            rows, 1.0, ZERO, self.packed, self.scales, self.zeros, None, 1.0, 0,
            torch.float32, "none", [], "",
        )  # fmt: skip
        return torch.addcmul(self.bias, product, scale, out=product)


class IntegerAttention(nn.Module):
    """Stands in for an `nn.MultiheadAttention` whose keys are its values; returns no weights."""

    def __init__(self, attention: nn.MultiheadAttention) -> None:
        super().__init__()
        width, weight, bias = attention.embed_dim, attention.in_proj_weight, attention.in_proj_bias
        self.heads = attention.num_heads
        self.query = IntegerLinear(weight[:width], None if bias is None else bias[:width])
        self.key_value = IntegerLinear(weight[width:], None if bias is None else bias[width:])
        self.out_proj = IntegerLinear(attention.out_proj.weight, attention.out_proj.bias)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        *,
        need_weights: bool = False,
        attn_mask: Tensor | None = None,
    ) -> tuple[Tensor, None]:
        """(n, queries, width) and (n, tokens, width) to (n, queries, width)."""
        if need_weights or value is not key:
            raise ValueError("only attention of keys that are the values, without its weights")
        int8_key = rounded_rows(key)
        int8_query = int8_key if query is key else rounded_rows(query)
        keys, values = self.key_value.of(*int8_key).chunk(2, -1)
        attn_out = functional.scaled_dot_product_attention(
            self._by_head(self.query.of(*int8_query), query), self._by_head(keys, key),
            self._by_head(values, key), attn_mask,
        )  # fmt: skip
        return self.out_proj(attn_out.transpose(1, 2).flatten(2)), None

    def _by_head(self, rows: Tensor, like: Tensor) -> Tensor:
        """(n * tokens, width) to (n, heads, tokens, width of a head)."""
        return rows.view(*like.shape[:2], self.heads, -1).transpose(1, 2)


def rounded_rows(inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Return float32 (..., in) as uint8 (rows, in) around 128, and each row's scale (rows, 1)."""
    rows = inputs.reshape(-1, inputs.shape[-1])
    # Twenty times as fast as the norm that is this.
    furthest = torch.maximum(rows.amax(1, keepdim=True), rows.amin(1, keepdim=True).neg_())
    scale = furthest.clamp_min_(LEAST).div_(LARGEST_INPUT)
    # A half more, and cutting off what is behind the point is rounding.
    above = torch.addcmul(rows.new_tensor(ZERO + 0.5), rows, scale.reciprocal())
    return above.to(torch.uint8), scale


def with_integers(module: nn.Module) -> None:
    """Replace every linear layer and every self-attention inside a float32 module."""
    for name, child in list(module.named_children()):
        if isinstance(child, nn.MultiheadAttention) and _is_plain(child):
            setattr(module, name, IntegerAttention(child))
        elif type(child) is nn.Linear:
            setattr(module, name, IntegerLinear(child.weight, child.bias))
        else:
            with_integers(child)


def share_in_integers(module: nn.Module) -> float:
    """Return which share of a module's weights `with_integers` would round; 0 for one without."""
    total = sum(each.numel() for each in module.parameters())
    return _rounded_weights(module) / total if total else 0.0


def _rounded_weights(module: nn.Module) -> int:
    plain = isinstance(module, nn.MultiheadAttention) and _is_plain(module)
    if plain or type(module) is nn.Linear:
        return sum(each.numel() for each in module.parameters())
    return sum(_rounded_weights(child) for child in module.children())


def _is_plain(attention: nn.MultiheadAttention) -> bool:
    one_input = attention.in_proj_weight is not None and attention.batch_first
    return one_input and attention.bias_k is None and not attention.add_zero_attn
