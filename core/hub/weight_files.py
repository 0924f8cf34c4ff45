"""Which weights of a model are loaded, of all files it has: the same for a listing and a folder.

The index decides, as in transformers: beside the shards it names, a repository may have copies in
another layout (`consolidated-*`), another precision (`model.fp16-*`) or of another size, and
shards have any names (`model_00001-of-00072`, six digits, files of a subfolder).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

INDEX = "model.safetensors.index.json"
ONE_FILE = "model.safetensors"
SHARD = re.compile(r"[^/]*[-_]\d{5,6}-of-\d{5,6}\.safetensors")
OPEN_CLIP = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors")

_VARIANT = re.compile(r"model\.[A-Za-z0-9_-]+\.safetensors")
_OTHER_LAYOUT = re.compile(
    r"(consolidated|adapter_model|adapter|optimizer|optimizer_state|training_args|rng_state)"
    r"\b[^/]*\.safetensors"
)

ReadJson = Callable[[str], dict[str, Any] | None]
"""returns a JSON object by its path in the model, or None if it is none"""


@dataclass(frozen=True, slots=True)
class WeightFiles:
    """What holds a model's weights. `files` is empty where that is not known.

    `missing` are files that the index names or the index itself; `others` are safetensors that
    only a user can choose from (`--weights`).
    """

    files: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def weight_files(names: Collection[str], family: str, read: ReadJson) -> WeightFiles:
    """Return which of a model's files hold its weights, with the index that names them."""
    for name in OPEN_CLIP if family == "open_clip" else ():
        if name in names:
            return WeightFiles((name,))
    named = shards(read(INDEX) or {}) if INDEX in names else []
    absent = tuple(name for name in named if name not in names)
    if named and not absent:
        return WeightFiles((*named, INDEX))
    if ONE_FILE in names:
        return WeightFiles((ONE_FILE,))
    return WeightFiles(missing=absent) if absent else _without_index(names)


def shards(index: dict[str, Any]) -> list[str]:
    """Return the files an index of safetensors names."""
    weight_map = index.get("weight_map")
    names = weight_map.values() if isinstance(weight_map, dict) else ()
    return sorted({str(name) for name in names})


def _without_index(names: Collection[str]) -> WeightFiles:
    """Return what there is without a usable index: one copy in another precision, or a choice."""
    top = sorted(n for n in names if "/" not in n and n.endswith(".safetensors"))
    if INDEX in names or any(SHARD.fullmatch(n) and n.startswith("model") for n in top):
        return WeightFiles(missing=(INDEX,))
    loadable = [n for n in top if not _OTHER_LAYOUT.match(n) and not SHARD.fullmatch(n)]
    variants = [n for n in loadable if _VARIANT.fullmatch(n)]
    if len(variants) == 1:
        return WeightFiles((variants[0],))
    return WeightFiles(others=tuple(loadable))
