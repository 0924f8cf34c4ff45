"""What of a long text an embedder does not see."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.models.protocols import Loading
from core.models.registry import load
from tests.tiny.shelf import tiny_model

LONG = " ".join(f"cat{n}" for n in range(90)) + " the end of it"


@pytest.mark.parametrize(("family", "tiny"), [("open_clip", "open_clip"), ("clip", "clip"),
                                              ("siglip", "siglip")])  # fmt: skip
def test_the_end_beyond_the_context_is_named_and_changes_no_vector(family: str, tiny: str) -> None:
    model: Any = load(Loading("tiny", family, tiny_model(tiny), "local-tiny", dtype="float32"))
    try:
        unseen = model.unseen_text(LONG)
        assert "end of it" in unseen and not unseen.startswith("cat0 ")
        assert model.unseen_text("a cup") == ""
        whole, other = model.embed_texts([LONG, LONG + " and something else"])
        assert np.allclose(whole, other, atol=1e-6)
        assert not np.allclose(whole, model.embed_texts(["a cup"])[0], atol=1e-3)
    finally:
        model.close()
