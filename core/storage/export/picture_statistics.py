"""`statistics` of the pictures of a scan: one table, with the column `source` in front."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .cells import rows_text, text_cell
from .document import Document, Statistics, Summary
from .statistics_rows import BLOCK_ROWS, Joined, cells_of, joined

Names = tuple[str, ...]


class PictureStatistics:
    """Collects the rows of all pictures; a column that only some have is empty for the others."""

    def __init__(self) -> None:
        self._names: Names = ()
        self._kinds: tuple[tuple[str, Names], ...] = ()
        self._waiting: list[tuple[str, tuple[Statistics, ...]]] = []
        self._blocks: list[tuple[Names, str]] = []

    def head(self, summary: Summary) -> str:
        """Return nothing: the columns are known when all pictures were read."""
        return ""

    def body(self, document: Document) -> str:
        """Collect the measurements of a picture."""
        kinds = tuple((each.stage, each.columns) for each in document.statistics)
        if kinds != self._kinds or len(self._waiting) == BLOCK_ROWS:
            self._flush()
            self._kinds = kinds
        self._waiting.append((document.source.path, document.statistics))
        return ""

    def tail(self, summary: Summary) -> str:
        """Return the table."""
        self._flush()
        head = rows_text([["source", "frame", "seconds", *map(text_cell, self._names)]])
        return head + "".join(self._arranged(names, text) for names, text in self._blocks)

    def _flush(self) -> None:
        """Turn what was collected into text, which takes less memory."""
        names = tuple(f"{stage}.{column}" for stage, columns in self._kinds for column in columns)
        if self._waiting:
            self._names += tuple(name for name in names if name not in self._names)
            self._blocks.append((names, rows_text(_rows(self._waiting))))
        self._waiting = []

    def _arranged(self, names: Names, text: str) -> str:
        """Return the rows of a block with the columns of all blocks."""
        if names == self._names:
            return text
        places = [names.index(name) if name in names else None for name in self._names]
        rows = csv.reader(io.StringIO(text))
        return rows_text(
            [*row[:3], *("" if place is None else row[3 + place] for place in places)]
            for row in rows
        )


def _rows(waiting: Sequence[tuple[str, tuple[Statistics, ...]]]) -> Iterator[list[object]]:
    parts = [_joined(stages) for _, stages in waiting]
    sources = [text_cell(path) for (path, _), part in zip(waiting, parts, strict=True)
               for _ in range(len(part[0]))]  # fmt: skip
    whole = tuple(np.concatenate([part[place] for part in parts]) for place in range(3))
    for source, row in zip(sources, cells_of(*whole), strict=True):
        yield [source, *row]


def _joined(stages: tuple[Statistics, ...]) -> Joined:
    """Return what `joined` does, faster for a picture of one frame."""
    if not stages or any(len(each.indices) != 1 or each.indices[0] for each in stages):
        return joined(stages)
    values: NDArray[np.float32] = np.concatenate([each.values for each in stages], axis=1)
    return stages[0].indices, stages[0].seconds, values
