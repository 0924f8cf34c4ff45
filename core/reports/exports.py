"""Writing a scan's results as files, clips and pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from ..errors import DiskFull, SourceError
from ..records import Moment, SourceInfo
from ..sources.reader import Reader, again_if_killed
from ..stages.thumbnails import make_missing
from ..storage.export.atomic import disk_errors, make_folder, write
from ..storage.library import Library
from ..text import clean_path
from ..views import Piece
from .documents import Filed, documents, summary, with_thumbnails
from .lists import spec_of

ILLUSTRATED = frozenset(("html", "legacy"))


def export(library: Library, scan: int, formats: Sequence[str], folder: Path) -> list[Path]:
    """Write a scan's results and return the files. Raises UsageError or EnvironmentFault."""
    from ..storage.export.table import check_formats, write_scan, write_source

    check_formats(formats)
    wanted = {"statistics": "statistics" in formats or "legacy" in formats}
    written = []
    for filed in documents(library, scan, **wanted):
        written += write_source(filed.document, folder, filed.stem, formats)
    rest = (filed.document for filed in _illustrated(library, scan, formats))
    return written + write_scan(summary(library, scan), rest, folder, formats)


def _illustrated(library: Library, scan: int, formats: Sequence[str]) -> Iterator[Filed]:
    """Yield documents with a thumbnail of each event, where a format shows them."""
    if not ILLUSTRATED.intersection(formats):
        yield from documents(library, scan)
        return
    spec = spec_of(library, scan)
    side = spec.output.thumbnail_pixels
    reader = Reader(spec.limits, threads=0)
    try:
        for filed in documents(library, scan):
            document = filed.document
            # A file that is gone or changed since still has its events, without pictures.
            with suppress(SourceError):
                again_if_killed(
                    partial(
                        make_missing, library.thumbnails, reader, document.source,
                        document.moments, side,
                    )
                )  # fmt: skip
            yield with_thumbnails(library, filed, side)
    finally:
        reader.close()


def export_pieces(library: Library, scan: int, folder: Path, *, pictures: bool) -> Iterator[Piece]:
    """Write one clip (or one picture of the peak) for each event and yield what came of it."""
    spec = spec_of(library, scan)
    reader = Reader(spec.limits, threads=0)
    make_folder(folder)
    try:
        for filed in documents(library, scan):
            info = filed.document.source
            for moment in filed.document.moments:
                name = f"{filed.stem}.{moment.number:03d}.{moment.kind}"
                path = folder / f"{name}.{'jpg' if pictures else 'mp4'}"
                yield _piece(reader, info, moment, path, pictures)
    finally:
        reader.close()


def _piece(reader: Reader, info: SourceInfo, moment: Moment, path: Path, picture: bool) -> Piece:
    try:
        write_one = _one_picture if picture else _one_clip
        written = again_if_killed(partial(write_one, reader, info, moment, path))
    except SourceError as error:
        return Piece(info.path, None, f"no {path.name}: {error}")
    return Piece(info.path, written)


def _one_clip(reader: Reader, info: SourceInfo, moment: Moment, path: Path) -> Path:
    scratch = path.with_name(f".{path.name}.part")
    try:
        reader.clip(info.path, moment.clip_start_seconds, moment.clip_end_seconds, str(scratch))
        with disk_errors(path):
            os.replace(scratch, path)
    except DiskFull as error:
        raise DiskFull(f"{clean_path(str(path))}: {error}") from error
    finally:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
    return path


def _one_picture(reader: Reader, info: SourceInfo, moment: Moment, path: Path) -> Path:
    for image in reader.stills(info, [moment.peak_seconds], max(info.width, info.height)):
        write(path, image.jpeg)
    return path
