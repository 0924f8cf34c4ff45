"""Answers of a VLM in batches against one call a frame: speed, and whether they stay the same.

The model is a Qwen3-VL of 256 wide and 4 layers with random weights, built here from its config:
its answers mean nothing, its arithmetic is a real model's. What a batch gains on a CPU says little
about a GPU, where one row leaves most of the machine idle.
"""

from __future__ import annotations

import tempfile
import time
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks.measure import table
from core.models.families.chat import ChatModel
from core.models.protocols import Completion, Loading, VlmRequest
from tests.tiny.parts import byte_pairs, chat_template, save

SIZES = (1, 2, 4, 8)
FRAMES = 8
TOKENS = 24
RUNS = 3
WORDS = (
    "Describe this picture.",
    "List what this picture shows as keywords, the most important first.",
    "What is the weather?",
    "Write one short, lively caption for this picture as somebody would post it.",
)


def main() -> None:
    """Print frames a second for each batch size, and the share of answers equal to batch 1."""
    with tempfile.TemporaryDirectory() as folder:
        _build(Path(folder))
        model = ChatModel(Loading("benchmark", "chat", Path(folder), "local-benchmark"))
    asks = _asks()
    _run(model, asks[:8], 8)  # the first call of each shape costs more
    seconds: dict[int, list[float]] = {size: [] for size in SIZES}
    said: dict[int, list[Completion]] = {}
    for _ in range(RUNS):
        for size in SIZES:  # in turn, so that a machine that drifts drifts for all of them
            began = time.perf_counter()
            said[size] = _run(model, asks, size)
            seconds[size].append(time.perf_counter() - began)
    alone = median(seconds[1])
    rows = [_row(size, median(seconds[size]), alone, said) for size in SIZES]
    header = (
        "batch",
        "frames/s",
        "times one a call",
        "first token s",
        "same answers",
        "same tokens",
    )
    table(header, rows)
    print(f"{FRAMES} frames of four sizes, {TOKENS} tokens each; median of {RUNS} runs in turn, "
          f"{model.identity.dtype}, {model.identity.attn}, {model.device}")  # fmt: skip
    model.close()


def _row(
    size: int, took: float, alone: float, said: dict[int, list[Completion]]
) -> tuple[Any, ...]:
    pairs = list(zip(said[size], said[1], strict=True))
    same = sum(one.text == other.text for one, other in pairs)
    shared = [_shared(one.text, other.text) for one, other in pairs]
    first = median(answer.first_token_seconds or 0.0 for answer in said[size])
    return (size, FRAMES / took, alone / took, first, f"{same} of {len(pairs)}",
            f"{100 * sum(shared) / len(shared):.1f} %")  # fmt: skip


def _shared(one: str, other: str) -> float:
    """Return the share of a text up to where it first differs from another."""
    longest = max(len(one), len(other))
    differs = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)
    return (min(len(one), len(other)) if differs is None else differs) / longest if longest else 1.0


def _run(model: ChatModel, asks: list[VlmRequest], size: int) -> list[Completion]:
    answers: list[Completion] = []
    for at in range(0, len(asks), size):
        prepared = model.prepare(asks[at : at + size])
        answers += model.finish(model.answer(prepared, lambda: False))
    return answers


def _asks() -> list[VlmRequest]:
    noise = np.random.default_rng(0)
    sizes = ((224, 224), (180, 320), (320, 180), (256, 192))
    return [
        VlmRequest(
            (noise.integers(0, 256, (*sizes[n % 4], 3)).astype(np.uint8),),
            WORDS[n % 3 if n % 5 else 3],
            max_tokens=TOKENS,
        )
        for n in range(FRAMES)
    ]


def _build(folder: Path) -> None:
    torch.manual_seed(0)
    t: Any = import_module("transformers")
    marks = {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"}
    marks |= {f"vision_{end}_token": f"<|vision_{end}|>" for end in ("start", "end")}
    tokenizer = byte_pairs(marks)
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [8, 4, 4]}
    wide = {"hidden_size": 256, "intermediate_size": 768}
    text = {"num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 4}
    text |= {"head_dim": 32, "vocab_size": len(tokenizer), "max_position_embeddings": 4096}
    vision = {"depth": 4, "num_heads": 8, "patch_size": 16, "spatial_merge_size": 2}
    vision |= {"temporal_patch_size": 2, "out_hidden_size": 256, "num_position_embeddings": 256}
    ids = {f"{name}_id": getattr(tokenizer, f"{name}_id") for name in marks}
    config = t.Qwen3VLConfig(
        text_config={**wide, **text, "rope_parameters": {**rope, "mrope_interleaved": True}},
        vision_config={**wide, **vision, "deepstack_visual_indexes": [1, 3]},
        tie_word_embeddings=False,
        **ids,
    )
    patches = {"patch_size": 16, "merge_size": 2, "temporal_patch_size": 2}
    limits = {"shortest_edge": 64 * 64, "longest_edge": 256 * 256}
    framed = "<|vision_start|>{}<|vision_end|>"
    processor = t.Qwen3VLProcessor(
        t.Qwen2VLImageProcessor(size=limits, image_mean=[0.5] * 3, image_std=[0.5] * 3, **patches),
        tokenizer,
        t.Qwen3VLVideoProcessor(size=limits, **patches),
        chat_template=chat_template(framed.format("<|image_pad|>"), framed.format("<|video_pad|>")),
    )
    save(t.Qwen3VLForConditionalGeneration(config), processor, folder)


if __name__ == "__main__":
    main()
