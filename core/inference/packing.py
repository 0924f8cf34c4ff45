"""Several frames of a video in one question to a VLM: which ones, and how the prompt says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from ..text import counted
from .stage import LazyFrame

PREAMBLE = (
    'These are {frames} of one video, in the order of time. Where "this picture" is asked about, '
    "answer once about all of them together, and say what changes."
)
"""goes before a prompt that does not place `{frames}` itself"""


def rows_together(shown: Sequence[LazyFrame], packing: int, stage: str) -> Iterator[list[int]]:
    """Yield the rows that one question shows: up to `packing` frames of a video on end.

    Which ones depends on their place among all frames shown of the video. Frames that are excluded
    from the stage's model are omitted; a picture is alone.
    """
    rows = (row for row, frame in enumerate(shown) if stage not in frame.gated)

    def group(row: int) -> tuple[str, int, int]:
        place = shown[row].place
        return shown[row].content, *((0, place // packing) if place is not None else (1, row))

    for _, together in groupby(rows, group):
        yield list(together)


def frames_in_words(seconds: Sequence[float], origin: float) -> str:
    """Return `2 frames (1: +0.000 s; 2: +0.250 s)`: their numbers, and times from `origin` on."""
    parts = (f"{n}: {s - origin:+.3f} s" for n, s in enumerate(seconds, 1))
    return f"{counted(len(seconds), 'frame')} ({'; '.join(parts)})"


def time_in_words(seconds: Sequence[float]) -> str:
    """Return the time of a frame, or from which to which several reach."""
    if len(seconds) == 1:
        return f"{seconds[0]:.3f} s"
    return f"{seconds[0]:.3f} s to {seconds[-1]:.3f} s"
