"""Where in a content its events are, and how many events of a scan have which score."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ..protocol.requests.review import Density, GetDensity, GetHistogram, Histogram, KindDensity
from ..storage.library import Library
from .content_scans import scan_over
from .pages import check_scan

_ROUNDING = 1e-9
"""a score of 0.29 lies in the part that begins with 0.29, whatever its float is"""


def density(library: Library, request: GetDensity) -> Density:
    """Return where in a content its events and candidates are. Raises UnknownName."""
    scan, spec_hash = scan_over(library, request.content, request.scan)
    found = library.event_scores.peaks(request.content, spec_hash)
    info = library.results.info(request.content, "")
    last = max((peak.seconds for peak in found), default=0.0)
    length = max(info.duration_seconds or 0.0, last)
    kinds = sorted({peak.kind for peak in found})
    made = []
    for kind in kinds:
        events, rejected = (
            [peak for peak in found if peak.kind == kind and peak.accepted == accepted]
            for accepted in (True, False)
        )
        places = _places([peak.seconds for peak in events], length, request.bins)
        scores = np.zeros(request.bins)
        np.maximum.at(scores, places, [peak.score for peak in events])
        others = _places([peak.seconds for peak in rejected], length, request.bins)
        made.append(
            KindDensity(
                kind, _counts(places, request.bins), tuple(scores.tolist()),
                _counts(others, request.bins),
            )
        )  # fmt: skip
    return Density(scan, length, tuple(made))


def histogram(library: Library, request: GetHistogram) -> Histogram:
    """Return how many events of a scan have which score. Raises UnknownName."""
    check_scan(library, request.scan)
    scores = library.event_scores.of_scan(request.scan, request.kind).values()
    every = np.concatenate([np.zeros(0), *scores])
    said = library.judgements.scores_of_scan(request.scan, "moments")

    def counts(values: NDArray[np.float64] | list[float]) -> tuple[int, ...]:
        return _counts(_places(values, 1.0, request.bins), request.bins)

    right, wrong, unsure = (
        counts([score for kind, score, judgement in said
                if judgement == word and request.kind in ("", kind)])
        for word in ("right", "wrong", "unsure")
    )  # fmt: skip
    return Histogram(request.scan, request.kind, request.bins, counts(every), right, wrong, unsure)


def _places(
    values: Iterable[float] | NDArray[np.float64], whole: float, bins: int
) -> NDArray[np.int64]:
    """Return which of equal parts of a whole each value lies in; int64 (values,)."""
    array = np.nan_to_num(np.asarray(values, np.float64))
    places = np.floor(array / whole * bins + _ROUNDING) if whole else np.zeros(len(array))
    return np.asarray(places.clip(0, bins - 1), np.int64)


def _counts(places: NDArray[np.int64], bins: int) -> tuple[int, ...]:
    return tuple(np.bincount(places, minlength=bins).tolist())
