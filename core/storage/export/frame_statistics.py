"""`statistics`: the per-frame measurements of one source, as a table and as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import archive
from .cells import rows_text, text_cell
from .document import Document, Statistics
from .format import Format
from .parts import OutputFiles, Parts
from .shapes import seconds

_BLOCK_ROWS = 4096


def render(document: Document, beside: OutputFiles) -> Parts:
    """Return `.statistics.csv` (in pieces: it may be hundreds of megabytes) and `.arrays.npz`."""
    return {
        ".statistics.csv": _table(document.statistics),
        ".arrays.npz": archive(_arrays(document.statistics)),
    }


def _table(stages: tuple[Statistics, ...]) -> Iterator[str]:
    yield rows_text([_header(stages)])
    indices, times, values = _joined(stages)
    for start in range(0, len(indices), _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        yield rows_text(_rows(indices[block], times[block], values[block]))


def _header(stages: tuple[Statistics, ...]) -> list[str]:
    named = [text_cell(f"{each.stage}.{column}") for each in stages for column in each.columns]
    return ["frame", "seconds", *named]


def _joined(
    stages: tuple[Statistics, ...],
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float32]]:
    """Every frame that any stage measured; NaN where a stage did not."""
    found = [np.zeros(0, np.int64), *(each.indices for each in stages)]
    indices = np.unique(np.concatenate(found)).astype(np.int64)
    times = np.full(len(indices), np.nan, np.float64)
    values = np.full((len(indices), sum(len(each.columns) for each in stages)), np.nan, np.float32)
    column = 0
    for each in stages:
        rows = np.searchsorted(indices, each.indices)
        times[rows] = np.where(np.isnan(times[rows]), each.seconds, times[rows])
        values[rows, column : column + len(each.columns)] = each.values
        column += len(each.columns)
    return indices, times, values


def _rows(
    indices: NDArray[np.int64], times: NDArray[np.float64], values: NDArray[np.float32]
) -> Iterator[list[object]]:
    # The shortest text that reads back as the same float32.
    cells = np.where(np.isfinite(values), values.astype(str), "").tolist()
    for index, time, row in zip(indices.tolist(), times.tolist(), cells, strict=True):
        yield [index, seconds(time), *row]


def _arrays(stages: tuple[Statistics, ...]) -> Iterator[tuple[str, NDArray[Any]]]:
    for each in stages:
        yield f"{each.stage}.columns", np.array(each.columns, dtype=np.str_)
        yield f"{each.stage}.indices", np.asarray(each.indices, dtype="<i8")
        yield f"{each.stage}.seconds", np.asarray(each.seconds, dtype="<f8")
        yield f"{each.stage}.values", np.ascontiguousarray(each.values, dtype="<f4")


FORMAT = Format(
    "statistics",
    ".statistics.csv",
    "source",
    "per-frame measurements, as a table and as NumPy arrays (.arrays.npz)",
    render,
    statistics=True,
    candidates=False,
)
