"""Which files of a folder are its weights, and whether they are whole and safe to read.

A folder may hold several sets of weights. The order of choice: the file that was named; the shards
of an index, if all are there; `model.safetensors`; a variant such as `model.fp16.safetensors`; the
only safetensors file there is. A set that is damaged or incomplete gives way to the next one, and
files outside the chosen set are not read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ModelRefused
from ..text import clean, clean_path, counted
from .text_files import fault_of, fault_of_content
from .text_files import named as named_file

HEADER_LIMIT = 100_000_000
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".msgpack", ".h5")
WHOLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
OPEN_CLIP = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors")
OTHER_FORMATS = re.compile(r"consolidated([.-].*)?\.safetensors|adapter_model.*\.safetensors")
"""safetensors that are no weights of a transformers model: Mistral's own format, adapters"""
_VARIANT = re.compile(r"model\.([\w-]+)\.safetensors")
_VARIANT_INDEX = re.compile(r"model\.safetensors\.index\.([\w-]+)\.json")
_SHARD = re.compile(r".*-\d{5,6}-of-\d{5,6}(\.[\w-]+)?\.safetensors")


@dataclass(frozen=True, slots=True)
class WeightFiles:
    """One set of weights: its files, the file that names them, and the shards that are absent."""

    files: tuple[Path, ...]
    named_by: str
    """a safetensors file, or the index of the shards"""
    lacking: tuple[str, ...] = ()

    @property
    def variant(self) -> str:
        """Return the variant that an index's name contains, or an empty string."""
        found = _VARIANT_INDEX.fullmatch(self.named_by)
        return found[1] if found else ""


def weight_sets(folder: Path, named: str = "") -> Iterator[WeightFiles]:
    """Yield the sets of weights of a folder, the preferred one first."""
    there = sorted(path.name for path in folder.glob("*.safetensors") if path.is_file())
    if named:
        yield from _named(folder, named)
        return
    indices = sorted(path.name for path in folder.glob("*.json") if ".index" in path.name)
    shards: set[str] = set()
    for name in (INDEX, *filter(_VARIANT_INDEX.fullmatch, indices)):
        for found in _indexed(folder, name):
            shards |= {path.name for path in found.files}
            yield found
    whole = [WHOLE, *OPEN_CLIP, *filter(_VARIANT.fullmatch, there)]
    others = [name for name in there if name not in (*whole, *shards) and _is_whole(name)]
    for name in [*whole, *others[: 1 if len(others) == 1 else 0]]:
        if name in there:
            yield WeightFiles((folder / name,), name)


def choose_weights(folder: Path, name: str, *, named: str = "", local: bool = False) -> WeightFiles:
    """Return the weights to load. Raises ModelRefused if no set is complete and undamaged.

    `local` says that the folder is the user's own, so that nothing can be pulled again.
    """
    refusals: list[str] = []
    for each in weight_sets(folder, named):
        refusal = _refusal(each, name, local)
        if not refusal:
            return each
        refusals.append(refusal)
    raise ModelRefused(refusals[0] if refusals else _without(folder, name, named, local))


def check_weights(folder: Path, name: str, *, named: str = "", local: bool = False) -> None:
    """Raise ModelRefused unless the folder holds whole safetensors, every shard of them."""
    choose_weights(folder, name, named=named, local=local)


def weights_bytes(folder: Path | None) -> int:
    """Return what a folder's weights take on disk: about what they take in memory as they are."""
    if folder is None:
        return 0
    chosen = next((each for each in weight_sets(folder) if not each.lacking), None)
    return sum(path.stat().st_size for path in chosen.files) if chosen else 0


def header(path: Path) -> dict[str, Any]:
    """Return the header of an undamaged safetensors file: tensors by name, `__metadata__`."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        return _read_json(file.read(min(length, HEADER_LIMIT))) or {}


def damage(path: Path) -> str:
    """Return what is wrong with a safetensors file by its header and its size, or ""."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(64)
        fault = fault_of_content(start)
        if fault:
            return fault
        length = int.from_bytes(start[:8], "little")
        if size < 8 or length > min(HEADER_LIMIT, size - 8):
            return "is truncated or not a safetensors file"
        file.seek(8)
        read = _read_json(file.read(length))
    if read is None:
        return "has an unreadable header"
    end = 8 + length + max(map(_end, read.values()), default=0)
    if size < end:
        return f"is truncated: {size} bytes of {end}"
    return ""


def again(name: str, local: bool) -> str:
    """Return how to get files again that are absent or damaged."""
    if local:
        return "copy the file into the folder again"
    return f"run `sightline models pull {clean(name)}` again"


