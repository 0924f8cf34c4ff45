"""Files with several video streams: which of them a scan looks at, each as a source of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..errors import SourceError
from ..sources.find import PICTURE_SUFFIXES
from ..sources.locator import FoundFile

if TYPE_CHECKING:
    from ..config.spec import Spec
    from ..sources.reader import Reader

Streamed = tuple[FoundFile, int | None]
"""a file, and the number of the video stream that is looked at; None where the file chooses"""


def with_streams(found: Sequence[FoundFile], spec: Spec) -> list[Streamed]:
    """Return each file with the stream that is looked at; with 'all', once for each of several.

    A file that cannot be opened now is kept: reading it says why.
    """
    wanted = spec.sampling.stream
    if wanted != "all":
        number = None if wanted == "auto" else int(wanted)
        return [(item, None if _is_picture(item.path) else number) for item in found]
    from ..sources.reader import Reader

    reader = Reader(spec.limits)
    try:
        return [(item, stream) for item in found for stream in _streams(reader, item.path)]
    finally:
        reader.close()


def _streams(reader: Reader, path: str) -> Iterator[int | None]:
    if _is_picture(path):
        yield None
        return
    try:
        count = reader.streams(path)
    except SourceError:
        count = 1
    yield from range(count) if count > 1 else (None,)


def _is_picture(path: str) -> bool:
    return os.path.splitext(path)[1].lower() in PICTURE_SUFFIXES
