"""Two settings decided over one file: from stored measurements, else by reading that file."""

from __future__ import annotations

import os
import tempfile
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from ..config.profiles import resolve
from ..config.spec import Spec
from ..config.stages import declaration
from ..errors import UnknownName, UsageError
from ..pipeline.channel import Control
from ..pipeline.runner import StepReport
from ..protocol.addresses import absolute
from ..protocol.requests.trials import (
    EVENTS_OF_A_PART,
    KeptJudgements,
    TrialProgress,
    Tried,
    TriedEvent,
    TriedPart,
    TryProfile,
)
from ..records import Event, SourceInfo
from ..scans.events import moments
from ..scans.measure import StageSeries, measure_video, open_series
from ..scans.results import decide
from ..screening.registry import versions
from ..sources.locator import locate
from ..sources.reader import Reader
from ..storage.judgements import Judged
from ..storage.library import Library
from ..stores.series import SeriesStore
from ..text import clean_path
from ..times import WrittenTime
from .instant import located, naming

_ROUNDING = 1e-9
Part = TrialProgress | TriedPart | Tried


@dataclass(frozen=True, slots=True)
class _Found:
    events: tuple[Event, ...]
    was_read: bool


class Trial:
    """Carries out one request, in the thread that calls `run`."""

    def __init__(self, library: Library, request: TryProfile) -> None:
        """Raises ProfileError, UnknownName, UsageError."""
        self._library = library
        self._saved = resolve(request.against or request.profile)
        self._now = resolve(request.profile, request.overrides)
        self._path = absolute(request.path)
        self._control = Control()
        self._reader: Reader | None = None

    def run(self, put: Callable[[Part], None]) -> None:
        """Hand over progress, events and the sums. Raises SourceError, Cancelled."""
        with ExitStack() as stack, naming(self._path):
            self._reader = stack.enter_context(closing(Reader(self._now.limits)))
            info = self._info()
            if info.kind != "video":
                raise UsageError("this is a picture; events are found in videos only")
            saved = self._found(info, self._saved, put)
            now = self._found(info, self._now, put) if self._now != self._saved else saved
        judged = self._library.judgements.of_content(info.content)
        margin = self._now.events.merge_seconds
        events = [
            *_compared(saved.events, now.events, judged, margin, now=False),
            *_compared(now.events, saved.events, judged, margin, now=True),
        ]
        for start in range(0, len(events), EVENTS_OF_A_PART):
            put(TriedPart(tuple(events[start : start + EVENTS_OF_A_PART])))
        put(Tried(
            info.path, info.duration_seconds or 0.0, saved.was_read or now.was_read,
            _kept(judged, saved.events, now.events, margin), _note(self._saved, self._now),
        ))  # fmt: skip

    def end(self) -> None:
        """Stop as soon as can be; any thread may call this."""
        self._control.cancel()
        if self._reader is not None:
            self._reader.close()

    def _info(self) -> SourceInfo:
        """Return what the file is: as the library knows it, else as it says itself."""
        if not os.path.lexists(self._path):
            path, _, _, result = located(self._library, self._path, WrittenTime(0.0))
            return self._library.results.info(result.content, path)
        if os.path.isdir(self._path):
            raise UsageError(f"{clean_path(self._path)} is a folder; name one file in it")
        content = locate(self._path).content()
        known = self._library.results.infos({content: self._path})
        assert self._reader is not None
        rate = self._now.sampling.raw_rate
        return known.get(content) or self._reader.probe(self._path, raw_rate=rate).info

    def _found(self, info: SourceInfo, spec: Spec, put: Callable[[Part], None]) -> _Found:
        """Return the events that a spec finds; those of a scan with the same spec as they are."""
        kept = self._library.results.get(info.content, spec.hash())
        whole = kept is not None and not kept.failure and not _verifying(spec)
        if (
            kept is not None
            and whole
            and kept.measured_by(versions(spec.screening_stages), info.timing)
        ):
            return _Found(kept.moments, was_read=False)
        with ExitStack() as stack:
            store, was_read = self._library.series, False
            tracks = _opened(store, info, spec)
            if any(not track.state.complete for track in tracks):
                store, was_read = stack.enter_context(_beside()).series, True
                _close(tracks)
                tracks = _opened(store, info, spec)
                self._measure(store, info, spec, tracks, put)
            found = decide(store, tracks).candidates
            _close(tracks)
        return _Found(moments(found, spec.events, info.duration_seconds), was_read)

    def _measure(
        self, store: SeriesStore, info: SourceInfo, spec: Spec, tracks: list[StageSeries],
        put: Callable[[Part], None],
    ) -> None:  # fmt: skip
        def progress(done: int, _steps: list[StepReport]) -> None:
            put(TrialProgress(done, info.frame_count or 0))

        assert self._reader is not None
        measure_video(store, self._reader, info, spec, tracks, self._control, progress)


