"""Texts embedded without their padding have the vectors that open_clip gives them."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from core.models.families.open_clip import OpenClip
from core.models.families.open_clip_texts import ends_at_end_token
from core.models.protocols import Loading
from core.models.registry import load
from core.models.similarity import unit
from tests.lazy import lazy
from tests.tiny.shelf import tiny_model

torch = lazy("torch")
TEXTS = ["", "a cup", "a photo of a red car in the rain", "word " * 90]


def test_texts_without_padding_have_the_vectors_of_open_clip() -> None:
    loading = Loading("tiny", "open_clip", tiny_model("open_clip"), "local-tiny", dtype="float32")
    model = cast(OpenClip, load(loading))
    own: Any = model._loaded.model
    assert ends_at_end_token(own)
    seen: list[int] = []
    own.transformer.register_forward_pre_hook(lambda _module, given: seen.append(given[0].shape[1]))
    for texts in (TEXTS, TEXTS[:3]):
        with torch.inference_mode():
            wanted = unit(own.encode_text(model._loaded.processor(texts)))
        assert np.einsum("ij,ij->i", model.embed_texts(texts), wanted).min() > 0.99999
    assert seen[-1] < seen[0]
    own.attn_mask = torch.zeros_like(own.attn_mask)
    assert not ends_at_end_token(own)
    model.close()
