"""Weights in eight or four bits, through an installed package; refused before anything is loaded.

bitsandbytes does both and is fastest on NVIDIA. torchao does eight bits, also on a CPU, where
bitsandbytes would go through float16. Both are extras.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ..errors import MissingExtra, ModelRefused
from ..text import clean
from .capability import Capability
from .precision import torch_dtype

QUANTISATIONS = ("none", "8bit", "4bit")
_BITSANDBYTES = ("bitsandbytes", "accelerate")
_DEVICES = ("cpu", "cuda", "xpu")


@dataclass(frozen=True, slots=True)
class Quantisation:
    """What to hand to transformers' `from_pretrained`.

    `placed` says that the weights are quantised straight on their device and must not be moved.
    """

    config: Any
    package: str
    placed: bool


def choose_quantisation(wanted: str, device: Capability, dtype: str) -> Quantisation | None:
    """Return how to load in `wanted` ("none", "8bit", "4bit"); None for "none".

    Raises ModelRefused for a word that means nothing here or a device that cannot, MissingExtra
    with the line to install when the package is absent.
    """
    if wanted not in QUANTISATIONS:
        raise ModelRefused(
            f"no quantisation '{clean(wanted, limit=40)}'; there are {', '.join(QUANTISATIONS)}"
        )
    if wanted == "none":
        return None
    if device.kind not in _DEVICES:
        raise ModelRefused(f"quantize = {wanted} cannot work on {device.device}; use none")
    package = _package(wanted, device)
    return _torchao() if package == "torchao" else _bitsandbytes(wanted, dtype)


def refuse_quantisation(wanted: str, family: str) -> None:
    """Raise ModelRefused if anything but "none" is wanted of a family that is never quantised."""
    if wanted not in QUANTISATIONS:
        raise ModelRefused(
            f"no quantisation '{clean(wanted, limit=40)}'; there are {', '.join(QUANTISATIONS)}"
        )
    if wanted != "none":
        raise ModelRefused(f"models of the family {family} are not quantised; use quantize = none")


def _package(wanted: str, device: Capability) -> str:
    have_ao = _has("torchao")
    have_bits = all(_has(name) for name in _BITSANDBYTES)
    if wanted == "8bit" and have_ao and (device.kind == "cpu" or not have_bits):
        return "torchao"
    if have_bits:
        return "bitsandbytes"
    if wanted == "8bit" and device.kind == "cpu":
        raise MissingExtra("quantize = 8bit on a CPU needs torchao: pip install torchao")
    missing = " ".join(name for name in _BITSANDBYTES if not _has(name))
    raise MissingExtra(f"quantize = {wanted} needs {missing}: pip install {missing}")


def _torchao() -> Quantisation:
    # It says at every import what PyTorch will refuse some day.
    logging.getLogger("torch.utils._pytree").setLevel(logging.ERROR)
    from torchao.quantization import Int8WeightOnlyConfig
    from transformers import TorchAoConfig

    return Quantisation(TorchAoConfig(Int8WeightOnlyConfig()), "torchao", placed=False)


def _bitsandbytes(wanted: str, dtype: str) -> Quantisation:
    from transformers import BitsAndBytesConfig

    # It says of every layer, time and again, that inputs are cast: that is what was asked for.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    eight: dict[str, Any] = {"load_in_8bit": True}
    four: dict[str, Any] = {
        "load_in_4bit": True,
        "bnb_4bit_quant_type": "nf4",
        "bnb_4bit_compute_dtype": torch_dtype(dtype),
    }
    made: Any = BitsAndBytesConfig
    return Quantisation(made(**(eight if wanted == "8bit" else four)), "bitsandbytes", placed=True)


def _has(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True
