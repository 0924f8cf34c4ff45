"""Tiny segmenters. SAM 2's block of global attention must not be the first of its stage."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from .parts import TOWER, save

t: Any = import_module("transformers")

_DECODER = {
    "hidden_size": 32,
    "mlp_dim": 64,
    "num_attention_heads": 2,
    "iou_head_hidden_dim": 32,
}


def _prompts(side: int, patch: int) -> dict[str, int]:
    return {"hidden_size": 32, "image_size": side, "patch_size": patch}


def sam(folder: Path) -> None:
    """SAM: longer side to 128, padded below and to the right."""
    vision: dict[str, Any] = {
        "hidden_size": 32,
        "output_channels": 32,
        "num_hidden_layers": 2,
        "mlp_dim": 64,
    }
    vision |= {"num_attention_heads": 2, "image_size": 128, "patch_size": 16, "window_size": 4}
    config = t.SamConfig(
        vision_config={**vision, "global_attn_indexes": [1], "num_pos_feats": 16},
        prompt_encoder_config=_prompts(128, 16),
        mask_decoder_config=_DECODER,
    )
    images = t.SamImageProcessor(
        size={"longest_edge": 128},
        pad_size={"height": 128, "width": 128},
        mask_size={"longest_edge": 32},
        mask_pad_size={"height": 32, "width": 32},
    )
    save(t.SamModel(config), t.SamProcessor(images), folder)


def _square(side: int) -> Any:
    size = {"size": {"height": side, "width": side}, "mask_size": {"height": 32, "width": 32}}
    return t.Sam2ImageProcessor(**size)


def sam2(folder: Path) -> None:
    """SAM 2: squashed to 128 by 128."""
    backbone: dict[str, Any] = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": 8,
        "image_size": [128, 128],
    }
    backbone |= {"num_attention_heads": 1, "blocks_per_stage": [1, 2, 2, 1]}
    backbone |= {"embed_dim_per_stage": [8, 16, 32, 64], "global_attention_blocks": [4]}
    backbone |= {"num_attention_heads_per_stage": [1, 1, 2, 2]}
    vision: dict[str, Any] = {"backbone_channel_list": [64, 32, 16, 8], "fpn_hidden_size": 32}
    vision |= {"backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]]}
    config = t.Sam2Config(
        vision_config=vision
        | {"backbone_config": backbone | {"window_size_per_stage": [8, 4, 4, 4]}},
        prompt_encoder_config=_prompts(128, 16),
        mask_decoder_config=_DECODER,
    )
    save(t.Sam2Model(config), t.Sam2Processor(_square(128), target_size=128), folder)


def edgetam(folder: Path) -> None:
    """EdgeTAM: SAM 2 with a convolutional eye from timm."""
    backbone: dict[str, Any] = {
        "model_type": "timm_wrapper",
        "architecture": "repvit_m1",
        "num_classes": 2,
    }
    shrunk: dict[str, Any] = {"embed_dim": [8, 16, 24, 32], "depth": [1] * 4, "in_chans": 3}
    shrunk |= {"features_only": True, "out_indices": [0, 1, 2, 3]}
    vision: dict[str, Any] = {"backbone_channel_list": [32, 24, 16, 8], "fpn_hidden_size": 32}
    vision |= {"backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]]}
    config = t.EdgeTamConfig(
        vision_config=vision | {"backbone_config": {**backbone, "model_args": shrunk}},
        prompt_encoder_config=_prompts(128, 16),
        mask_decoder_config=_DECODER,
    )
    save(t.EdgeTamModel(config), t.Sam2Processor(_square(128), target_size=128), folder)


def sam3(folder: Path) -> None:
    """SAM 3's half that turns prompts into masks; its other half finds things by words."""
    backbone: dict[str, Any] = {
        **TOWER,
        "model_type": "sam3_vit_model",
        "image_size": 112,
        "patch_size": 14,
    }
    backbone |= {"window_size": 4, "global_attn_indexes": [1], "pretrain_image_size": 56}
    vision: dict[str, Any] = {"model_type": "sam3_vision_model", "backbone_config": backbone}
    vision |= {"fpn_hidden_size": 32, "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]]}
    config = t.Sam3TrackerConfig(
        vision_config=vision,
        prompt_encoder_config=_prompts(112, 14),
        mask_decoder_config=_DECODER,
    )
    size = {"size": {"height": 112, "width": 112}, "mask_size": {"height": 32, "width": 32}}
    processor = t.Sam3TrackerProcessor(t.Sam3ImageProcessor(**size), target_size=112)
    save(t.Sam3TrackerModel(config), processor, folder)


BUILDERS: dict[str, Callable[[Path], None]] = {
    "sam": sam,
    "sam2": sam2,
    "edgetam": edgetam,
    "sam3": sam3,
}