def _is_whole(name: str) -> bool:
    part = _SHARD.fullmatch(name) and "-of-00001" not in name and "-of-000001" not in name
    return not part and not OTHER_FORMATS.fullmatch(name)


def _named(folder: Path, named: str) -> Iterator[WeightFiles]:
    if named.endswith(".json"):
        yield from _indexed(folder, named)
    elif (folder / named).is_file() and named.endswith(".safetensors"):
        yield WeightFiles((folder / named,), named)


def _indexed(folder: Path, index: str) -> Iterator[WeightFiles]:
    """Yield the shards that an index names, if there is one; none if it cannot be read."""
    path = folder / index
    read = _read_json(path.read_bytes()) if path.is_file() else None
    placed = read.get("weight_map") if read is not None else None
    if isinstance(placed, dict) and placed:
        shards = sorted({str(shard) for shard in placed.values()})
        absent = [shard for shard in shards if not _inside(folder, shard)]
        files = tuple(folder / shard for shard in shards if shard not in absent)
        yield WeightFiles(files, index, tuple(absent))


def _inside(folder: Path, shard: str) -> bool:
    path = Path(shard)
    safe = not path.is_absolute() and ".." not in path.parts
    return safe and (folder / path).is_file()


def _refusal(found: WeightFiles, name: str, local: bool) -> str:
    if found.lacking:
        way = "copy them into the folder" if local else again(name, local)
        return f"{clean(name)} is only partly on this disk: {_absent(found.lacking)}; {way}"
    for path in found.files:
        wrong = damage(path)
        if wrong:
            return f"{named_file(path, name, local)} {wrong}; {_way_out(wrong, name, local)}"
    return ""


def _way_out(wrong: str, name: str, local: bool) -> str:
    if "Git LFS" in wrong and local:
        return "run `git lfs pull` in its folder, or copy the file itself into it"
    return again(name, local) if local else f"delete it and {again(name, local)}"


def _end(entry: Any) -> int:
    offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
    if isinstance(offsets, list) and len(offsets) == 2 and isinstance(offsets[1], int):
        return offsets[1]
    return 0


def _read_json(text: bytes) -> dict[str, Any] | None:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def _without(folder: Path, name: str, named: str, local: bool) -> str:
    if named:
        return _not_that_one(folder, name, named, local)
    foreign = sorted(
        p.name for p in folder.glob("*.safetensors") if OTHER_FORMATS.fullmatch(p.name)
    )
    if foreign:
        return f"{clean(name)} {foreign_weights(foreign[0])}"
    index = folder / INDEX
    if index.is_file():
        wrong = fault_of(index) or "names no shards"
        return f"{named_file(index, name, local)} {wrong}; {_way_out(wrong, name, local)}"
    several = sorted(path.name for path in folder.glob("*.safetensors"))
    if several:
        shown = clean(", ".join(several), limit=200)
        return (
            f"{clean(name)} has no model.safetensors and no index that names its weights: {shown}"
        )
    pickles = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLES)
    if pickles:
        return f"{clean(name)} {pickled_weights(pickles[0])}"
    way = "" if local else f" in {clean_path(str(folder))}; {again(name, local)}"
    return f"{clean(name)} lacks weights (*.safetensors){way}"


def foreign_weights(file: str) -> str:
    """Return why safetensors in another format cannot be loaded, without the model's name."""
    shown = clean(file, limit=80)
    if file.startswith("adapter_model"):
        return f"has only {shown}, an adapter: choose the model it was merged into"
    return (
        f"has its weights only as {shown}, in Mistral's own format, which transformers does not "
        "load; choose a copy with model.safetensors, or ask a server that loads it (vLLM)"
    )


def pickled_weights(file: str) -> str:
    """Return why a pickle is not loaded, without the model's name."""
    return (
        f"has its weights only as {clean(file, limit=80)}, a pickle, which can run code when read; "
        "choose a revision or a copy with safetensors"
    )


def _not_that_one(folder: Path, name: str, named: str, local: bool) -> str:
    if Path(named).suffix in PICKLES:
        return f"{clean(name)} {pickled_weights(named)}"
    if not (folder / named).is_file():
        return f"{clean(name)} lacks {clean(named, limit=120)}; {again(name, local)}"
    return (
        f"{clean(name)}: {clean(named, limit=120)} is not a safetensors file, and no other format "
        "is loaded; name a file that ends in .safetensors"
    )


def _absent(names: tuple[str, ...]) -> str:
    """Name the first of some absent files and count the others."""
    first, more = clean(names[0]), len(names) - 1
    if not more:
        return f"{first} is absent"
    return f"{first} and {counted(more, 'other file', 'other files')} are absent"
