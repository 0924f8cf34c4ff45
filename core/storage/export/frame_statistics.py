"""`statistics`: the per-frame measurements of one source, as a table and as arrays.

The pictures of a scan share one table, without arrays: see `picture_statistics.py`.
"""

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
from .picture_statistics import PictureStatistics
from .statistics_rows import BLOCK_ROWS, cells_of, joined


def render(document: Document, beside: OutputFiles) -> Parts:
    """Return `.statistics.csv` (in pieces: it may be hundreds of megabytes) and `.arrays.npz`."""
    return {
        ".statistics.csv": _table(document.statistics),
        ".arrays.npz": archive(_arrays(document.statistics)),
    }


def _table(stages: tuple[Statistics, ...]) -> Iterator[str]:
    yield rows_text([_header(stages)])
    indices, times, values = joined(stages)
    for start in range(0, len(indices), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        yield rows_text(cells_of(indices[block], times[block], values[block]))


def _header(stages: tuple[Statistics, ...]) -> list[str]:
    named = [text_cell(f"{each.stage}.{column}") for each in stages for column in each.columns]
    return ["frame", "seconds", *named]


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
    pictures_together=PictureStatistics,
)
