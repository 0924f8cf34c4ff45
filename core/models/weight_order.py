"""Which safetensors of a model are its weights, by file names: for a listing and for a folder.

The order of preference: the shards of the index; `model.safetensors`; open_clip's own files; the
shards of a variant's index (`model.safetensors.index.fp16.json`); a variant
(`model.fp16.safetensors`); the only safetensors file there is. The index decides, because beside
the shards it names, a repository may have copies in another layout (`consolidated-*`), another
precision (`model.fp16-*`) or of another size, and shards have any names
(`model_00001-of-00072`, six digits, files of a subfolder).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

WHOLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
OPEN_CLIP = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors")
SHARD = re.compile(r"[^/]*[-_]\d{5,6}-of-\d{5,6}(\.[\w-]+)?\.safetensors")
VARIANT = re.compile(r"model\.([\w-]+)\.safetensors")
VARIANT_INDEX = re.compile(r"model\.safetensors\.index\.([\w-]+)\.json")
OTHER_FORMATS = re.compile(
    r"(consolidated|adapter_model|adapter|optimizer|optimizer_state|training_args|rng_state)"
    r"\b[^/]*\.safetensors"
)
"""safetensors that are no weights of a transformers model: Mistral's own format, adapters, training
"""

ReadJson = Callable[[str], dict[str, Any] | None]
"""returns a JSON object by its path in the model, or None if it is none"""


@dataclass(frozen=True, slots=True)
class WeightSet:
    """One set of weights: its files, the file that names them, and the shards that are absent."""

    named_by: str
    """a safetensors file, or the index of the shards"""
    files: tuple[str, ...]
    lacking: tuple[str, ...] = ()

    @property
    def is_variant(self) -> bool:
        """Return whether it is another precision of weights, by its name."""
        return bool(VARIANT_INDEX.fullmatch(self.named_by) or VARIANT.fullmatch(self.named_by))


def in_order(names: Collection[str], read: ReadJson) -> Iterator[WeightSet]:
    """Yield the sets of weights among a model's files, the preferred one first."""
    top = sorted(name for name in names if "/" not in name and name.endswith(".safetensors"))
    indices = sorted(filter(VARIANT_INDEX.fullmatch, names))
    sharded = [found for name in (INDEX, *indices) for found in indexed(name, names, read)]
    shards = {file for found in sharded for file in found.files}
    whole = [WHOLE, *OPEN_CLIP]
    yield from (found for found in sharded if found.named_by == INDEX)
    yield from (WeightSet(name, (name,)) for name in whole if name in top)
    yield from (found for found in sharded if found.named_by != INDEX)
    variants = [name for name in top if VARIANT.fullmatch(name) and is_whole(name)]
    others = [n for n in top if n not in (*whole, *variants, *shards) and is_whole(n)]
    for name in [*variants, *(others if len(others) == 1 else ())]:
        yield WeightSet(name, (name,))


def indexed(index: str, names: Collection[str], read: ReadJson) -> Iterator[WeightSet]:
    """Yield the shards that an index names; none if it is absent, unreadable or names none.

    An index that names other files than safetensors is of no use: those are never loaded.
    """
    placed = (read(index) or {}).get("weight_map") if index in names else None
    if isinstance(placed, dict) and placed:
        shards = sorted({str(shard) for shard in placed.values()})
        if all(shard.endswith(".safetensors") for shard in shards):
            absent = tuple(s for s in shards if s not in names or not _is_inside(s))
            yield WeightSet(index, tuple(s for s in shards if s not in absent), absent)


def named(weights: str, names: Collection[str], read: ReadJson) -> Iterator[WeightSet]:
    """Yield the set that a user named: a file, or an index of shards."""
    if weights.endswith(".json"):
        yield from indexed(weights, names, read)
    elif weights in names and weights.endswith(".safetensors"):
        yield WeightSet(weights, (weights,))


def is_index(weights: str) -> bool:
    """Return whether a file that a user names is an index of shards."""
    return weights == INDEX or VARIANT_INDEX.fullmatch(weights) is not None


def is_whole(name: str) -> bool:
    """Return whether a safetensors file may be all of a model's weights, by its name."""
    part = SHARD.fullmatch(name) and not re.search(r"[-_](\d{5,6})-of-0*1\b", name)
    return not part and not OTHER_FORMATS.fullmatch(name)


def _is_inside(shard: str) -> bool:
    path = PurePosixPath(shard)
    return not path.is_absolute() and ".." not in path.parts
