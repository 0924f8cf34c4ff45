"""One index as a file, to be read into another library: its vectors and what they are of.

The file is a NumPy archive without pickles: `vectors` float32 (points, dimension), `frames` int64
and `seconds` float64 (points,), `asked` and `contents` int64 (points,), which count in the lists of
`about`, JSON as bytes. What is imported is kept as if a scan had made it, so a scan of the same
files embeds nothing again.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from ..errors import IndexFault, UsageError
from ..records import SourceInfo
from ..storage.index_state import SpaceRow
from ..storage.library import Library
from ..stores.answers import Annotation, AnswerKey
from ..system.disk_errors import disk_errors
from ..text import clean_path

FORMAT = 1
_BATCH = 1000
_KINDS = {"vectors": "f4", "frames": "i8", "seconds": "f8", "asked": "i8", "contents": "i8"}


def export_index(library: Library, space: SpaceRow, path: Path) -> int:
    """Write an index to a file, whole or not at all, and return how many vectors it holds.

    Raises DiskFull, EnvironmentFault.
    """
    rows = [row for _, row in library.index.vectors(space.id)]
    asked = list(dict.fromkeys(row.asked for row in rows))
    contents = list(dict.fromkeys(row.content for row in rows))
    known, ways = library.index_facts.of(contents), library.index.asked()
    about = {
        "format": FORMAT,
        "space": space.body,
        "asked": [{"identity": ways[each][0], "made_with": ways[each][1]} for each in asked],
        "contents": [
            {"info": json.loads(known[each].info), "paths": known[each].paths} for each in contents
        ],
        "parts": [row.part for row in rows],
    }
    dimension = int(space.body["dimension"])
    arrays: dict[str, NDArray[Any]] = {
        "vectors": np.array([row.vector for row in rows], "f4").reshape(len(rows), dimension),
        "frames": np.array([row.frame for row in rows], "i8"),
        "seconds": np.array([row.seconds for row in rows], "f8"),
        "asked": np.array(_places(asked, [row.asked for row in rows]), "i8"),
        "contents": np.array(_places(contents, [row.content for row in rows]), "i8"),
        "about": np.frombuffer(json.dumps(about).encode(), np.uint8),
    }
    _write(path, arrays)
    return len(rows)


def _places(of: list[Any], values: list[Any]) -> list[int]:
    places = {each: place for place, each in enumerate(of)}
    return [places[each] for each in values]


def _write(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    part = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
    with disk_errors(path):
        try:
            with open(part, "xb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Transferred:
    """An index as a file holds it, checked."""

    about: Mapping[str, Any]
    arrays: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.arrays["frames"])


def read_index(path: Path) -> Transferred:
    """Return what a file holds. Raises UsageError, IndexFault for a file of a newer version."""
    shown = clean_path(str(path))
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in _KINDS}
            about = json.loads(archive["about"].tobytes())
            known = int(about["format"])
    except FileNotFoundError as error:
        raise UsageError(f"{shown}: no such file") from error
    except (OSError, ValueError, KeyError, TypeError, EOFError, RecursionError,
            zipfile.BadZipFile) as error:  # fmt: skip
        raise UsageError(f"{shown} is no index that `sightline index export` wrote") from error
    if known > FORMAT:
        raise IndexFault(
            f"{shown} was written by a newer sightline (format {known}, this one knows {FORMAT}); "
            "update sightline"
        )
    found = Transferred(about, arrays)
    if why := _unsound(found):
        raise UsageError(f"{shown} is damaged: {why}")
    return found


def _unsound(found: Transferred) -> str:
    count, arrays = len(found), found.arrays
    try:
        dimension = int(found.about["space"]["dimension"])
        limits = {name: len(found.about[name]) for name in ("asked", "contents")}
        parts = found.about["parts"]
    except (KeyError, TypeError, ValueError):
        return "its description is incomplete"
    if arrays["vectors"].shape != (count, dimension) or len(parts) != count:
        return "its arrays have different lengths"
    if not all(np.isfinite(arrays[name]).all() for name in ("vectors", "seconds")):
        return "not all of its vectors and times are numbers"
    for name, kind in _KINDS.items():
        if arrays[name].dtype != np.dtype(kind) or len(arrays[name]) != count:
            return f"'{name}' is not what it should be"
    for name, limit in limits.items():
        if count and not (arrays[name].min() >= 0 and arrays[name].max() < limit):
            return f"'{name}' leads to nothing"
    return "" if all(isinstance(each, str) for each in parts) else "its parts are no text"


def import_index(library: Library, found: Transferred, checkpoint: Callable[[], None]) -> int:
    """Keep vectors of a file in a library, to be indexed; return how many. Raises UsageError."""
    try:
        keys = [
            library.annotations.register(
                AnswerKey(_stage(), each["identity"], each.get("made_with", {}))
            )
            for each in found.about["asked"]
        ]
        contents = _remembered(library, found.about["contents"])
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"the file describes sources as no version does ({error})") from error
    for start in range(0, len(found), _BATCH):
        checkpoint()
        for number, key in enumerate(keys):
            rows = range(start, min(start + _BATCH, len(found)))
            own = [row for row in rows if found.arrays["asked"][row] == number]
            notes = [(contents[found.arrays["contents"][row]], _note(found, row)) for row in own]
            library.annotations.keep(key, notes)
    return len(found)


def _stage() -> str:
    from ..config.stages import in_slot

    return in_slot("vector")[0]


def _note(found: Transferred, row: int) -> Annotation:
    arrays = found.arrays
    return Annotation(
        _stage(), int(arrays["frames"][row]), float(arrays["seconds"][row]),
        found.about["parts"][row], {}, arrays["vectors"][row],
    )  # fmt: skip


def _remembered(library: Library, sources: Sequence[Mapping[str, Any]]) -> list[str]:
    """Keep what is known of contents, unless this library knows them, and return the contents."""
    infos = [_info(each["info"]) for each in sources]
    known = library.index_facts.of([each.content for each in infos])
    there = library.index_facts.known_paths()
    library.results.remember(
        (replace(info, path=path), mtime)
        for info, source in zip(infos, sources, strict=True)
        if info.content not in known
        for path, mtime in _new_paths(source["paths"], there)
    )
    return [each.content for each in infos]


def _info(fields: Mapping[str, Any]) -> SourceInfo:
    return SourceInfo(**{**fields, "warnings": tuple(fields.get("warnings", ()))})


def _new_paths(paths: Sequence[tuple[str, int]], there: set[str]) -> list[tuple[str, int]]:
    """Return the paths that lead to no other content here; a name that says so if all do."""
    found = [(str(path), int(mtime)) for path, mtime in paths]
    new = [(path, mtime) for path, mtime in found if path not in there]
    return new or [(f"{path} (imported)", mtime) for path, mtime in found[:1]]
