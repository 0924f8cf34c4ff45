"""Models of published sizes with random weights, built from their configuration on the device.

Answers mean nothing; the arithmetic is that of the published models. Tokenizers are small ones of
our own, with invented words for the other numbers of the vocabulary, so that whatever is answered
has a text that can be compared.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.tiny.parts import byte_pairs, chat_template

# Towers: google/siglip-so400m-patch14-384, config.json on the model's page (huggingface.co, stored
# copy read 2026-11-30). Vocabulary of 256000 and context of 64 of the second version:
# `SigLIP2So400mP14` in models/siglip2/config.py of kvmm 0.1.8 (PyPI, read 2026-11-30).
_SO400M: dict[str, Any] = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
}
SIGLIP2_SO400M: dict[str, Any] = {
    "text": {**_SO400M, "vocab_size": 256000, "max_position_embeddings": 64,
             "projection_size": 1152},
    "vision": {**_SO400M, "image_size": 384, "patch_size": 14},
}  # fmt: skip

# `qwen3vl_2b` in bonsai/models/qwen3_vl/modeling.py of jax-ml/bonsai (GitHub, commit 094832e, read
# 2026-11-30); the same in python/sgl_jax/srt/multimodal/configs/qwen_vl/qwen3_vl_config.py of
# sgl-project/sglang-jax (commit a9a5d35, read 2026-11-30).
QWEN3_VL_2B: dict[str, Any] = {
    "text": {"hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 28,
             "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128,
             "vocab_size": 151936, "max_position_embeddings": 262144},
    "rope": {"rope_theta": 5e6, "mrope_section": [24, 20, 20]},
    "vision": {"depth": 24, "hidden_size": 1024, "intermediate_size": 4096, "num_heads": 16,
               "out_hidden_size": 2048, "num_position_embeddings": 2304,
               "deepstack_visual_indexes": [5, 11, 17]},
    "tied": True,
}  # fmt: skip

_TINY_TOWER = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
               "num_attention_heads": 2}  # fmt: skip
TINY_SIGLIP: dict[str, Any] = {
    "text": {**_TINY_TOWER, "vocab_size": 512, "max_position_embeddings": 64,
             "projection_size": 32},
    "vision": {**_TINY_TOWER, "image_size": 64, "patch_size": 16},
}  # fmt: skip
TINY_QWEN: dict[str, Any] = {
    "text": {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
             "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8,
             "vocab_size": 512, "max_position_embeddings": 4096},
    "rope": {"rope_theta": 1e4, "mrope_section": [2, 1, 1]},
    "vision": {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 4,
               "out_hidden_size": 32, "num_position_embeddings": 64,
               "deepstack_visual_indexes": [0, 1]},
    "tied": False,
}  # fmt: skip

MARKS = {
    "image_token": "<|image_pad|>",
    "video_token": "<|video_pad|>",
    "vision_start_token": "<|vision_start|>",
    "vision_end_token": "<|vision_end|>",
}


def siglip_config(sizes: Mapping[str, Any]) -> Any:
    """Return the configuration of a SigLIP of these sizes."""
    t: Any = import_module("transformers")
    tokenizer = byte_pairs()
    ids = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id")
           for name in ("pad", "bos", "eos")}  # fmt: skip
    return t.SiglipConfig(text_config={**sizes["text"], **ids}, vision_config=dict(sizes["vision"]))


def qwen_config(sizes: Mapping[str, Any]) -> Any:
    """Return the configuration of a Qwen3-VL of these sizes."""
    t: Any = import_module("transformers")
    tokenizer = byte_pairs(MARKS)
    rope = {"rope_type": "default", "mrope_interleaved": True, **sizes["rope"]}
    patches = {"patch_size": 16, "spatial_merge_size": 2, "temporal_patch_size": 2}
    return t.Qwen3VLConfig(
        text_config={**sizes["text"], "rope_parameters": rope},
        vision_config={**sizes["vision"], **patches},
        tie_word_embeddings=sizes["tied"],
        **{f"{name}_id": getattr(tokenizer, f"{name}_id") for name in MARKS},
    )


def siglip(folder: Path, device: str, sizes: Mapping[str, Any]) -> int:
    """Save a SigLIP of these sizes, drawn on a device, in bfloat16; return its parameters."""
    t: Any = import_module("transformers")
    side = int(sizes["vision"]["image_size"])
    images = t.SiglipImageProcessor(size={"height": side, "width": side})
    processor = t.SiglipProcessor(images, byte_pairs())
    return _saved(t.SiglipModel, siglip_config(sizes), processor, folder, device)


def qwen3_vl(folder: Path, device: str, sizes: Mapping[str, Any]) -> int:
    """Save a Qwen3-VL of these sizes, drawn on a device, in bfloat16; return its parameters."""
    t: Any = import_module("transformers")
    tokenizer = whole_vocabulary(byte_pairs(MARKS), sizes["text"]["vocab_size"])
    processor = _qwen_processor(t, tokenizer)
    return _saved(t.Qwen3VLForConditionalGeneration, qwen_config(sizes), processor, folder, device)


def whole_vocabulary(tokenizer: Any, size: int) -> Any:
    """Give every number below `size` that has no word yet one of its own."""
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    words = state["model"]["vocab"]
    words |= {f"\u0120w{number}": number for number in range(len(tokenizer), size)}
    tokenizer._tokenizer = type(tokenizer.backend_tokenizer).from_str(json.dumps(state))
    return tokenizer


def _qwen_processor(t: Any, tokenizer: Any) -> Any:
    patches = {"patch_size": 16, "merge_size": 2, "temporal_patch_size": 2}
    limits = {"shortest_edge": 32 * 32, "longest_edge": 1024 * 1024}
    seen = "<|vision_start|>{}<|vision_end|>"
    return t.Qwen3VLProcessor(
        t.Qwen2VLImageProcessor(size=limits, image_mean=[0.5] * 3, image_std=[0.5] * 3, **patches),
        tokenizer,
        t.Qwen3VLVideoProcessor(size=limits, **patches),
        chat_template=chat_template(seen.format("<|image_pad|>"), seen.format("<|video_pad|>")),
    )


def _saved(kind: Any, config: Any, processor: Any, folder: Path, device: str) -> int:
    """Draw the weights on the device, where that takes seconds, and save them beside the rest."""
    import torch

    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device(device):
            model = kind(config).eval()
    finally:
        torch.set_default_dtype(before)
    fresh = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    model.save_pretrained(fresh)
    processor.save_pretrained(fresh)
    fresh.rename(folder)
    return sum(each.numel() for each in model.parameters())
