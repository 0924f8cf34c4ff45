"""Tiny embedders: one of each way in which pictures are brought to size and texts padded."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from .parts import TOWER, byte_pairs, clip_letters, clip_tokens, liven, save, siglip2_letters

t: Any = import_module("transformers")


def _clip_parts() -> tuple[dict[str, Any], Any]:
    tokenizer = clip_letters()
    config = {
        "text_config": {**TOWER, **clip_tokens(tokenizer), "max_position_embeddings": 77},
        "vision_config": {**TOWER, "image_size": 64, "patch_size": 16},
        "projection_dim": 32,
    }
    size = {"size": {"shortest_edge": 64}, "crop_size": {"height": 64, "width": 64}}
    return config, t.CLIPProcessor(t.CLIPImageProcessor(**size), tokenizer)


def clip(folder: Path) -> None:
    """CLIP: shorter side to 64, middle cut out; softmax over the texts."""
    config, processor = _clip_parts()
    save(t.CLIPModel(t.CLIPConfig(**config)), processor, folder)


def metaclip_2(folder: Path) -> None:
    """MetaCLIP 2: CLIP's shape, of many languages."""
    config, processor = _clip_parts()
    save(t.MetaClip2Model(t.MetaClip2Config(**config)), processor, folder)


def _siglip_text(tokenizer: Any) -> dict[str, Any]:
    names = ("pad_token_id", "bos_token_id", "eos_token_id")
    ids = {name: getattr(tokenizer, name) for name in names}
    size = {"vocab_size": len(tokenizer), "max_position_embeddings": 64, "projection_size": 32}
    return {**TOWER, **size, **ids}


def siglip(folder: Path) -> None:
    """SigLIP, also the form of SigLIP 2 with a fixed size: squashed to 64; a sigmoid each."""
    tokenizer = byte_pairs()
    config = t.SiglipConfig(
        text_config=_siglip_text(tokenizer),
        vision_config={**TOWER, "image_size": 64, "patch_size": 16},
    )
    images = t.SiglipImageProcessor(size={"height": 64, "width": 64})
    save(t.SiglipModel(config), t.SiglipProcessor(images, tokenizer), folder)


def siglip2_naflex(folder: Path) -> None:
    """SigLIP 2 NaFlex: keeps the aspect ratio, at most 16 patches."""
    tokenizer = siglip2_letters()
    config = t.Siglip2Config(
        text_config=_siglip_text(tokenizer),
        vision_config={**TOWER, "num_patches": 16, "patch_size": 16},
    )
    images = t.Siglip2ImageProcessor(patch_size=16, max_num_patches=16)
    save(t.Siglip2Model(config), t.Siglip2Processor(images, tokenizer), folder)


def _open_clip(folder: Path, **preprocessing: Any) -> None:
    from open_clip.model import CLIP

    vision = {"image_size": 64, "layers": 2, "width": 64, "head_width": 32, "patch_size": 16}
    text = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}
    shape: dict[str, Any] = {"embed_dim": 32, "vision_cfg": vision, "text_cfg": text}
    model_stages = {
        "mean": [0.48, 0.46, 0.41],
        "std": [0.27, 0.26, 0.28],
        "interpolation": "bicubic",
    }
    model_stages |= {"resize_mode": "shortest", **preprocessing}
    said = {"model_cfg": shape, "preprocess_cfg": model_stages}
    (folder / "open_clip_config.json").write_text(json.dumps(said))
    model = CLIP(**shape)
    liven(model)
    _save_open_clip(model, folder)


def _save_open_clip(model: Any, folder: Path) -> None:
    from safetensors.torch import save_file

    weights = {name: one.contiguous() for name, one in model.state_dict().items()}
    # The table of 49408 words is nearly all of the file; half precision halves it.
    weights["token_embedding.weight"] = weights["token_embedding.weight"].to(torch.float16)
    save_file(weights, folder / "open_clip_model.safetensors")


def open_clip(folder: Path) -> None:
    """open_clip's own format, the vocabulary being in its package."""
    _open_clip(folder)


def open_clip_convolutions(folder: Path) -> None:
    """A picture side of timm's without a transformer block, its stages kept as `blocks`."""
    import open_clip

    vision = {"timm_model_name": "mnasnet_small", "timm_pool": "avg",
              "timm_proj": "linear", "timm_model_pretrained": False, "image_size": 64}  # fmt: skip
    text = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1}
    said = {
        "model_cfg": {"embed_dim": 32, "vision_cfg": vision, "text_cfg": text},
        "preprocess_cfg": {"size": 64, "mean": [0.5] * 3, "std": [0.5] * 3},
    }
    (folder / "open_clip_config.json").write_text(json.dumps(said))
    model = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    _save_open_clip(model, folder)


def open_clip_longest(folder: Path) -> None:
    """Letterboxed instead of cut."""
    _open_clip(folder, resize_mode="longest", interpolation="bilinear", fill_color=7)


BUILDERS: dict[str, Callable[[Path], None]] = {
    "clip": clip,
    "metaclip_2": metaclip_2,
    "siglip": siglip,
    "siglip2_naflex": siglip2_naflex,
    "open_clip": open_clip,
    "open_clip_longest": open_clip_longest,
    "open_clip_convolutions": open_clip_convolutions,
}
