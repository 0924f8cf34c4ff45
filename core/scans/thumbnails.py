"""Small pictures of moments: made once, when they are first wanted, and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..records import Event, SourceInfo
from ..sources.reader import Reader
from ..stores.results import ThumbnailStore


def make_missing(
    thumbnails: ThumbnailStore,
    reader: Reader,
    info: SourceInfo,
    moments: Iterable[Event],
    longest_side: int,
    made: Callable[[], None] = lambda: None,
) -> None:
    """Decode and keep the peaks that have no thumbnail yet; `made` is called after each.

    Decoding costs up to as much as a screening did, since a peak is reached from the keyframe
    before it. Raises SourceError or DiskFull.
    """
    wanted = {
        moment.peak_seconds
        for moment in moments
        if not thumbnails.has(info.content, moment.peak_seconds, longest_side, info.pixels)
    }
    if not wanted:
        return
    for still in reader.stills(info, sorted(wanted), longest_side):
        thumbnails.put(info.content, still.wanted_seconds, longest_side, still.jpeg, info.pixels)
        made()
