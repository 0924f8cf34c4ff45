"""Images of queries: a picture, or a frame of a video, whole or a part of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..config.screening_settings import Limits
from ..errors import SourceError, UsageError
from ..inference.frames import SIDE_OF_VECTORS
from ..inference.objects import cut_out
from ..protocol.search_terms import SearchTerm
from ..records import Box, SourceInfo
from ..sources.reader import Reader, again_if_killed
from ..text import clean_path
from ..timecodes import frames_to_seconds, timecode_rate, timecode_to_frames
from ..times import WrittenTime, timecode

Pixels = NDArray[np.uint8]
_ROUNDED = 1e-6


def pixels_of(term: SearchTerm, limits: Limits) -> Pixels:
    """Return RGB, uint8 (height, width, 3), of what an image term names.

    Raises UsageError for a file that cannot be read as it is meant: missing, damaged, too large,
    a video without a time, a time past its end, a box outside of the picture.
    """
    reader = Reader(limits)
    try:
        with _named(term.value):
            return again_if_killed(lambda: _read(reader, term))
    finally:
        reader.close()


def _read(reader: Reader, term: SearchTerm) -> Pixels:
    whole = 0 if term.box else "roughly"
    found = reader.probe(term.value, luma=False, colour=whole)  # type: ignore[arg-type]
    info = replace(found.info, path=term.value)
    if info.kind == "video":
        pixels = _frame(reader, info, term)
    elif found.colour is None:
        raise SourceError("the picture gave no pixels")
    else:
        pixels = found.colour
    return pixels if term.box is None else _part(pixels, info, term)


def _frame(reader: Reader, info: SourceInfo, term: SearchTerm) -> Pixels:
    if term.when is None:
        raise UsageError(
            f"{clean_path(term.value)} is a video; name a frame of it: "
            f"{clean_path(term.value)}@00:01:23.500"
        )
    seconds = seconds_of(info, term.when)
    side = max(info.width, info.height) if term.box else SIDE_OF_VECTORS
    for _, rgb in reader.shown(info, [seconds], side):
        return rgb
    raise UsageError(f"{clean_path(term.value)}: there is no frame at {timecode(seconds)}")


def seconds_of(info: SourceInfo, when: WrittenTime) -> float:
    """Return a time in seconds. Raises UsageError past the end, or for a wrong timecode."""
    seconds = when.seconds + when.tolerance_seconds
    if when.timecode:
        rate = timecode_rate(info.frame_rate or 25.0)
        seconds = frames_to_seconds(timecode_to_frames(when.timecode, rate), rate) + _ROUNDED
    if info.duration_seconds is not None and when.seconds > info.duration_seconds:
        raise UsageError(
            f"{clean_path(info.path)} lasts {timecode(info.duration_seconds)}; there is nothing at "
            f"{timecode(when.seconds)}"
        )
    return seconds


def _part(pixels: Pixels, info: SourceInfo, term: SearchTerm) -> Pixels:
    assert term.box is not None
    x, y, width, height = term.box
    if x >= info.width or y >= info.height:
        raise UsageError(
            f"the box lies outside of {clean_path(term.value)} ({info.width} x {info.height})"
        )
    scale = max(info.width, info.height) / max(pixels.shape[:2])
    return cut_out(pixels, scale, Box("", 1.0, x, y, width, height))


@contextmanager
def _named(path: str) -> Iterator[None]:
    """Name the file in what the reader raises: it is the call that is wrong."""
    try:
        yield
    except SourceError as error:
        raise UsageError(f"the query image {clean_path(path)} cannot be used: {error}") from error
