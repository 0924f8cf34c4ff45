"""Tiny detectors, open and closed.

What had to be so, found by failing: Grounding DINO counts on BERT's numbers for `[CLS] [SEP] . ?`;
RT-DETR needs two decoder layers.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from .parts import TOWER, bert_words, clip_letters, clip_tokens, save

t: Any = import_module("transformers")

_NAMES = {
    "id2label": {0: "cat", 1: "dog", 2: "person"},
    "label2id": {"cat": 0, "dog": 1, "person": 2},
}


def _grounding(kind: str, folder: Path) -> None:
    tokenizer = bert_words()
    backbone: dict[str, Any] = {
        "model_type": "swin",
        "image_size": 64,
        "embed_dim": 8,
        "depths": [1] * 4,
    }
    backbone |= {"num_heads": [1, 2, 2, 2], "window_size": 4, "patch_size": 4}
    text: dict[str, Any] = {**TOWER, "model_type": "bert", "vocab_size": len(tokenizer)}
    layers = {"encoder_layers": 1, "decoder_layers": 2, "encoder_ffn_dim": 64}
    layers |= {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "decoder_ffn_dim": 64}
    config = getattr(t, f"{kind}Config")(
        backbone_config=backbone | {"out_indices": [2, 3, 4]},
        text_config=text | {"max_position_embeddings": 256},
        d_model=32,
        num_queries=20,
        disable_custom_kernels=True,
        **layers,
    )
    images = t.GroundingDinoImageProcessor(size={"shortest_edge": 96, "longest_edge": 160})
    model = getattr(t, f"{kind}ForObjectDetection")(config)
    save(model, t.GroundingDinoProcessor(images, tokenizer), folder)


def grounding_dino(folder: Path) -> None:
    """Grounding DINO."""
    _grounding("GroundingDino", folder)


def mm_grounding_dino(folder: Path) -> None:
    """MM-Grounding-DINO."""
    _grounding("MMGroundingDino", folder)


def owlv2(folder: Path) -> None:
    """OWLv2: pictures padded to a square below and to the right."""
    tokenizer = clip_letters(16)
    text: dict[str, Any] = {
        **TOWER,
        **clip_tokens(tokenizer),
        "pad_token_id": 0,
        "max_position_embeddings": 16,
    }
    config = t.Owlv2Config(
        text_config=text,
        vision_config={**TOWER, "image_size": 64, "patch_size": 16},
        projection_dim=32,
    )
    images = t.Owlv2ImageProcessor(size={"height": 64, "width": 64})
    save(t.Owlv2ForObjectDetection(config), t.Owlv2Processor(images, tokenizer), folder)


def omdet_turbo(folder: Path) -> None:
    """OmDet-Turbo, with a backbone of transformers' own instead of timm's."""
    tokenizer = clip_letters()
    backbone: dict[str, Any] = {
        "model_type": "swin",
        "image_size": 64,
        "embed_dim": 8,
        "depths": [1] * 4,
    }
    backbone |= {"num_heads": [1, 2, 2, 2], "window_size": 4, "patch_size": 4}
    text: dict[str, Any] = {**TOWER, **clip_tokens(tokenizer), "hidden_size": 48}
    text |= {"model_type": "clip_text_model"}
    config = t.OmDetTurboConfig(
        backbone_config=backbone | {"out_indices": [2, 3, 4]},
        text_config=text | {"projection_dim": 32, "max_position_embeddings": 77},
        apply_layernorm_after_vision_backbone=False,
        image_size=64,
        encoder_in_channels=[16, 32, 64],
        vision_features_channels=[32, 32, 32],
        class_embed_dim=48,
        text_projection_in_dim=48,
        text_projection_out_dim=48,
        task_encoder_hidden_dim=32,
        encoder_hidden_dim=32,
        decoder_hidden_dim=32,
        encoder_attention_heads=2,
        encoder_dim_feedforward=64,
        decoder_num_heads=2,
        decoder_dim_feedforward=64,
        decoder_num_layers=2,
        num_queries=20,
        disable_custom_kernels=True,
    )
    images = t.DetrImageProcessor(size={"height": 64, "width": 64}, do_pad=False)
    save(t.OmDetTurboForObjectDetection(config), t.OmDetTurboProcessor(images, tokenizer), folder)


def yolos(folder: Path) -> None:
    """YOLOS: keeps the aspect ratio."""
    config = t.YolosConfig(
        **TOWER, image_size=[64, 96], patch_size=16, num_detection_tokens=10, **_NAMES
    )
    images = t.YolosImageProcessor(size={"shortest_edge": 64, "longest_edge": 96})
    save(t.YolosForObjectDetection(config), images, folder)


def rf_detr(folder: Path) -> None:
    """RF-DETR: windows within a square picture."""
    backbone: dict[str, Any] = {
        "model_type": "rf_detr_dinov2",
        "hidden_size": 32,
        "num_hidden_layers": 2,
    }
    backbone |= {"num_attention_heads": 2, "image_size": 112, "patch_size": 14, "num_windows": 2}
    config = t.RfDetrConfig(
        backbone_config=backbone | {"out_features": ["stage1", "stage2"]},
        d_model=32,
        decoder_ffn_dim=64,
        decoder_layers=1,
        decoder_self_attention_heads=2,
        decoder_cross_attention_heads=2,
        num_queries=10,
        group_detr=2,
        c2f_num_blocks=1,
        **_NAMES,
    )
    images = t.RfDetrImageProcessor(size={"height": 112, "width": 112})
    save(t.RfDetrForObjectDetection(config), images, folder)


def rt_detr(folder: Path) -> None:
    """RT-DETR, second version."""
    backbone: dict[str, Any] = {
        "model_type": "rt_detr_resnet",
        "embedding_size": 8,
        "depths": [1] * 4,
    }
    backbone |= {"hidden_sizes": [8, 16, 24, 32], "layer_type": "basic"}
    config = t.RTDetrV2Config(
        backbone_config=backbone | {"out_features": ["stage2", "stage3", "stage4"]},
        encoder_hidden_dim=32,
        encoder_in_channels=[16, 24, 32],
        encoder_ffn_dim=64,
        encoder_attention_heads=2,
        d_model=32,
        decoder_in_channels=[32, 32, 32],
        decoder_ffn_dim=64,
        decoder_layers=2,
        decoder_attention_heads=2,
        num_queries=10,
        num_denoising=0,
        **_NAMES,
    )
    images = t.RTDetrImageProcessor(size={"height": 64, "width": 64})
    save(t.RTDetrV2ForObjectDetection(config), images, folder)


BUILDERS: dict[str, Callable[[Path], None]] = {
    "grounding_dino": grounding_dino,
    "mm_grounding_dino": mm_grounding_dino,
    "owlv2": owlv2,
    "omdet_turbo": omdet_turbo,
    "yolos": yolos,
    "rf_detr": rf_detr,
    "rt_detr": rt_detr,
}