@contextmanager
def library_or_none_yet(folder: Path) -> Iterator[Library]:
    """Give a library to read; an empty one, gone afterwards, before the first scan made it."""
    with ExitStack() as stack:
        try:
            library = stack.enter_context(closing(Library(folder, writable=False)))
        except UnknownName:
            library = stack.enter_context(_beside())
        yield library


@contextmanager
def _beside() -> Iterator[Library]:
    """Give a library that is gone afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="sightline-trial-") as folder,
        closing(Library(Path(folder))) as library,
    ):
        yield library


def _opened(store: SeriesStore, info: SourceInfo, spec: Spec) -> list[StageSeries]:
    """Open the stages whose candidates become events."""
    tracks = open_series(store, info, spec)
    wanted = [track for track in tracks if declaration(track.stage.name).events]
    _close([track for track in tracks if track not in wanted])
    return wanted


def _close(tracks: Sequence[StageSeries]) -> None:
    for track in tracks:
        track.stage.close()


def _compared(
    own: Sequence[Event], others: Sequence[Event], judged: Sequence[Judged], margin: float,
    *, now: bool,
) -> Iterator[TriedEvent]:  # fmt: skip
    shared = set(_shared(own, others))
    said = {id(event): "" for event in own}
    for peak, event in _events_of(judged, own, margin):
        said[id(event)] = peak.judgement
    for event in own:
        yield TriedEvent(
            now, event.kind, event.start_seconds, event.peak_seconds, event.end_seconds,
            event.score, id(event) not in shared, said[id(event)],
        )  # fmt: skip


def _shared(own: Sequence[Event], others: Sequence[Event]) -> Iterator[int]:
    """Yield the ids of events that share a frame with one of their kind among the others."""
    for kind in {event.kind for event in own}:
        theirs = sorted((e for e in others if e.kind == kind), key=lambda e: e.start_frame)
        starts = [event.start_frame for event in theirs]
        ends = list(accumulate((event.end_frame for event in theirs), max))
        for event in own:
            place = bisect_right(starts, event.end_frame) - 1
            if event.kind == kind and place >= 0 and ends[place] >= event.start_frame:
                yield id(event)


def _events_of(
    judged: Sequence[Judged], events: Sequence[Event], margin: float
) -> Iterator[tuple[Judged, Event]]:
    """Yield each judged peak with the nearest event of its kind within the margin, if any."""
    by_kind: dict[str, list[Event]] = {}
    for event in sorted(events, key=lambda each: each.start_seconds):
        by_kind.setdefault(event.kind, []).append(event)
    starts = {kind: [each.start_seconds for each in some] for kind, some in by_kind.items()}
    for peak in judged:
        some = by_kind.get(peak.kind, [])
        last = bisect_right(starts.get(peak.kind, []), peak.seconds + margin + _ROUNDING)
        near = [e for e in some[max(last - 2, 0) : last]
                if e.end_seconds >= peak.seconds - margin - _ROUNDING]  # fmt: skip
        if near:
            yield peak, min(near, key=lambda each: abs(each.peak_seconds - peak.seconds))


def _kept(
    judged: Sequence[Judged], saved: Sequence[Event], now: Sequence[Event], margin: float
) -> KeptJudgements:
    def counts(peaks: Iterable[Judged]) -> tuple[int, int]:
        said = [peak.judgement for peak in peaks]
        return said.count("right"), said.count("wrong")

    found = ((peak for peak, _ in _events_of(judged, each, margin)) for each in (saved, now))
    return KeptJudgements(*counts(judged), *(count for each in found for count in counts(each)))


def _note(*specs: Spec) -> str:
    """Return what the comparison leaves out: stages with models may reject events."""
    names = [name for spec in specs for name in _verifying(spec)]
    return f"without {', '.join(dict.fromkeys(names))}" if names else ""


def _verifying(spec: Spec) -> list[str]:
    return [name for name in spec.stages if declaration(name).role == "verification"]
