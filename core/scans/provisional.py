"""What seems to be found in a video that is still read: shown until the result is there.

The stages decide over what they have measured so far, as they will over all of it. What lies close
to the end of that may turn out otherwise.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

from ..config.spec import Spec
from ..protocol.state import ProvisionalEvent
from ..records import Candidate, Event, SourceInfo
from ..screening.registry import create
from ..stores.series import SeriesStore
from .events import moments
from .measure import StageSeries
from .results import decide

log = logging.getLogger("sightline.scan")
MOST_EVENTS = 64
"""of one video: those with the highest scores"""
LEAST_SECONDS = 1.0
SHARE = 0.05
"""of the time that a video takes, at most, is spent on deciding in advance"""
WATCHED_SECONDS = 5.0
"""so long after the state was last asked for somebody is taken to look at it"""


class ProvisionalEvents:
    """Decides now and then over what is measured of one video, while somebody looks."""

    def __init__(
        self,
        store: SeriesStore,
        info: SourceInfo,
        spec: Spec,
        tracks: list[StageSeries],
        watched: Callable[[], float],
    ) -> None:
        """`watched` returns when the state was last asked for, by `time.monotonic`."""
        self._store = store
        self._info = info
        self._spec = spec
        self._tracks = [track for track in tracks if getattr(track.stage, "events", False)]
        self._watched = watched
        self._due = time.monotonic() + LEAST_SECONDS
        self.events: tuple[ProvisionalEvent, ...] = ()

    def update(self) -> None:
        """Decide again if it is time to; called between two microbatches."""
        began = time.monotonic()
        if began < self._due or began - self._watched() > WATCHED_SECONDS:
            return
        try:
            found = moments(self._decided(), self._spec.events, None)
            self.events = tuple(_provisional(each) for each in _best(found))
        except Exception:  # a stage that cannot decide over a part must not end the scan
            log.exception("nothing provisional of %s", self._info.path)
            self._due = math.inf
            return
        took = time.monotonic() - began
        self._due = time.monotonic() + max(LEAST_SECONDS, took / SHARE)

    def _decided(self) -> list[Candidate]:
        """Return the candidates so far. Stages of their own decide: those that measure go on."""
        tracks = []
        for track in self._tracks:
            stage = create(track.stage.name)
            stage.open(self._info, self._spec)
            tracks.append(StageSeries(stage, track.header, track.state))
        try:
            return decide(self._store, tracks).candidates
        finally:
            for track in tracks:
                track.stage.close()


def _best(found: tuple[Event, ...]) -> list[Event]:
    best = sorted(found, key=lambda each: -each.score)[:MOST_EVENTS]
    return sorted(best, key=lambda each: each.peak_seconds)


def _provisional(event: Event) -> ProvisionalEvent:
    return ProvisionalEvent(event.kind, event.peak_seconds, event.score)
