"""An open_clip model whose last block computes less says the same as open_clip's own."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from core.models.first_token import keep_first_token
from tests.lazy import lazy
from tests.tiny.shelf import tiny_model

from .looking import load, picture

torch = lazy("torch")
open_clip = lazy("open_clip")
VISION = {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8}
TEXT = {"context_length": 8, "vocab_size": 64, "width": 16, "heads": 2, "layers": 1}


def drawn(**vision: Any) -> Any:
    """Return a model of random weights as open_clip makes it."""
    torch.manual_seed(1)
    clip = import_module("open_clip.model").CLIP
    return clip(8, {**VISION, **vision}, TEXT).eval()


def test_a_loaded_model_embeds_as_open_clip_itself_does() -> None:
    ours: Any = load("open_clip", tiny_model("open_clip"))
    prepared = ours.prepare([picture(seed, 90, 120) for seed in range(5)])
    library = open_clip.create_model(f"local-dir:{tiny_model('open_clip')}", load_weights=True)
    with torch.inference_mode():
        theirs = library.eval().encode_image(prepared, normalize=True).numpy()
    assert np.abs(ours.embed(prepared) - theirs).max() < 1e-5


@pytest.mark.parametrize(
    ("vision", "can"),
    [
        ({}, True),
        ({"ls_init_value": 0.3}, True),
        ({"no_ln_pre": True, "final_ln_after_pool": True}, True),
        ({"pool_type": "avg"}, False),
        ({"attentional_pool": True, "attn_pooler_heads": 2}, False),
        ({"output_tokens": True}, False),
        ({"block_type": "custom", "qk_norm": True}, False),
        ({"layers": [1, 1, 1, 1], "width": 16}, False),
    ],
    ids=str,
)
def test_whatever_the_picture_side_is_made_of(vision: dict[str, Any], can: bool) -> None:
    model = drawn(**vision)
    pictures = torch.randn(3, 3, 32, 32)
    with torch.inference_mode():
        before = model.visual(pictures)
        assert keep_first_token(model) == can
        after = model.visual(pictures)
    for one, other in zip(*(x if isinstance(x, tuple) else (x,) for x in (before, after)),
                          strict=True):  # fmt: skip
        assert torch.allclose(one, other, atol=1e-5)
