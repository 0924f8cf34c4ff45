"""Which files of a folder are its weights, and whether they are whole and safe to read.

A folder may hold several sets of weights, in the order of `weight_order.py`; a named one is the
only one. A set that is damaged or incomplete gives way to the next one, and files outside the
chosen set are not read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ModelRefused
from ..text import clean, clean_path, counted
from . import weight_order
from .text_files import fault_of, fault_of_content
from .text_files import named as named_file
from .weight_order import INDEX, OTHER_FORMATS, VARIANT_INDEX, ReadJson, in_order

HEADER_LIMIT = 100_000_000
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".msgpack", ".h5")


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
        found = VARIANT_INDEX.fullmatch(self.named_by)
        return found[1] if found else ""


def weight_sets(folder: Path, named: str = "") -> Iterator[WeightFiles]:
    """Yield the sets of weights of a folder, the preferred one first."""
    names, read = _names(folder), _reader(folder)
    found = weight_order.named(named, names, read) if named else in_order(names, read)
    for each in found:
        yield WeightFiles(tuple(folder / n for n in each.files), each.named_by, each.lacking)


def _names(folder: Path) -> set[str]:
    """Return the files of a folder, and the safetensors below it, which an index may name."""
    top = {path.name for path in folder.iterdir() if path.is_file()} if folder.is_dir() else set()
    deeper = (folder.glob(f"{above}/*.safetensors") for above in ("*", "*/*"))
    below = (path for paths in deeper for path in paths if path.is_file())
    return top | {path.relative_to(folder).as_posix() for path in below}


def _reader(folder: Path) -> ReadJson:
    return lambda name: _read_json((folder / name).read_bytes())


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
