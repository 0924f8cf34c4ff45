"""Whether a folder's weights are all there, whole and safe to read, before anything reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..errors import ModelRefused
from ..text import clean, clean_path, counted

HEADER_LIMIT = 100_000_000
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".msgpack", ".h5")
INDEX = "model.safetensors.index.json"


def check_weights(folder: Path, name: str) -> None:
    """Raise ModelRefused unless the folder holds whole safetensors, every shard of them."""
    found = sorted(folder.glob("*.safetensors"))
    lacking = _lacking(folder, name)
    if lacking:
        raise ModelRefused(
            f"{clean(name)} is only partly on this disk: {_absent(lacking)}; run "
            f"`sightline models pull {clean(name)}` again"
        )
    if not found:
        raise ModelRefused(_without(folder, name))
    for path in found:
        wrong = damage(path)
        if wrong:
            raise ModelRefused(
                f"{clean(name)}: {clean_path(str(path))} {wrong}; delete it and run "
                f"`sightline models pull {clean(name)}` again"
            )


def weights_bytes(folder: Path | None) -> int:
    """Return what a folder's weights take on disk: about what they take in memory as they are."""
    return sum(path.stat().st_size for path in folder.glob("*.safetensors")) if folder else 0


def damage(path: Path) -> str:
    """Return what is wrong with a safetensors file by its header and its size, or ""."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(HEADER_LIMIT, size - 8):
            return "is truncated or not a safetensors file"
        header = _read_json(file.read(length))
    if header is None:
        return "has an unreadable header"
    end = 8 + length + max(map(_end, header.values()), default=0)
    if size < end:
        return f"is truncated: {size} bytes of {end}"
    return ""


def _end(entry: Any) -> int:
    offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
    if isinstance(offsets, list) and len(offsets) == 2 and isinstance(offsets[1], int):
        return offsets[1]
    return 0


def _read_json(text: bytes) -> dict[str, Any] | None:
    try:
        read = json.loads(text)
    except ValueError:
        return None
    return read if isinstance(read, dict) else None


def _lacking(folder: Path, name: str) -> list[str]:
    index = folder / INDEX
    if not index.is_file():
        return []
    read = _read_json(index.read_bytes())
    placed = read.get("weight_map") if read is not None else None
    if not isinstance(placed, dict):
        raise ModelRefused(f"{clean(name)}: {clean_path(str(index))} cannot be read; pull it again")
    shards = sorted({str(shard) for shard in placed.values()})
    return [shard for shard in shards if not (folder / shard).is_file()]


def _without(folder: Path, name: str) -> str:
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLES)
    if pickles:
        return (
            f"{clean(name)} has its weights only as {clean(pickles[0], limit=80)}, a pickle, which "
            "can run code when read; choose a revision or a copy with safetensors"
        )
    return (
        f"{clean(name)} has no weights in {clean_path(str(folder))}; run "
        f"`sightline models pull {clean(name)}`"
    )


def _absent(names: list[str]) -> str:
    """Name the first of some absent files and count the others."""
    first, more = clean(names[0]), len(names) - 1
    if not more:
        return f"{first} is absent"
    return f"{first} and {counted(more, 'other file', 'other files')} are absent"
