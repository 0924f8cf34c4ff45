"""A scan's documents narrowed down by a filter, as a list of results is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..protocol.queries import What
from ..records import Candidate, Event
from ..storage.conditions import Condition
from ..storage.export.document import Document
from ..storage.library import Library
from ..storage.listings import RowSelection
from . import filters
from .duplicates import resolved
from .filter_kinds import check_kind_names, check_kinds
from .pages import KINDS, CutOffs, above


class FilteredResults:
    """What of each source of a scan a filter lets through; an empty one lets all through.

    A source is kept for its events, or for frames that models answered about; for candidates alone
    only where rejected ones are asked for. Of a filter with conditions on events (a kind, a score),
    frames are kept that fulfil the others and are inside of such an event, and frames that fulfil
    all of them themselves (by the score of a tag or box). Raises UsageError for a filter that is
    none.
    """

    def __init__(self, library: Library, scan: int, text: str, cut_offs: CutOffs = ()) -> None:
        check_kind_names(library, (kind for kind, _ in cut_offs))
        cuts = (f"{kind} from {least:g}" for kind, least in cut_offs)
        self.text = ", ".join((*filter(None, (text.strip(),)), *cuts))
        asked = filters.parse(text.strip())
        asked = filters.Filter(asked.conditions + above(cut_offs))
        check_kinds(library, asked.conditions)
        alone: tuple[What, ...] = ("candidates",) if asked.wants_rejected else ()
        self._keeping: tuple[What, ...] = ("events", "frames", *alone)
        lists: Sequence[What] = ("events", "candidates", "frames") if self.text else ()
        self._kept = {what: _by_task(library, scan, asked.conditions, what) for what in lists}
        self._inside = (
            _by_task(library, scan, asked.about_frames, "frames") if asked.about_events else {}
        )
        """frames that are kept where they are inside of a kept event"""

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
        inside = self._inside.get(task, set())
        frame_notes = tuple(
            notes
            for notes in document.frame_notes
            if notes.frame in frames or (notes.frame in inside and _inside(notes.frame, moments))
        )
        if not (moments or frame_notes or (candidates and "candidates" in self._keeping)):
            return None
        judged = [
            place
            for place, verdict in enumerate(document.verdicts)
            if _inside(int(verdict["frame"]), candidates)
        ]
        said = document.candidate_judgements
        return replace(
            document, moments=moments, candidates=candidates,
            event_judgements=_only(document.event_judgements, events),
            candidate_judgements=tuple(each for n, each in enumerate(said) if n in numbers),
            frame_notes=frame_notes,
            verdicts=tuple(document.verdicts[n] for n in judged),
            verdict_lines=tuple(document.verdict_lines[n] for n in judged), narrowed=self.text,
        )  # fmt: skip


def _by_task(
    library: Library, scan: int, conditions: tuple[Condition, ...], what: What
) -> dict[int, set[int]]:
    asked = RowSelection(scan, KINDS[what], resolved(library, scan, conditions))
    keys = library.listings.keys(asked)
    found: dict[int, set[int]] = {}
    for task, number in keys.window(0, len(keys)):
        found.setdefault(task, set()).add(number)
    return found


def _only(said: Mapping[int, str], numbers: set[int]) -> dict[int, str]:
    return {number: judgement for number, judgement in said.items() if number in numbers}


def _inside(frame: int, stretches: Sequence[Event | Candidate]) -> bool:
    return any(each.start_frame <= frame <= each.end_frame for each in stretches)
