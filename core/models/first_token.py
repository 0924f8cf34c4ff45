"""What only the first token of a vision transformer needs of its last block.

CLIP's picture side is its class token after the last block; what that block makes of the other
tokens is discarded. They are still what the class token attends to, so their keys and values are
computed; their queries, their output projection and their part of the feed-forward network, ten
twelfths of a block, are not. The class token gets the same numbers up to float rounding.
"""

from __future__ import annotations

from typing import Any


def keep_first_token(model: Any) -> bool:
    """Let an open_clip model's last picture block compute the class token alone, where it can.

    Returns whether it could: a plain ViT pooled by its class token, as ViT-B/32 to ViT-bigG/14
    are. Models pooled by average or attention, ResNets and timm's towers are left as they are.
    """
    from open_clip import transformer

    visual = model.visual
    if not isinstance(visual, transformer.VisionTransformer):
        return False
    pooled_by_token = visual.attn_pool is None and visual.pool_type == "tok"
    blocks = visual.transformer.resblocks
    plain = len(blocks) > 0 and type(blocks[-1]) is transformer.ResidualAttentionBlock
    if not (pooled_by_token and plain and visual.transformer.batch_first):
        return False
    if visual.output_tokens:
        return False
    blocks[-1] = _first_token_block(blocks[-1])
    return True


def _first_token_block(block: Any) -> Any:
    from torch import Tensor, nn

    class FirstTokenBlock(nn.Module):
        """(n, tokens, width) to (n, 1, width)."""

        def __init__(self) -> None:
            super().__init__()
            self.block = block

        def forward(self, tokens: Tensor, attn_mask: Tensor | None = None) -> Tensor:
            normed = block.ln_1(tokens)
            attended = block.attention(normed[:, :1], normed, normed, attn_mask)
            first = tokens[:, :1] + block.ls_1(attended)
            hidden: Tensor = first + block.ls_2(block.mlp(block.ln_2(first)))
            return hidden

    return FirstTokenBlock()
