"""Texts of open_clip's own text side without the padding after them.

A text is padded to 77 tokens, and a tag has about six. In a causal transformer no token sees those
after it, and the vector is that of the end token: so what comes after the end tokens of all texts
changes nothing but the time, which is ten times as long with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def ends_at_end_token(model: Any) -> bool:
    """Return whether a text's vector depends on nothing after its end token."""
    from open_clip.model import CLIP

    if type(model) is not CLIP or model.text_pool_type != "argmax" or model.attn_mask is None:
        return False
    mask = model.attn_mask
    above = mask.new_full(mask.shape, float("-inf")).triu(1)
    return bool((mask == above).all())


def encode_short(model: Any, tokens: torch.Tensor) -> torch.Tensor:
    """Return what `CLIP.encode_text` of open_clip 3 does, (texts, dimension), not normalised.

    `tokens` is int64 (texts, 77); the end token is the highest number in each row.
    """
    import torch

    ends = tokens.argmax(dim=-1)
    longest = int(ends.max()) + 1
    dtype = model.transformer.get_cast_dtype()
    seen = model.token_embedding(tokens[:, :longest]).to(dtype)
    seen = seen + model.positional_embedding[:longest].to(dtype)
    seen = model.transformer(seen, attn_mask=model.attn_mask[:longest, :longest])
    pooled = model.ln_final(seen)[torch.arange(len(tokens), device=tokens.device), ends]
    return _projected(pooled, model.text_projection)


def _projected(pooled: torch.Tensor, projection: Any) -> torch.Tensor:
    import torch

    if projection is None:
        return pooled
    if isinstance(projection, torch.nn.Linear):
        projected: torch.Tensor = projection(pooled)
        return projected
    product: torch.Tensor = pooled @ projection
    return product
