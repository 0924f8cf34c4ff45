"""Reading many pictures with one reader: measured where they are decoded, one reply each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ReaderDied, SightlineError
from ..records import SourceInfo
from .locator import locate
from .reader import Reader, ReadingStopped, info_of, raised


@dataclass(frozen=True, slots=True)
class Measured:
    """A picture that was read and measured: float32, the values of all stages in a row.

    What proves to be a video has none.
    """

    info: SourceInfo
    values: NDArray[np.float32]


def read_pictures(
    reader: Reader, paths: Sequence[str], measure: str, settings: dict[str, Any]
) -> Iterator[Measured | SightlineError]:
    """Yield of each path, in order, what it is and what was measured, or why it cannot be read.

    `measure` names who measures in the reader process, see `picture_requests`. A file that ends
    the process costs itself only. Raises ReadingStopped, EnvironmentFault.
    """
    done = 0
    while done < len(paths):
        answered = done
        try:
            for each in _read(reader, paths[done:], measure, settings):
                done += 1
                yield each
        except ReadingStopped:
            raise
        except ReaderDied as error:
            done += 1
            yield error
        if done == answered:
            raise ReaderDied("the decoder ended without a reply about the file")


def _read(
    reader: Reader, paths: Sequence[str], measure: str, settings: dict[str, Any]
) -> Iterator[Measured | SightlineError]:
    request = {
        "paths": [locate(path).local_path() for path in paths], "measure": measure,
        "settings": settings, "luma": True, "colour": None, "stream": None, "raw_rate": None,
    }  # fmt: skip
    for header, payload in reader.ask("pictures", **request):
        if header["kind"] == "unread":
            yield raised(header)
        elif header["kind"] == "measured":
            values = np.frombuffer(payload, "<f4", len(payload) // 4)
            yield Measured(info_of(header), values)
