"""A scan's documents narrowed down by a filter, as a list of results is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import cast

from ..protocol.queries import ListResults, What
from ..records import Candidate, Event
from ..storage.export.document import Document, FrameNotes
from ..storage.library import Library
from . import filters
from .pages import wanted_of


class FilteredResults:
    """What of each source of a scan a filter lets through; an empty one lets all through.

    A source is kept for its events, or for frames that models spoke of; for candidates alone only
    where rejected ones are asked for. A filter with conditions that only events fulfil (a kind, a
    score) keeps what models said about frames inside of these events. Raises UsageError for a
    filter that is none.
    """

    def __init__(self, library: Library, scan: int, text: str) -> None:
        self.text = " ".join(text.split())
        asked = filters.parse(self.text)
        self._within = asked.about_events
        alone: tuple[What, ...] = ("candidates",) if asked.accepted is False else ()
        self._keeping: tuple[What, ...] = ("events", "frames", *alone)
        lists: Sequence[What] = ("events", "candidates", "frames") if self.text else ()
        self._kept = {what: _by_task(library, scan, self.text, what) for what in lists}

    @property
    def tasks(self) -> set[int] | None:
        """Numbers of the sources of which something is kept; None for all."""
        if not self.text:
            return None
        return {task for what in self._keeping for task in self._kept[what]}

    def moments_of(self, task: int, total: int) -> int:
        """Return how many of a source's events are kept."""
        return len(self._kept["events"].get(task, ())) if self.text else total

    def document(self, task: int, document: Document) -> Document | None:
        """Return a source's document with what is kept; None where that is nothing."""
        if not self.text:
            return document
        events, numbers, frames = (self._kept[what].get(task, set()) for what in self._kept)
        moments = tuple(each for each in document.moments if each.number in events)
        candidates = tuple(each for n, each in enumerate(document.candidates) if n in numbers)
        frame_notes = tuple(self._looks(document.frame_notes, frames, moments))
        if not (moments or frame_notes or (candidates and "candidates" in self._keeping)):
            return None
        judged = [
            place
            for place, verdict in enumerate(document.verdicts)
            if _inside(int(verdict["frame"]), candidates)
        ]
        return replace(
            document, moments=moments, candidates=candidates, frame_notes=frame_notes,
            verdicts=tuple(document.verdicts[n] for n in judged),
            verdict_lines=tuple(document.verdict_lines[n] for n in judged), narrowed=self.text,
        )  # fmt: skip

    def _looks(
        self, frame_notes: Sequence[FrameNotes], frames: set[int], moments: Sequence[Event]
    ) -> Iterable[FrameNotes]:
        for notes in frame_notes:
            if notes.frame in frames and (not self._within or _inside(notes.frame, moments)):
                yield notes


def _by_task(library: Library, scan: int, text: str, what: str) -> dict[int, set[int]]:
    keys = library.listings.keys(wanted_of(ListResults(cast("What", what), scan, text), scan))
    found: dict[int, set[int]] = {}
    for task, number in keys.window(0, len(keys)):
        found.setdefault(task, set()).add(number)
    return found


def _inside(frame: int, stretches: Sequence[Event | Candidate]) -> bool:
    return any(each.start_frame <= frame <= each.end_frame for each in stretches)
