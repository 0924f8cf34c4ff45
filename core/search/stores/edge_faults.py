"""What is wrong with a collection of Qdrant Edge, in one line with what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...errors import DiskFull, IndexFault, SightlineError
from ...text import clean

FORMAT = 1
"""of the folder of a collection; a newer one is not opened"""


def fault(error: BaseException, folder: Path) -> SightlineError:
    """Return an error of the package as one of ours."""
    words, where = str(error), clean(str(folder))
    if "WouldBlock" in words:
        return IndexFault(
            f"{where} is open in another process; stop the engine that uses it "
            "(`sightline engine stop`), or wait for it"
        )
    if "No space left" in words or "os error 28" in words:
        return DiskFull(f"{where}: the disk is full; free some space: all vectors are kept")
    return IndexFault(
        f"{where} cannot be used ({clean(words, limit=200)}); `sightline index rebuild` makes it "
        "again from the library"
    )


def about_of(path: Path) -> dict[str, Any]:
    """Return what a collection is. Raises IndexFault if a newer version wrote it, or nobody."""
    where = clean(str(path.parent))
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        known, _ = int(about["format"]), int(about["dimension"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise IndexFault(
            f"{where} is damaged; `sightline index rebuild` makes it again from the library"
        ) from error
    if known > FORMAT:
        raise IndexFault(
            f"{where} was written by a newer sightline (format {known}, this one knows {FORMAT}); "
            "update sightline, or `sightline index rebuild`"
        )
    found: dict[str, Any] = about
    return found
