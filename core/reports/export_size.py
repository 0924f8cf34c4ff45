"""How large clips and pictures of an export would be, from what the library knows of the files."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from ..errors import SourceError, UnknownName
from ..protocol.queries import ExportRequest
from ..protocol.requests.exports import ExportSize
from ..records import Event, SourceInfo
from ..scans.stored_spec import spec_of
from ..sources.reader import again_if_killed
from ..storage.library import Library
from .clips import joined
from .documents import documents
from .lists import newest
from .narrowing import FilteredResults
from .still_readers import StillReaders

MOST_SAMPLES = 3
"""pictures that are made to find out how large they are, each of another source"""


@dataclass
class _Sum:
    events: int = 0
    clips: int = 0
    clip_bytes: float = 0.0
    pixels: int = 0
    """of the full pictures of all events"""
    samples: list[tuple[SourceInfo, Event]] = field(default_factory=list)


def export_size(library: Library, readers: StillReaders, request: ExportRequest) -> ExportSize:
    """Return how large clips and pictures would be. Raises UsageError or UnknownName."""
    scan = request.scan if request.scan is not None else newest(library)
    if scan is None:
        raise UnknownName("this library is empty; run: sightline scan PATH")
    narrowed, found = FilteredResults(library, scan, request.text, request.cut_offs), _Sum()
    for filed in documents(library, scan, narrowed=narrowed, candidates=bool(narrowed.text)):
        source, events = filed.document.source, filed.document.moments
        groups = joined(events)
        found.events += len(events)
        found.clips += len(groups)
        found.clip_bytes += _clip_bytes(source, groups)
        found.pixels += len(events) * source.width * source.height
        if events and len(found.samples) < MOST_SAMPLES:
            found.samples.append((source, events[0]))
    pictures = _picture_bytes(library, readers, scan, found)
    return ExportSize(found.events, found.clips, round(found.clip_bytes), found.events, pictures)


def _clip_bytes(source: SourceInfo, groups: Sequence[Sequence[Event]]) -> float:
    """Return the bytes of clips at the mean bit rate of their file."""
    whole = source.duration_seconds or 0.0
    if whole <= 0:
        return 0.0
    seconds = sum(
        min(max(each.clip_end_seconds for each in group), whole)
        - max(min(each.clip_start_seconds for each in group), 0.0)
        for group in groups
    )
    return source.size_bytes * max(seconds, 0.0) / whole


def _picture_bytes(library: Library, readers: StillReaders, scan: int, found: _Sum) -> int | None:
    """Return the bytes of all pictures, if they have as many for a pixel as those of the sample."""
    made = pixels = 0
    for source, event in found.samples:
        side = max(source.width, source.height)
        at = event.peak_seconds if source.kind == "video" else 0.0
        with suppress(SourceError), readers.lent(spec_of(library, scan).limits) as reader:
            stills = again_if_killed(lambda: list(reader.stills(source, [at], side)))  # noqa: B023
            made += sum(len(still.jpeg) for still in stills)
            pixels += len(stills) * source.width * source.height
    if not pixels:
        return None if found.events else 0
    return round(found.pixels * made / pixels)
