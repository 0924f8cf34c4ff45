"""VLMs with weights in eight or four bits, on a CPU, through the packages that do it."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from core.models.protocols import Loading, VlmRequest
from core.models.registry import load
from tests.tiny.shelf import tiny_model

BITS = [
    pytest.param(bits, marks=pytest.mark.skipif(not there, reason=f"needs {package}"))
    for bits, package, there in (
        ("8bit", "torchao or bitsandbytes", find_spec("torchao") or find_spec("bitsandbytes")),
        ("4bit", "bitsandbytes", find_spec("bitsandbytes") and find_spec("accelerate")),
    )
]


@pytest.mark.filterwarnings("default")  # the packages warn of themselves
@pytest.mark.parametrize("bits", BITS)
def test_it_answers_from_less_memory_and_says_nothing_beside(
    bits: str, caplog: pytest.LogCaptureFixture
) -> None:
    sizes = {}
    for quantize in ("none", bits):
        loading = Loading("tiny", "chat", tiny_model("qwen3_vl_wide"), "local-1", "cpu",
                          quantize=quantize)  # fmt: skip
        model: Any = load(loading)
        assert model.identity.quantize == quantize
        sizes[quantize] = model.memory_bytes
        picture = np.zeros((64, 64, 3), np.uint8)
        caplog.clear()
        asked = model.prepare([VlmRequest((picture,), "What is it?", "", (), 6)] * 2)
        answers = model.finish(model.answer(asked, lambda: False))
        assert [each.finish for each in answers] == ["length", "length"]
        assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []
        model.close()
    assert sizes[bits] < 0.7 * sizes["none"]
