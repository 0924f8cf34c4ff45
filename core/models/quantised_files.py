"""Quantised weights that the loader would read as if they were plain: refused by their headers.

transformers only warns of a method it does not know and then reads the quantised numbers as
weights; scales that no module takes are dropped. The answers of such a model look like answers.
What is refused here: a method that the installed transformers does not have, quantisation that the
configuration does not mention, and formats of other libraries (MLX, NVIDIA ModelOpt). Methods that
transformers has are left to it; it names the package that is absent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import ModelRefused
from ..text import clean
from .weights import header

QUANT_CONFIG = "hf_quant_config.json"
SCALES = (
    ".weight_scale", ".weight_scale_inv", ".weight_scale_2", ".weight_scale_inv_2",
    ".weight_global_scale", ".input_global_scale", ".input_scale", ".activation_scale",
    ".output_scale", ".scale_weight", ".scale_input", ".qscale_weight", ".qscale_act", ".k_scale",
    ".v_scale", ".pre_quant_scale", "._amax", ".qweight", ".qzeros", ".weight_packed",
    ".weight_zero_point", ".SCB", ".weight.absmax", ".weight.quant_map", ".weight_blocks",
    ".weight_scales", ".scales", ".biases", ".scale_inv", "_scale_inv", "._scale", ".lut",
)  # fmt: skip
"""how the names of tensors of quantised weights end, in the formats of many libraries"""
_MLX_ENDINGS = (".scales", ".biases")
_PACKED = frozenset({"U8", "I8", "U16", "I16", "U32", "I32", "F4", "F6_E2M3", "F6_E3M2"})
"""dtypes that no plain weights are stored in; FP8 without scales is a plain cast"""
_PARTS = ("text_config", "language_config", "llm_config", "vision_config", "thinker_config")
_WAY_OUT = (
    "choose the original weights or a copy quantised by another method, or ask a server that "
    "supports it: http://HOST:PORT/v1#MODEL"
)


def method_of(config: Mapping[str, Any]) -> str:
    """Return the quantisation method a config.json names, or an empty string."""
    declared = quantisation_of(config)
    if declared.get("load_in_8bit") or declared.get("load_in_4bit"):
        return "bitsandbytes"
    return str(declared.get("quant_method") or "")


def quantisation_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a config.json says about the quantisation of its weights; empty for nothing."""
    parts = [config, *(config.get(name) for name in _PARTS)]
    for part in parts:
        if not isinstance(part, Mapping):
            continue
        for key in ("quantization_config", "compression_config"):
            found = part.get(key)
            if isinstance(found, dict) and found:
                return found
    return {}


def check_quantised(
    folder: Path, files: Iterable[Path], name: str, *, transformers: bool = True
) -> None:
    """Raise ModelRefused for weights that would be read without their scales.

    `transformers` says that it loads them: it has methods of its own, and names the package of one
    that is absent.
    """
    config = _read(folder / "config.json")
    method = method_of(config)
    tensors = _tensors(files)
    foreign = _mlx(config, tensors) or _model_opt(folder, method)
    if foreign:
        raise ModelRefused(f"{clean(name)} is quantised {foreign}; {_WAY_OUT}")
    refuse_method(method, name, transformers=transformers)
    if not method:
        _refuse_undeclared(tensors, name)


def refuse_method(method: str, name: str, *, transformers: bool = True) -> None:
    """Raise ModelRefused for a quantisation method that nothing here decodes; "" is none."""
    if method and not (transformers and method in _known_methods()):
        raise ModelRefused(
            f"{clean(name)} is quantised by '{clean(method, limit=60)}', which cannot be decoded "
            f"here: its answers would be wrong; {_WAY_OUT}"
        )


def _known_methods() -> set[str]:
    from transformers.quantizers.auto import AUTO_QUANTIZER_MAPPING

    return {name.removesuffix("_4bit").removesuffix("_8bit") for name in AUTO_QUANTIZER_MAPPING}


def scale_names(names: Iterable[str]) -> list[str]:
    """Return the names of tensors that belong to quantised weights, sorted."""
    return sorted(name for name in names if name.endswith(SCALES))


def _refuse_undeclared(tensors: Mapping[str, str], name: str) -> None:
    scales = [each for each in scale_names(tensors) if _beside_weights(each, tensors)]
    packed = sorted(
        each for each, kind in tensors.items() if kind in _PACKED and each.endswith(".weight")
    )
    if not scales and not packed:
        return
    kinds = sorted({tensors[each] for each in packed}) if packed else _float8(tensors)
    what = _called(scales, kinds)
    shown = clean((scales or packed)[0], limit=100)
    raise ModelRefused(
        f"{clean(name)} is quantised{what}, and its config.json names no quantisation method: "
        f"{shown} would be ignored or read as plain numbers, and its answers would be wrong; "
        f"{_WAY_OUT}"
    )


def _beside_weights(name: str, tensors: Mapping[str, str]) -> bool:
    """Return whether a tensor accompanies quantised weights: `.scales` may also be a network's own.

    A name that only quantisation uses counts in any case.
    """
    if not name.endswith((*_MLX_ENDINGS, "._scale", ".lut", ".output_scale")):
        return True
    kind = tensors.get(f"{name.rpartition('.')[0]}.weight", "")
    return kind in _PACKED or kind.startswith("F8")


def _called(scales: Iterable[str], kinds: Iterable[str]) -> str:
    listed = list(scales)
    if any(name.endswith((".weight_scale_2", ".weight_global_scale")) for name in listed):
        return " as NVFP4 (four bits with two scales)"
    shown = ", ".join(kinds)
    return f" ({shown} weights)" if shown else ""


def _float8(tensors: Mapping[str, str]) -> list[str]:
    return sorted({kind for kind in tensors.values() if kind.startswith("F8")})


def _mlx(config: Mapping[str, Any], tensors: Mapping[str, str]) -> str:
    """Return how MLX quantised the weights, or an empty string."""
    declared = config.get("quantization") or quantisation_of(config)
    if not isinstance(declared, Mapping) or "quant_method" in declared:
        return ""
    packed = any(name.endswith(_MLX_ENDINGS) and _beside_weights(name, tensors) for name in tensors)
    if not {"group_size", "bits"} <= declared.keys() and not packed:
        return ""
    bits, group = declared.get("bits", "?"), declared.get("group_size", "?")
    shown = clean(f"{bits} bits, groups of {group}", limit=60)
    return f"in the format of Apple's MLX ({shown}), which only MLX loads"


def _model_opt(folder: Path, method: str) -> str:
    """Return how NVIDIA ModelOpt quantised the weights, or an empty string."""
    separate = _read(folder / QUANT_CONFIG)
    if not method.startswith("modelopt") and not (separate and not method):
        return ""
    said = separate.get("quantization")
    said = said if isinstance(said, dict) else quantisation_of(_read(folder / "config.json"))
    algorithm = clean(str(said.get("quant_algo") or ""), limit=60)
    shown = f" ({algorithm})" if algorithm else ""
    return f"by NVIDIA ModelOpt{shown}, which cannot be decoded here: its answers would be wrong"


def _tensors(files: Iterable[Path]) -> dict[str, str]:
    """Return the dtype of each tensor, by name, as the headers of the files say."""
    found: dict[str, str] = {}
    for path in files:
        for name, entry in header(path).items():
            if isinstance(entry, dict) and "dtype" in entry:
                found[name] = str(entry["dtype"])
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}
