"""Whether a file that a user names as a model's weights can be loaded, before it is downloaded."""

from __future__ import annotations

from ..errors import ModelRefused
from ..models.registry import BUILT_IN
from ..models.weights import PICKLES
from ..text import clean


def refuse_unloadable(name: str, weights: str, family: str) -> None:
    """Raise ModelRefused for a file that is never loaded; `weights` may be empty.

    A pickle runs code when read, so no family gets one. A family of a plugin may load other formats
    than safetensors.
    """
    shown = f"{clean(name)}: {clean(weights, limit=120)}"
    if weights.endswith((*PICKLES, ".pickle")):
        raise ModelRefused(
            f"{shown} is a pickle, which can run code when read and is never loaded, so it is not "
            "downloaded; name a file that ends in .safetensors"
        )
    if weights and family in BUILT_IN and not weights.endswith(".safetensors"):
        raise ModelRefused(
            f"{shown} cannot be loaded, so it is not downloaded; name a file that ends in "
            ".safetensors"
        )
