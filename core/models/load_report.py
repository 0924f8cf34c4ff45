"""Whether a network and its file agree: a weight that is missing or not used refuses the model.

transformers fills what a file lacks with random numbers and drops what no module takes, with a
warning. A whole head that the network does not have changes nothing and may stay in the file. A
tensor inside a module that the network has, a layer beyond its last one, and a scale of quantised
weights change what the network should compute, so they may not be dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import ModelRefused
from ..text import clean
from .protocols import Loading
from .quantised_files import scale_names

NAMED_AT_MOST = 3
_BUFFERS = re.compile(
    r"(.*\.)?(position_ids|token_type_ids|inv_freq|num_batches_tracked|relative_position_index"
    r"|relative_coords_table|attn_mask|causal_mask|masked_bias|total_ops|total_params|freqs_cis"
    r"|original_inv_freq|attention\.bias|attn\.bias)"
)
"""tensors that older versions stored and the network computes itself"""
_PREDICTS_AHEAD = re.compile(r"\.(eh_proj|enorm|hnorm|shared_head)\.")
"""tensors of a block that predicts several tokens at once, to speed generation up: never needed"""
_NUMBERED = re.compile(r"(?:^|\.)\d+(?:\.|$)")


def refuse_incomplete(loading: Loading, info: Mapping[str, Any], model: Any) -> None:
    """Raise ModelRefused where weights are missing, of another shape, or would be dropped.

    `info` is the loading information of transformers, `model` the loaded network.
    """
    for what, keys in (
        ("lacks weights", info.get("missing_keys")),
        ("has weights of another shape", info.get("mismatched_keys")),
    ):
        if keys:
            named = sorted(str(key[0] if isinstance(key, tuple) else key) for key in keys)
            raise ModelRefused(
                f"{clean(loading.name)} {what} ({shown(named)}); its answers would be "
                f"random; {_again(loading)}, or choose the family that fits it"
            )
    refuse_unused(loading, info.get("unexpected_keys") or (), model)


def refuse_unused(loading: Loading, names: Iterable[str], model: Any) -> None:
    """Raise ModelRefused for tensors of a file that the network should use and does not."""
    given = [str(name) for name in names]
    scales = scale_names(given)
    if scales:
        raise ModelRefused(
            f"{clean(loading.name)} is quantised in a way that was not decoded: nothing takes "
            f"{shown(scales)}; its answers would be wrong; choose the original weights"
        )
    modules = {name for name, _ in model.named_modules()}
    ahead = {_block(name) for name in given if _PREDICTS_AHEAD.search(name)}
    dropped = sorted(
        name
        for name in given
        if _changes_answers(name, modules) and _block(name) not in ahead - {""}
    )
    if dropped:
        raise ModelRefused(
            f"{clean(loading.name)} has weights that its network does not use ({shown(dropped)}); "
            "its answers would be wrong: config.json and the weights belong to different models, "
            "or a newer transformers is needed"
        )


def shown(names: list[str]) -> str:
    """Return how many names there are, and the first few of them."""
    listed = ", ".join(clean(name, limit=80) for name in names[:NAMED_AT_MOST])
    return f"{len(names)}: {listed}{', …' if len(names) > NAMED_AT_MOST else ''}"


def _changes_answers(name: str, modules: set[str]) -> bool:
    """Return whether a tensor that was dropped belongs to a part that the network has.

    That is so inside a module without parts of its own (a layer's bias), and anywhere inside or
    after a numbered block; a head beside the network's own parts is not used at all.
    """
    if _BUFFERS.fullmatch(name):
        return False
    owner = name.rpartition(".")[0]
    while owner and owner not in modules:
        owner = owner.rpartition(".")[0]
    if not owner:
        return False
    rest = name[len(owner) + 1 :]
    leaf = not any(each.startswith(f"{owner}.") for each in modules)
    return leaf or rest[0].isdigit() or bool(_NUMBERED.search(owner))


def _block(name: str) -> str:
    """Return the name of the numbered block that a tensor belongs to, or an empty string."""
    found = re.match(r".*?\.layers\.\d+\.", name)
    return found[0] if found else ""


def _again(loading: Loading) -> str:
    return "copy it again" if loading.revision.startswith("local-") else "pull it again"
