"""Which weights of a model are downloaded, of all files it has, and what else there is.

The order of preference is that of loading (`core/models/weight_order.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ..models import weight_order
from ..models.weight_order import INDEX, OPEN_CLIP, SHARD, WHOLE, ReadJson, WeightSet, in_order

__all__ = ["INDEX", "SHARD", "ReadJson", "WeightFiles", "named_files", "weight_files"]


@dataclass(frozen=True, slots=True)
class WeightFiles:
    """What holds a model's weights. `files` is empty where that is not known.

    `missing` are files that the index names or the index itself; `others` are safetensors, or
    indices of them, that only a user can choose from (`--weights`).
    """

    files: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def weight_files(names: Collection[str], family: str, read: ReadJson) -> WeightFiles:
    """Return which of a model's files hold its weights, with the index that names them."""
    for name in OPEN_CLIP if family == "open_clip" else ():
        if name in names:
            return WeightFiles((name,))
    sets = list(in_order(names, read))
    complete = [each for each in sets if not each.lacking]
    if complete and complete[0].named_by in (INDEX, WHOLE):
        return WeightFiles(_with_index(complete[0]))
    variants = [each for each in complete if each.is_variant]
    if len(variants) == 1:
        return WeightFiles(_with_index(variants[0]))
    absent = next((each.lacking for each in sets if each.lacking), ())
    if absent and not variants:
        return WeightFiles(missing=absent)
    return _without_choice(names, complete)


def named_files(names: Collection[str], weights: str, read: ReadJson) -> WeightFiles:
    """Return the same for weights that a user named."""
    found = next(weight_order.named(weights, names, read), None)
    if found is None:
        return WeightFiles(missing=(weights,))
    return WeightFiles(missing=found.lacking) if found.lacking else WeightFiles(_with_index(found))


def _with_index(found: WeightSet) -> tuple[str, ...]:
    return found.files if found.named_by in found.files else (*found.files, found.named_by)


def _without_choice(names: Collection[str], complete: Sequence[WeightSet]) -> WeightFiles:
    """Return what there is to choose from, or that shards lie there without their index."""
    others = tuple(each.named_by for each in complete)
    top = [name for name in names if "/" not in name]
    if INDEX in names or any(SHARD.fullmatch(n) and n.startswith("model") for n in top):
        return WeightFiles(others=others) if others else WeightFiles(missing=(INDEX,))
    whole = [n for n in top if n.endswith(".safetensors") and weight_order.is_whole(n)]
    return WeightFiles(others=others or tuple(sorted(whole)))
