"""Every model family there is: its name, and where its class lives. Imported on first use.

A family's class is called with a `Loading` and returns the loaded model, or raises ModelMissing,
ModelRefused or MissingExtra. The device's own out-of-memory error passes through, for residency to
act on; `core.device.memory.is_out_of_memory` knows it.

A plugin's family is such a class too (entry-point group `sightline.models`). Its attribute `kind`
says what its models do, and `model_types` which `model_type` of a config.json it loads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, get_args

from ..errors import PluginFault
from ..plugins.installed import MODELS
from ..plugins.registry import Registry
from ..text import clean
from .protocols import Kind, Loading, Model


class Family(Protocol):
    """The class of a family's models."""

    kind: Kind

    def __call__(self, loading: Loading) -> Model:
        """Return the loaded model."""


BUILT_IN: dict[str, str] = {
    "open_clip": "core.models.families.open_clip:OpenClip",
    "clip": "core.models.families.dual_encoder:DualEncoder",
    "siglip": "core.models.families.dual_encoder:DualEncoder",
    "grounding_dino": "core.models.families.grounding_dino:GroundingDino",
    "owlv2": "core.models.families.owlv2:Owlv2",
    "omdet_turbo": "core.models.families.omdet_turbo:OmDetTurbo",
    "detr": "core.models.families.closed_detector:ClosedDetector",
    "rt_detr": "core.models.families.closed_detector:ClosedDetector",
    "rf_detr": "core.models.families.closed_detector:ClosedDetector",
    "yolos": "core.models.families.closed_detector:ClosedDetector",
    "sam": "core.models.families.sam:Sam",
    "sam2": "core.models.families.sam2:Sam2",
    "edgetam": "core.models.families.sam2:Sam2",
    "sam3": "core.models.families.sam3:Sam3",
    "chat": "core.models.families.chat:ChatModel",
    "florence2": "core.models.families.florence2:Florence2",
    "minicpm_remote": "core.models.families.minicpm_remote:MiniCpmRemote",
    "endpoint": "core.models.endpoint.model:Endpoint",
}

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("open_clip", "clip", "siglip"), "embedder"),
    **dict.fromkeys(("grounding_dino", "owlv2", "omdet_turbo"), "detector"),
    **dict.fromkeys(("detr", "rt_detr", "rf_detr", "yolos"), "detector"),
    **dict.fromkeys(("sam", "sam2", "edgetam", "sam3"), "segmenter"),
    **dict.fromkeys(("chat", "florence2", "minicpm_remote", "endpoint"), "vlm"),
}
"""what a family's models are, without importing the family; the contract tests hold it true"""

_ONE_PICTURE = frozenset({"florence2"})
"""built-in families that accept one picture per question; the contract tests check this"""

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


def check_family(name: str, found: Any) -> str:
    """Return what is wrong with the class of a plugin's family, or an empty string."""
    kinds = get_args(Kind)
    if not callable(found):
        return "it is not a class that takes a Loading"
    if getattr(found, "kind", None) not in kinds:
        return f"its attribute 'kind' must be one of {', '.join(kinds)}"
    types = getattr(found, "model_types", ())
    if not isinstance(types, tuple) or not all(isinstance(each, str) for each in types):
        return "its attribute 'model_types' must be a tuple of names"
    for each in types:
        if each in MODEL_TYPES:
            return f"its model type '{clean(each)}' is loaded by '{MODEL_TYPES[each]}' already"
    return ""


FAMILIES: Registry[Family] = Registry("model family", MODELS, BUILT_IN, check_family)


class _Kinds(Mapping[str, Kind]):
    """What a family's models do, of plugins too; a built-in family is not imported for it."""

    def __getitem__(self, family: str) -> Kind:
        return _KINDS[family] if family in _KINDS else FAMILIES.load(family).kind

    def __iter__(self) -> Iterator[str]:
        return iter(FAMILIES)

    def __len__(self) -> int:
        return len(FAMILIES)


KINDS: Mapping[str, Kind] = _Kinds()


def takes_several_pictures(family: str) -> bool:
    """Return whether one question to a VLM of a family may show several pictures.

    A plugin's family that cannot declares `one_picture = True`.
    """
    if family in _KINDS:
        return family not in _ONE_PICTURE
    return not getattr(FAMILIES.load(family), "one_picture", False)


def check_loading(loading: Loading) -> None:
    """Refuse what a model's files already say cannot work, before a weight is read.

    A family may have a static method `check_loading` for it. Raises ModelRefused.
    """
    loading = _by_its_files(loading)
    family = FAMILIES.load(loading.family)
    if loading.folder is not None and loading.family in _KINDS and loading.family != "open_clip":
        from .model_files import check_files

        check_files(loading.folder, loading)
    check = getattr(family, "check_loading", None)
    if check is not None:
        check(loading)


def load(loading: Loading) -> Model:
    """Return the loaded model of `loading.family`.

    Raises UnknownName for a family that does not exist, and what the family raises.
    """
    loading = _by_its_files(loading)
    return FAMILIES.load(loading.family)(loading)


def family_of(config: Mapping[str, Any]) -> str | None:
    """Return the family that loads a checkpoint, from its config.json or open_clip_config.json.

    Anything with a picture tower that transformers calls a conditional generator is `chat`, unless
    the class of a family names its model type. None for what no family loads.
    """
    if "model_cfg" in config:
        return "open_clip"
    kind = str(config.get("model_type", ""))
    named = MODEL_TYPES.get(kind) or _declaring(kind)
    if named is not None:
        return named
    generates = any("ForConditionalGeneration" in str(name) for name in _architectures(config))
    return "chat" if generates and _sees(config) else None


def family_in(folder: Path, config: Mapping[str, Any]) -> str | None:
    """Return the family that loads the model of a folder with this configuration.

    It is that of `family_of`, except for weights in the layout of transformers beside a
    configuration of open_clip.
    """
    family = family_of(config)
    if family != "open_clip":
        return family
    from .families.open_clip_files import transformers_family

    return transformers_family(folder, MODEL_TYPES) or family


def _by_its_files(loading: Loading) -> Loading:
    """Return how to load a model whose files are in another layout than its family's."""
    if loading.family != "open_clip" or loading.folder is None:
        return loading
    family = family_in(loading.folder, {"model_cfg": {}})
    return replace(loading, family=family) if family else loading


def _declaring(model_type: str) -> str | None:
    """Return the first family whose class declares that it loads a model type."""
    for name in FAMILIES.names():
        if name in _KINDS:  # those are in MODEL_TYPES, so that none is imported to find out
            continue
        try:
            types: tuple[str, ...] = getattr(FAMILIES.load(name), "model_types", ())
        except PluginFault:
            continue
        if model_type in types:
            return name
    return None


def _architectures(config: Mapping[str, Any]) -> list[Any]:
    named = config.get("architectures")
    return named if isinstance(named, list) else []


def _sees(config: Mapping[str, Any]) -> bool:
    return any(key in config for key in ("vision_config", "visual_config", "image_token_id"))
