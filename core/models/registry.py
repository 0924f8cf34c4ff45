"""Every model family there is: its name, and where its class lives. Imported on first use.

A family's class is called with a `Loading` and returns the loaded model, or raises ModelMissing,
ModelRefused or MissingExtra. The device's own out-of-memory error passes through, for residency to
act on; `core.device.memory.is_out_of_memory` knows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ..errors import UnknownName
from ..text import clean, nearest
from .protocols import Kind, Loading, Model

FAMILIES: dict[str, tuple[str, str]] = {
    "open_clip": (".families.open_clip", "OpenClip"),
    "clip": (".families.dual_encoder", "DualEncoder"),
    "siglip": (".families.dual_encoder", "DualEncoder"),
    "grounding_dino": (".families.grounding_dino", "GroundingDino"),
    "owlv2": (".families.owlv2", "Owlv2"),
    "omdet_turbo": (".families.omdet_turbo", "OmDetTurbo"),
    "detr": (".families.closed_detector", "ClosedDetector"),
    "rt_detr": (".families.closed_detector", "ClosedDetector"),
    "rf_detr": (".families.closed_detector", "ClosedDetector"),
    "yolos": (".families.closed_detector", "ClosedDetector"),
    "sam": (".families.sam", "Sam"),
    "sam2": (".families.sam2", "Sam2"),
    "edgetam": (".families.sam2", "Sam2"),
    "sam3": (".families.sam3", "Sam3"),
    "chat": (".families.chat", "ChatModel"),
    "florence2": (".families.florence2", "Florence2"),
    "minicpm_remote": (".families.minicpm_remote", "MiniCpmRemote"),
    "endpoint": (".endpoint.model", "Endpoint"),
}

KINDS: dict[str, Kind] = {
    **dict.fromkeys(("open_clip", "clip", "siglip"), "embedder"),
    **dict.fromkeys(("grounding_dino", "owlv2", "omdet_turbo"), "detector"),
    **dict.fromkeys(("detr", "rt_detr", "rf_detr", "yolos"), "detector"),
    **dict.fromkeys(("sam", "sam2", "edgetam", "sam3"), "segmenter"),
    **dict.fromkeys(("chat", "florence2", "minicpm_remote", "endpoint"), "vlm"),
}
"""what a family's models are, without importing the family; the contract tests hold it true"""

MODEL_TYPES: dict[str, str] = {
    "clip": "clip",
    "metaclip_2": "clip",
    "siglip": "siglip",
    "siglip2": "siglip",
    "grounding-dino": "grounding_dino",
    "mm-grounding-dino": "grounding_dino",
    "owlv2": "owlv2",
    "omdet-turbo": "omdet_turbo",
    "detr": "detr",
    "conditional_detr": "detr",
    "deformable_detr": "detr",
    "rt_detr": "rt_detr",
    "rt_detr_v2": "rt_detr",
    "d_fine": "rt_detr",
    "rf_detr": "rf_detr",
    "yolos": "yolos",
    "sam": "sam",
    "sam2": "sam2",
    "sam2_video": "sam2",
    "edgetam": "edgetam",
    "edgetam_video": "edgetam",
    "sam3_tracker": "sam3",
    "sam3_video": "sam3",
    "florence2": "florence2",
    "minicpmv": "minicpm_remote",
}
"""transformers' `model_type` in a checkpoint's config.json, and the family that loads it"""


def load(loading: Loading) -> Model:
    """Return the loaded model of `loading.family`.

    Raises UnknownName for a family that does not exist, and what the family raises.
    """
    known = FAMILIES.get(loading.family)
    if known is None:
        hint = nearest(loading.family, list(FAMILIES))
        raise UnknownName(f"unknown model family '{clean(loading.family, limit=80)}'{hint}")
    module, attribute = known
    model: Model = getattr(import_module(module, __package__), attribute)(loading)
    return model


def family_of(config: Mapping[str, Any]) -> str | None:
    """Return the family that loads a checkpoint, from its config.json or open_clip_config.json.

    Anything with a picture tower that transformers calls a conditional generator is `chat`.
    None for what no family loads.
    """
    if "model_cfg" in config:
        return "open_clip"
    named = MODEL_TYPES.get(str(config.get("model_type", "")))
    if named is not None:
        return named
    generates = any("ForConditionalGeneration" in str(name) for name in _architectures(config))
    return "chat" if generates and _sees(config) else None


def _architectures(config: Mapping[str, Any]) -> list[Any]:
    named = config.get("architectures")
    return named if isinstance(named, list) else []


def _sees(config: Mapping[str, Any]) -> bool:
    return any(key in config for key in ("vision_config", "visual_config", "image_token_id"))
