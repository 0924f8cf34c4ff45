"""Hits of searches as JSON rows that any front end can show."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..protocol.requests.search import SearchReply
from ..records import Candidate, asked_stream
from ..search.found import Listed
from ..search.fusion import WEIGHTS
from ..search.searching import Match
from ..storage.found_sources import FoundSource
from ..storage.library import Library

_DIGITS = 6


def rows_of(library: Library, listed: Sequence[Listed], *, passing: int) -> list[dict[str, Any]]:
    """Return rows; the first `passing` of them pass the cut-off."""
    contents = list(dict.fromkeys(each.match.place.content for each in listed))
    sources = library.found_sources.of(contents)
    scans = library.content_scans.newest_of(contents)
    return [
        _row(library, each, sources, scans) | {"passes": place < passing}
        for place, each in enumerate(listed)
    ]


def with_paths(library: Library, reply: SearchReply) -> SearchReply:
    """Return a reply whose rows say where their files are now, or that they are gone."""
    rows = tuple(map(_with_path, reply.rows))
    best = _with_path(reply.best) if reply.best is not None else None
    return replace(reply, rows=rows, best=best)


def _with_path(row: Mapping[str, Any]) -> dict[str, Any]:
    paths = row["paths"]
    here = next((path for path in reversed(paths) if os.path.lexists(path)), None)
    return {**row, "path": here or (paths[-1] if paths else ""), "gone": here is None}


def _row(
    library: Library, listed: Listed, sources: Mapping[str, FoundSource],
    scans: Mapping[str, tuple[int, str]],
) -> dict[str, Any]:  # fmt: skip
    match, place = listed.match, listed.match.place
    source = sources.get(place.content)
    said = library.found_sources.said(place.content, place.frame)
    scan = scans.get(place.content)
    return {
        "key": f"{place.content}:{place.frame}:{place.part}",
        "content": place.content,
        "paths": source.paths if source is not None else [],
        "kind": source.kind if source is not None else "",
        "captured": source.captured if source is not None else None,
        "camera": source.camera if source is not None else "",
        "scan": scan[0] if scan is not None else None,
        "stream": asked_stream(place.content),
        "frame": place.frame,
        "seconds": match.seconds,
        "start_frame": listed.start_frame,
        "end_frame": listed.end_frame,
        "start_seconds": listed.start_seconds,
        "end_seconds": listed.end_seconds,
        "hits": listed.hits,
        "caption": said.get("caption", ""),
        "tags": _tags(said.get("tags", "")),
        **_measured(match),
        **_event(listed),
    }


def _measured(match: Match) -> dict[str, Any]:
    hit = match.image or match.object
    box = match.object.part if match.object is not None else match.place.part
    return {
        "score": round(match.ranks.score, _DIGITS),
        "cosine": _rounded(hit.cosine) if hit is not None else None,
        "z": _rounded(hit.z) if hit is not None else None,
        "probability": hit.probability if hit is not None else None,
        "box": [float(each) for each in box.split(",")] if box.count(",") == 3 else None,
        "label": match.object.label if match.object is not None else "",
        "why": list(_why(match)),
    }


def _why(match: Match) -> Iterator[dict[str, Any]]:
    for name, each in match.ranks.ranks.items():
        yield {"list": name, "rank": each.rank, "value": _rounded(each.value),
               "weight": WEIGHTS[name]}  # fmt: skip


def _event(listed: Listed) -> dict[str, Any]:
    event = listed.event
    if event is None:
        return {"event": None}
    rejected = isinstance(event, Candidate) and not event.accepted
    return {
        "event": {
            "number": listed.number, "kind": event.kind, "score": event.score,
            "peak_frame": event.peak_frame, "peak_seconds": event.peak_seconds,
            "accepted": not rejected,
            "reason": event.reason if isinstance(event, Candidate) else "",
        }
    }  # fmt: skip


def _tags(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
