"""Files the user asked for: written whole, and never over what is there."""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import count
from pathlib import Path

from core.errors import EnvironmentFault
from core.text import clean_path

LONGEST_STEM = 120


def free_path(path: Path) -> Path:
    """Return `path`, or the first of `name-2`, `name-3` ... beside it that is not there."""
    if not os.path.lexists(path):
        return path
    beside = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(2))
    return next(each for each in beside if not os.path.lexists(each))


def write_new(path: Path, data: bytes) -> Path:
    """Write `data` to `path` or a new name beside it; return which. Raises EnvironmentFault."""
    scratch = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        scratch.write_bytes(data)
        return _named(scratch, path)
    except OSError as error:
        raise EnvironmentFault(f"{clean_path(str(path))}: {error.strerror}") from error
    finally:
        with suppress(OSError):
            scratch.unlink()


def plain_stem(path: str) -> str:
    """Return the name of a source without its ending, fit to begin the name of another file."""
    stem = "".join(char if char.isprintable() else "_" for char in Path(path).stem)
    kept = stem.encode("utf-8", "replace")[:LONGEST_STEM].decode("utf-8", "ignore")
    return kept.lstrip(".") or "frame"


def _named(scratch: Path, path: Path) -> Path:
    """Give the whole file its name; a name taken meanwhile is not taken away."""
    while True:
        target = free_path(path)
        try:
            os.link(scratch, target)
        except FileExistsError:
            continue
        except PermissionError:  # a disk without links
            os.replace(scratch, target)
        return target
