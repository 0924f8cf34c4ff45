"""Whether a file that a user names as a model's weights can be loaded, before it is downloaded."""

from __future__ import annotations

from pathlib import Path

from ..errors import ModelRefused
from ..models.registry import BUILT_IN
from ..models.weight_order import OTHER_FORMATS, is_index, is_whole
from ..models.weights import PICKLES, weight_sets
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
    if not weights or family not in BUILT_IN or is_index(weights):
        return
    if not weights.endswith(".safetensors"):
        raise ModelRefused(
            f"{shown} cannot be loaded, so it is not downloaded; name a file that ends in "
            ".safetensors"
        )
    if not is_whole(weights):
        raise ModelRefused(f"{shown} {_no_weights(weights)}, so it is not downloaded")


def _no_weights(weights: str) -> str:
    """Return why a safetensors file is not all of a model's weights."""
    if OTHER_FORMATS.fullmatch(weights):
        return "is no weights of a whole model (an adapter, Mistral's own format, training)"
    return "is one of several shards: name their index (model.safetensors.index[.VARIANT].json)"


def refuse_second_choice(name: str, weights: str, snapshot: Path) -> None:
    """Raise ModelRefused for a file that would not be the one to load, before it is downloaded.

    Nothing but the files of a snapshot says later which of them was asked for; `weights` may be
    empty.
    """
    sets = weight_sets(snapshot) if weights else ()
    first = next((each.named_by for each in sets if not each.lacking), weights)
    if first != weights:
        raise ModelRefused(
            f"{clean(name)}: {clean(first, limit=120)} is on this disk already and would be loaded "
            f"instead of {clean(weights, limit=120)}; remove it first (`sightline models remove "
            f'{clean(name)}`), or add the model to models.toml with weights = "{clean(weights)}"'
        )
