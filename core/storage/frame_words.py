"""Words that models and people gave to frames, for many contents at once."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from .database import Database
from .remarks import Remarks

Place = tuple[str, int]
"""content and frame"""


class FrameWords:
    """Reads tags, names of objects and captions. What a person wrote replaces what models did."""

    def __init__(self, database: Database, remarks: Remarks) -> None:
        self._database = database
        self._remarks = remarks

    def of(self, contents: Collection[str]) -> dict[Place, tuple[list[str], list[str]]]:
        """Return the tags (with names of objects) and captions of each frame that has any."""
        wanted = set(contents)
        tags: dict[Place, list[str]] = {}
        captions: dict[Place, list[str]] = {}
        for place, body in self._answers(wanted):
            tags.setdefault(place, []).extend(_tags(body))
            captions.setdefault(place, []).extend(_captions(body))
        for content, frames in self._remarks.of_contents(sorted(wanted)).items():
            for frame, remark in frames.items():
                if remark.tags is not None:
                    tags[content, frame] = list(remark.tags)
                if remark.caption is not None:
                    captions[content, frame] = [remark.caption]
        places = tags.keys() | captions.keys()
        return {place: (tags.get(place, []), captions.get(place, [])) for place in places}

    def _answers(self, wanted: Collection[str]) -> Iterator[tuple[Place, Mapping[str, Any]]]:
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT content, frame, body FROM annotations WHERE length(body) > 2 ORDER BY id"
            )
            for content, frame, body in rows:
                found = json.loads(body) if content in wanted else None
                if isinstance(found, dict) and "error" not in found:
                    yield (str(content), int(frame)), found


def _tags(body: Mapping[str, Any]) -> Iterator[str]:
    for name, field in (("tags", "tag"), ("objects", "label")):
        for each in body.get(name) or () if isinstance(body.get(name), list) else ():
            if isinstance(each, dict) and isinstance(each.get(field), str):
                yield each[field]


def _captions(body: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(body.get("text"), str):
        yield body["text"]
