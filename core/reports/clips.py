"""Clips and pictures of a scan's events."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from ..errors import DiskFull, SourceError
from ..protocol.views import Piece
from ..records import Event, SourceInfo
from ..sources.reader import Reader, again_if_killed
from ..storage.export.atomic import disk_errors, make_folder, write
from ..storage.library import Library
from ..text import clean, clean_path
from .documents import NamedDocument, documents
from .narrowing import FilteredResults

MOST_NAMED_BYTES = 60
"""of a clip's name, for the numbers of its events"""


def export_pieces(
    library: Library, scan: int, folder: Path, reader: Reader, narrowed: FilteredResults, *,
    pictures: bool,
) -> Iterator[Piece]:  # fmt: skip
    """Write the clips (or one picture of the peak for each event) and yield what came of it.

    Events whose clips overlap share one clip.
    """
    make_folder(folder)
    for filed in documents(library, scan, narrowed=narrowed):
        moments = filed.document.moments
        groups = [(moment,) for moment in moments] if pictures else joined(moments)
        for group in groups:
            yield _piece(reader, filed, group, folder, pictures)


def joined(moments: Sequence[Event]) -> list[tuple[Event, ...]]:
    """Return events in groups whose clips overlap, in order of time."""
    groups: list[list[Event]] = []
    end = 0.0
    for moment in sorted(moments, key=lambda each: (each.clip_start_seconds, each.number)):
        if groups and moment.clip_start_seconds < end:
            groups[-1].append(moment)
            end = max(end, moment.clip_end_seconds)
        else:
            groups.append([moment])
            end = moment.clip_end_seconds
    return [tuple(group) for group in groups]


def piece_name(stem: str, group: Sequence[Event]) -> str:
    """Return the name of a clip without its ending: `b.mp4.002-004+007.flash+motion`.

    The numbers are those of its events; where they are too many, the first and the last and how
    many there are.
    """
    numbers = sorted(moment.number for moment in group)
    named = "+".join(_runs(numbers))
    if len(named) > MOST_NAMED_BYTES:
        named = f"{numbers[0]:03d}-{numbers[-1]:03d}.{len(numbers)}events"
    return f"{stem}.{named}.{'+'.join(sorted({moment.kind for moment in group}))}"


def _runs(numbers: Sequence[int]) -> Iterator[str]:
    first = last = numbers[0]
    for number in (*numbers[1:], numbers[-1] + 2):
        if number == last + 1:
            last = number
            continue
        yield f"{first:03d}" if first == last else f"{first:03d}-{last:03d}"
        first = last = number


def _piece(
    reader: Reader, filed: NamedDocument, group: Sequence[Event], folder: Path, picture: bool
) -> Piece:
    info = filed.document.source
    path = folder / f"{piece_name(filed.stems.plain, group)}.{'jpg' if picture else 'mp4'}"
    try:
        write_one = _one_picture if picture else _one_clip
        how = again_if_killed(partial(write_one, reader, info, group, path))
    except SourceError as error:
        return Piece(info.path, None, f"no {path.name}: {error}", len(group))
    return Piece(info.path, path, "", len(group), clean(how))


def _one_clip(reader: Reader, info: SourceInfo, group: Sequence[Event], path: Path) -> str:
    """Write a clip and return how it was made."""
    scratch = path.with_name(f".{path.name}.part")
    start = min(moment.clip_start_seconds for moment in group)
    end = max(moment.clip_end_seconds for moment in group)
    try:
        made = reader.clip(info.path, start, end, str(scratch), info)
        with disk_errors(path):
            os.replace(scratch, path)
    except DiskFull as error:
        raise DiskFull(f"{clean_path(str(path))}: {error}") from error
    finally:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
    return made.in_words


def _one_picture(reader: Reader, info: SourceInfo, group: Sequence[Event], path: Path) -> str:
    for image in reader.stills(info, [group[0].peak_seconds], max(info.width, info.height)):
        write(path, image.jpeg)
    return ""
