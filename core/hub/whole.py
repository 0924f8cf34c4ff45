"""Whether a folder holds all of a model, found without a network."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ..models.registry import BUILT_IN

CONFIGS = ("open_clip_config.json", "config.json")
INDEX_ENDING = ".safetensors.index.json"
SHARD = re.compile(r"[^/]*-\d{5}-of-\d{5}\.safetensors")

_PROCESSORS = ("preprocessor_config.json", "processor_config.json")
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "spiece.model", "vocab.json", "vocab.txt")
_READS_TEXT = frozenset(
    {"clip", "siglip", "grounding_dino", "owlv2", "omdet_turbo", "sam3", "chat", "florence2"}
)
MOST_JSON_BYTES = 64 * 2**20


def lacking(
    folder: Path, family: str = "", *, weights: str = "", remote_code: bool = False
) -> tuple[str, ...]:
    """Return what is missing, by file name or in words; empty when all is there.

    `family` adds what its loader needs beside weights; `weights` is the one file named instead of
    the usual safetensors.
    """
    if not folder.is_dir():
        return ("everything",)
    missing = [_one_of(folder, CONFIGS[:1] if family == "open_clip" else CONFIGS)]
    missing += [_one_of(folder, (weights,))] if weights else _weights(folder)
    if family in BUILT_IN and family not in ("open_clip", "endpoint"):
        missing.append(_one_of(folder, _PROCESSORS))
    if family in _READS_TEXT and not list(folder.glob("*.tiktoken")):
        missing.append(_one_of(folder, _TOKENIZERS))
    if remote_code and not list(folder.glob("*.py")):
        missing.append("its Python code")
    return tuple(dict.fromkeys(name for name in missing if name))


def config_of(folder: Path) -> dict[str, Any] | None:
    """Return a model's configuration, open_clip's before transformers'; None if there is none."""
    for name in CONFIGS:
        found = read_json(folder / name)
        if found is not None:
            return found
    return None


def read_json(path: Path) -> dict[str, Any] | None:
    """Return a JSON object out of a file of reasonable size, or None."""
    try:
        if path.stat().st_size > MOST_JSON_BYTES:
            return None
        body = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def shards(index: dict[str, Any]) -> list[str]:
    """Return the files an index of safetensors names."""
    weight_map = index.get("weight_map")
    names = weight_map.values() if isinstance(weight_map, dict) else ()
    return sorted({str(name) for name in names})


def _weights(folder: Path) -> list[str]:
    there = {path.name for path in folder.glob("*.safetensors") if path.is_file()}
    if any(not SHARD.fullmatch(name) for name in there):
        return []
    indices = [read_json(path) or {} for path in folder.glob(f"*{INDEX_ENDING}")]
    named = sorted({name for index in indices for name in shards(index)})
    if not named:
        return ["model.safetensors.index.json" if there else "weights (*.safetensors)"]
    return [name for name in named if name not in there]


def _one_of(folder: Path, names: tuple[str, ...]) -> str:
    return "" if any((folder / name).is_file() for name in names) else names[-1]
