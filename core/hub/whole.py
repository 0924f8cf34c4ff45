"""Whether a folder holds all of a model, found without a network."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ..models.registry import BUILT_IN
from .contents import Contents, contents, without_config
from .weight_files import ReadJson, named_files, weight_files

CONFIGS = ("open_clip_config.json", "config.json")

PROCESSORS = ("preprocessor_config.json", "processor_config.json")
TOKENIZERS = (
    "tokenizer.json", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model", "vocab.json",
    "vocab.txt",
)  # fmt: skip
_READS_TEXT = frozenset(
    {"clip", "siglip", "grounding_dino", "owlv2", "omdet_turbo", "sam3", "chat", "florence2"}
)
MOST_JSON_BYTES = 64 * 2**20
_MOST_NAMES, _DEPTH = 20_000, 2


def lacking(
    folder: Path, family: str = "", *, weights: str = "", remote_code: bool = False
) -> tuple[str, ...]:
    """Return what is missing, by file name or in words; empty when all is there.

    `family` adds what its loader needs beside weights; `weights` is the one file named instead of
    the usual safetensors.
    """
    if not folder.is_dir():
        return ("everything",)
    names = _names(folder)
    return missing(names, _reader(folder), family, weights=weights, remote_code=remote_code)


def missing(
    names: Collection[str], read: ReadJson, family: str = "", *, weights: str = "",
    remote_code: bool = False,
) -> tuple[str, ...]:  # fmt: skip
    """Return the same for a model with files of these names."""
    found = [_one_of(names, CONFIGS[:1] if family == "open_clip" else CONFIGS)]
    found += _weights(names, family, read, weights)
    if needs_processor(family):
        found.append(_one_of(names, PROCESSORS))
    if needs_tokenizer(family) and not any(name.endswith(".tiktoken") for name in names):
        found.append(_one_of(names, TOKENIZERS))
    if remote_code and not any(name.endswith(".py") for name in names):
        found.append("its Python code")
    return tuple(dict.fromkeys(name for name in found if name))


def needs_processor(family: str) -> bool:
    """Return whether a family's models are loaded with a processor of transformers."""
    return family in BUILT_IN and family not in ("open_clip", "endpoint")


def needs_tokenizer(family: str) -> bool:
    """Return whether a family's models read text with a tokenizer of their own."""
    return family in _READS_TEXT


def kind_of(folder: Path) -> Contents | None:
    """Return what a folder without loadable weights or configuration holds instead of a model.

    None if it is a model, whole or not, or nothing that can be named.
    """
    names, read = _names(folder, deep=True), _reader(folder)
    found = weight_files(names, "", read)
    if found.files or found.missing or found.others or not names:
        return None
    what = contents(names, found, read) if config_of(folder) else without_config(names, read)
    return what if what.known else None


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


def _weights(names: Collection[str], family: str, read: ReadJson, named: str) -> list[str]:
    if named and not named.endswith((".safetensors", ".json")):  # a plugin's family may load it
        return [_one_of(names, (named,))]
    found = named_files(names, named, read) if named else weight_files(names, family, read)
    if found.files or found.others:
        return []
    return list(found.missing) or ["weights (*.safetensors)"]


def _reader(folder: Path) -> ReadJson:
    return lambda name: read_json(folder / name)


def _names(folder: Path, *, deep: bool = False) -> set[str]:
    """Return the files of a folder, and of its subfolders those that its index may name.

    Links to files that are not there do not count.
    """
    found: set[str] = set()
    for above, folders, files in os.walk(folder):
        inside = Path(above).relative_to(folder)
        if len(inside.parts) >= _DEPTH or len(found) > _MOST_NAMES:
            folders.clear()
        kept = [f for f in files if deep or not inside.parts or f.endswith(".safetensors")]
        found |= {(inside / f).as_posix() for f in kept if os.path.isfile(f"{above}/{f}")}
    return found


def _one_of(names: Collection[str], wanted: tuple[str, ...]) -> str:
    return "" if any(name in names for name in wanted) else wanted[-1]
