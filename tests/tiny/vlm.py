"""Tiny vision language models, one builder per architecture: about half a megabyte each.

What had to be so, found by failing: every special token's number must lie inside the small
vocabulary; heads are not tied to embeddings, or every answer is one repeated token.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from .parts import TEXT, TOWER, byte_pairs, chat_template, save

t: Any = import_module("transformers")
"""untyped on purpose: its configs take far more than their stubs say"""

_QWEN_TOKENS = {
    "image_token": "<|image_pad|>",
    "video_token": "<|video_pad|>",
    "vision_start_token": "<|vision_start|>",
    "vision_end_token": "<|vision_end|>",
}
_QWEN_CHAT = chat_template(
    "<|vision_start|><|image_pad|><|vision_end|>", "<|vision_start|><|video_pad|><|vision_end|>"
)
_VISION = {**TOWER, "num_attention_heads": 4}


def _qwen_ids(tokenizer: Any) -> dict[str, int]:
    names = ("image_token", "video_token", "vision_start_token", "vision_end_token")
    return {f"{name}_id": getattr(tokenizer, f"{name}_id") for name in names}


def _qwen_sight() -> tuple[Any, Any]:
    patches = {"patch_size": 16, "merge_size": 2, "temporal_patch_size": 2}
    still = {"shortest_edge": 32 * 32, "longest_edge": 128 * 128}
    moving = {"shortest_edge": 32 * 32, "longest_edge": 4 * 96 * 96}
    return (
        t.Qwen2VLImageProcessor(size=still, image_mean=[0.5] * 3, image_std=[0.5] * 3, **patches),
        t.Qwen3VLVideoProcessor(size=moving, **patches),
    )


def qwen3_vl_wide(folder: Path) -> None:
    """Qwen3-VL, 64 wide: four-bit products on AVX512-BF16 take multiples of 64 inputs."""
    qwen3_vl(folder, width=64)


def qwen3_vl(folder: Path, width: int = 32) -> None:
    """Qwen3-VL: pictures and videos with stated times."""
    tokenizer = byte_pairs(_QWEN_TOKENS)
    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1]}
    if width == 64:
        rope["mrope_section"] = [4, 2, 2]
    text: dict[str, Any] = {
        **TEXT,
        "hidden_size": width,
        "vocab_size": len(tokenizer),
        "head_dim": 8 * width // 32,
    }
    vision: dict[str, Any] = {
        "depth": 2,
        "hidden_size": width,
        "intermediate_size": 64,
        "num_heads": 4,
    }
    vision |= {"patch_size": 16, "spatial_merge_size": 2, "temporal_patch_size": 2}
    vision |= {"out_hidden_size": width, "num_position_embeddings": 64}
    config = t.Qwen3VLConfig(
        text_config=text | {"rope_parameters": rope | {"mrope_interleaved": True}},
        vision_config=vision | {"deepstack_visual_indexes": [0, 1]},
        tie_word_embeddings=False,
        **_qwen_ids(tokenizer),
    )
    images, videos = _qwen_sight()
    processor = t.Qwen3VLProcessor(images, tokenizer, videos, chat_template=_QWEN_CHAT)
    save(t.Qwen3VLForConditionalGeneration(config), processor, folder)


def smolvlm(folder: Path) -> None:
    """SmolVLM2; its processor needs the package num2words."""
    special = {
        "image_token": "<image>",
        "fake_image_token": "<fake_token_around_image>",
        "global_image_token": "<global-img>",
        "end_of_utterance_token": "<end_of_utterance>",
        "video_token": "<video>",
    }
    tiles = [f"<row_{i}_col_{j}>" for i in range(1, 5) for j in range(1, 5)]
    tokenizer = byte_pairs(special, tiles, size=420)
    ids = {"pad_token_id": tokenizer.pad_token_id}
    config = t.SmolVLMConfig(
        text_config={**TEXT, "model_type": "llama", "vocab_size": len(tokenizer), **ids},
        vision_config={**_VISION, "image_size": 64, "patch_size": 16},
        scale_factor=2,
        image_token_id=tokenizer.image_token_id,
        tie_word_embeddings=False,
        **ids,
    )
    size: dict[str, Any] = {"size": {"longest_edge": 64}, "max_image_size": {"longest_edge": 64}}
    processor = t.SmolVLMProcessor(
        t.SmolVLMImageProcessor(do_image_splitting=False, **size),
        tokenizer,
        t.SmolVLMVideoProcessor(num_frames=4, fps=1, **size),
        image_seq_len=4,
        chat_template=chat_template("<image>", "<video>"),
    )
    save(t.SmolVLMForConditionalGeneration(config), processor, folder)


def _minicpm_tokenizer() -> Any:
    special = {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"}
    for part in ("image", "slice", "image_id"):
        special |= {f"{part}_start_token": f"<{part}>", f"{part}_end_token": f"</{part}>"}
    return byte_pairs(special)


def _minicpm_text(tokenizer: Any) -> dict[str, Any]:
    linear = {"linear_num_key_heads": 2, "linear_num_value_heads": 2}
    linear |= {"linear_key_head_dim": 8, "linear_value_head_dim": 8}
    return {
        **TEXT,
        **linear,
        "model_type": "qwen3_5_text",
        "vocab_size": len(tokenizer),
        "head_dim": 16,
        "layer_types": ["linear_attention", "full_attention"],
        "pad_token_id": tokenizer.pad_token_id,
    }


def _minicpm_processor(processor: Any, tokenizer: Any) -> Any:
    return processor(
        image_processor=t.MiniCPMV4_6ImageProcessor(
            patch_size=8, scale_resolution=64, max_slice_nums=4, slice_mode=True
        ),
        video_processor=t.MiniCPMV4_6VideoProcessor(patch_size=8, scale_resolution=64),
        tokenizer=tokenizer,
        chat_template=chat_template("<|image_pad|>", "<|video_pad|>"),
    )


def _minicpm_common(tokenizer: Any) -> dict[str, Any]:
    return {
        "vision_config": {**_VISION, "image_size": 64, "patch_size": 8},
        "insert_layer_id": 0,
        "image_size": 64,
        "image_token_id": tokenizer.image_token_id,
        "video_token_id": tokenizer.video_token_id,
        "tie_word_embeddings": False,
    }


def minicpmv4_6(folder: Path) -> None:
    """MiniCPM-V 4.6."""
    tokenizer = _minicpm_tokenizer()
    config = t.MiniCPMV4_6Config(text_config=_minicpm_text(tokenizer), **_minicpm_common(tokenizer))
    processor = _minicpm_processor(t.MiniCPMV4_6Processor, tokenizer)
    save(t.MiniCPMV4_6ForConditionalGeneration(config), processor, folder)


def minicpmv4_7(folder: Path) -> None:
    """MiniCPM-V 4.7: also wants the numbers of its own marks in the config."""
    tokenizer = _minicpm_tokenizer()
    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [1, 1, 0]}
    rope |= {"mrope_interleaved": True, "partial_rotary_factor": 0.25}
    config = t.MiniCPMV4_7Config(
        text_config=_minicpm_text(tokenizer) | {"rope_parameters": rope},
        image_start_id=tokenizer.image_start_token_id,
        image_end_id=tokenizer.image_end_token_id,
        slice_start_id=tokenizer.slice_start_token_id,
        slice_end_id=tokenizer.slice_end_token_id,
        newline_id=tokenizer("\n", add_special_tokens=False).input_ids[0],
        **_minicpm_common(tokenizer),
    )
    processor = _minicpm_processor(t.MiniCPMV4_7Processor, tokenizer)
    save(t.MiniCPMV4_7ForConditionalGeneration(config), processor, folder)


def lfm3_vl(folder: Path) -> None:
    """LFM3-VL: convolution and attention layers."""
    tokenizer = byte_pairs(_QWEN_TOKENS)
    text: dict[str, Any] = {
        **TEXT,
        "vocab_size": len(tokenizer),
        "head_dim": 8,
        "sliding_window": 64,
    }
    text["layer_types"] = ["conv", "full_attention"]
    for name in ("pad_token_id", "bos_token_id", "eos_token_id"):
        text[name] = getattr(tokenizer, name)
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
    config = t.Lfm3VlConfig(
        text_config=text,
        vision_config={**TOWER, **heads, "patch_size": 16, "spatial_merge_size": 2},
        projector_hidden_size=64,
        tie_word_embeddings=False,
        **_qwen_ids(tokenizer),
    )
    images, videos = _qwen_sight()
    processor = t.Lfm3VlProcessor(images, tokenizer, videos, chat_template=_QWEN_CHAT)
    save(t.Lfm3VlForConditionalGeneration(config), processor, folder)


def internvl(folder: Path) -> None:
    """InternVL, in the form transformers itself reads (a `-hf` checkpoint)."""
    special = {"start_image_token": "<img>", "end_image_token": "</img>"}
    special |= {"context_image_token": "<IMG_CONTEXT>", "video_token": "<video>"}
    tokenizer = byte_pairs(special)
    side = {"height": 56, "width": 56}
    config = t.InternVLConfig(
        text_config={**TEXT, "model_type": "qwen2", "vocab_size": len(tokenizer)},
        vision_config={**_VISION, "image_size": [56, 56], "patch_size": [14, 14]},
        image_token_id=tokenizer.context_image_token_id,
        image_seq_length=4,
        downsample_ratio=0.5,
        tie_word_embeddings=False,
    )
    processor = t.InternVLProcessor(
        image_processor=t.GotOcr2ImageProcessor(size=side, crop_to_patches=True, max_patches=2),
        tokenizer=tokenizer,
        video_processor=t.InternVLVideoProcessor(size=side),
        image_seq_length=4,
        chat_template=chat_template("<IMG_CONTEXT>\n", "<video>\n"),
    )
    save(t.InternVLForConditionalGeneration(config), processor, folder)


def gemma3(folder: Path) -> None:
    """Gemma 3: no video processor."""
    special = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>"}
    tokenizer = byte_pairs(special | {"image_token": "<image_soft_token>"})
    config = t.Gemma3Config(
        text_config={
            **TEXT,
            "vocab_size": len(tokenizer),
            "head_dim": 8,
            "sliding_window": 64,
            "tie_word_embeddings": False,
        },
        vision_config={**_VISION, "image_size": 56, "patch_size": 14},
        mm_tokens_per_image=4,
        boi_token_index=tokenizer.boi_token_id,
        eoi_token_index=tokenizer.eoi_token_id,
        image_token_index=tokenizer.image_token_id,
        tie_word_embeddings=False,
    )
    images = t.Gemma3ImageProcessor(size={"height": 56, "width": 56}, image_seq_length=4)
    template = chat_template("<start_of_image>")
    processor = t.Gemma3Processor(images, tokenizer, image_seq_length=4, chat_template=template)
    save(t.Gemma3ForConditionalGeneration(config), processor, folder)


def florence2(folder: Path) -> None:
    """Florence-2: an encoder and a decoder, task tokens, no chat template."""
    tokenizer = byte_pairs({"image_token": "<image>"})
    layers: dict[str, Any] = {
        "encoder_layers": 2,
        "decoder_layers": 2,
        "max_position_embeddings": 256,
    }
    layers |= {"encoder_attention_heads": 4, "decoder_attention_heads": 4}
    layers |= {"encoder_ffn_dim": 64, "decoder_ffn_dim": 64}
    marks = {"pad_token_id": tokenizer.pad_token_id, "bos_token_id": tokenizer.bos_token_id}
    marks |= {"eos_token_id": tokenizer.eos_token_id}
    marks |= {"decoder_start_token_id": tokenizer.eos_token_id}
    text: dict[str, Any] = {
        "model_type": "bart",
        "vocab_size": len(tokenizer),
        "d_model": 32,
        **layers,
        **marks,
    }
    vision: dict[str, Any] = {
        "depths": [1] * 4,
        "patch_size": [7, 3, 3, 3],
        "patch_stride": [4, 2, 2, 2],
    }
    vision |= {"patch_padding": [3, 1, 1, 1], "patch_prenorm": [False, True, True, True]}
    vision |= {"embed_dim": [8, 16, 16, 32], "num_heads": [2, 2, 2, 4]}
    vision |= {"num_groups": [2, 2, 2, 4], "window_size": 2, "projection_dim": 32}
    vision |= {"max_temporal_embeddings": 8, "max_position_embeddings": 16}
    config = t.Florence2Config(
        text_config=text | {"forced_bos_token_id": None, "forced_eos_token_id": None},
        vision_config=vision,
        image_token_id=tokenizer.image_token_id,
    )
    side = {"height": 64, "width": 64}
    images = t.CLIPImageProcessor(
        size=side, do_center_crop=False, crop_size=side, image_seq_length=5
    )
    processor = t.Florence2Processor(images, tokenizer, num_additional_image_tokens=0)
    save(t.Florence2ForConditionalGeneration(config), processor, folder)


BUILDERS: dict[str, Callable[[Path], None]] = {
    "qwen3_vl": qwen3_vl,
    "qwen3_vl_wide": qwen3_vl_wide,
    "smolvlm": smolvlm,
    "minicpmv4_6": minicpmv4_6,
    "minicpmv4_7": minicpmv4_7,
    "lfm3_vl": lfm3_vl,
    "internvl": internvl,
    "gemma3": gemma3,
    "florence2": florence2,
}
