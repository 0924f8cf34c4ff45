"""What is stored beside a vector, so that it can be filtered and shown: see `stores.fields`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from ..storage.index_facts import ContentFacts
from ..storage.index_state import VectorRow
from ..text import readable
from .stores.fields import epoch


class Payloads:
    """Payloads of the points of one content."""

    def __init__(self, facts: ContentFacts, model: str) -> None:
        self._facts = facts
        self._shared = _of_content(facts) | {"model": model}
        self._tags = _tags(facts)
        self._objects = dict(_objects(facts))

    def of(self, row: VectorRow) -> dict[str, Any]:
        """Return the payload of one vector."""
        payload = {
            **self._shared,
            "frame": row.frame,
            "seconds": row.seconds,
            "part": "object" if row.part else "frame",
        }
        if tags := self._tags.get(row.frame):
            payload["tag"] = tags
        if row.part:
            payload |= self._object(row)
        score = self._score(row.seconds)
        return payload if score is None else payload | {"score": score}

    def _object(self, row: VectorRow) -> dict[str, Any]:
        label = self._objects.get((row.frame, row.part))
        box = [float(each) for each in row.part.split(",")] if row.part.count(",") == 3 else None
        return ({"label": label} if label else {}) | ({"box": box} if box else {})

    def _score(self, seconds: float) -> float | None:
        """Return the highest score of an event at a time."""
        scores = [score for start, end, score in self._facts.events if start <= seconds <= end]
        return max(scores, default=None)


def _of_content(facts: ContentFacts) -> dict[str, Any]:
    paths = present_paths(facts)
    found: dict[str, Any] = {"content": facts.content, "kind": facts.kind}
    if paths:
        found["path"] = [readable(each) for each in paths]
        found["folder"] = sorted({readable(each) for path in paths for each in _folders(path)})
    if facts.camera:
        found["camera"] = list(dict.fromkeys([facts.camera, *facts.camera.split()]))
    date = epoch(facts.captured) if facts.captured else None
    if date is not None:
        found["date"] = date
    if facts.place is not None:
        found["place"] = {"lat": facts.place[0], "lon": facts.place[1]}
    return found


def present_paths(facts: ContentFacts) -> list[str]:
    """Return the paths a content is found under now; of a file that was renamed, the new one.

    Where no path leads to a file (a disk that is not mounted, say) all are returned.
    """
    paths = sorted(path for path, _ in facts.paths)
    if len(paths) < 2:
        return paths
    return [each for each in paths if os.path.lexists(each)] or paths


def _folders(path: str) -> list[str]:
    return [str(each) for each in PurePath(path).parents]


def _tags(facts: ContentFacts) -> dict[int, list[str]]:
    """Return the tags of each frame in lower case; what a person corrected goes before a model."""
    found: dict[int, list[str]] = {}
    for frame, body in facts.answers:
        if "tags" in body:
            found[frame] = [str(each["tag"]).casefold() for each in body["tags"]]
    for frame, text in facts.tags.items():
        found[frame] = [each.strip().casefold() for each in text.split(",") if each.strip()]
    return found


def _objects(facts: ContentFacts) -> Iterator[tuple[tuple[int, str], str]]:
    """Yield ((frame, part), label) of every object that was detected."""
    for frame, body in facts.answers:
        for each in body.get("objects", ()):
            part = ",".join(f"{value:.0f}" for value in each["box"])
            yield (frame, part), str(each["label"]).casefold()
