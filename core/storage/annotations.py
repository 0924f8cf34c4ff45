"""What models said about frames, kept by what was asked: the same question is never asked twice.

A question is `asked` (stage, model, revision, prompt, parameters: see `Asked`), a content, a frame,
and a part of it (an object, a candidate, a filled-in prompt; empty for the frame itself).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config.spec import tagged_hash
from .database import Database
from .results import OF_THE_FILE

_BATCH = 400
_ANEW = "body = excluded.body, vector = excluded.vector, made = excluded.made"
# A failure never takes the place of an answer.
_AGAIN = "body = CASE WHEN json_extract(body, '$.error') IS NULL THEN body ELSE excluded.body END"


@dataclass(frozen=True, slots=True)
class Asked:
    """How something is asked. `identity` is what its key is made of; `made_with` only tells more.

    `id` is the library's number for it.
    """

    stage: str
    identity: Mapping[str, Any]
    made_with: Mapping[str, Any] = field(default_factory=dict)
    id: int = 0

    @property
    def key(self) -> str:
        """Return what tells it from every other way of asking."""
        return tagged_hash("asked", [self.stage, dict(self.identity)])


@dataclass(frozen=True, slots=True)
class Annotation:
    """What was said about one part of one frame; `vector` is float32 (dimension,) or None.

    `body["error"]` is there when and only when it failed.
    """

    stage: str
    frame: int
    seconds: float
    part: str
    body: dict[str, Any]
    vector: NDArray[np.float32] | None = None
    id: int = 0

    @property
    def failed(self) -> str:
        """Return why there is no answer, or an empty string."""
        return str(self.body.get("error", ""))


class Annotations:
    """Reads and writes annotations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(self, asked: Asked) -> Asked:
        """Return the same with its number, making room for it where there was none."""
        body = {"identity": dict(asked.identity), "made_with": dict(asked.made_with)}
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO asked (key, stage, body) VALUES (?, ?, ?)",
                (asked.key, asked.stage, json.dumps(body, sort_keys=True)),
            )
            row = connection.execute("SELECT id FROM asked WHERE key = ?", (asked.key,)).fetchone()
        return Asked(asked.stage, asked.identity, asked.made_with, int(row[0]))

    def converted(self, asked: Asked, conversion: str) -> Asked:
        """Return how something is asked about pixels that were converted; empty: as it is.

        What was said before of other pixels is no answer to it.
        """
        if not conversion:
            return asked
        identity = {**asked.identity, "pixels": conversion}
        return self.ask(Asked(asked.stage, identity, asked.made_with))

    def known(
        self, asked: Asked, wanted: Sequence[tuple[str, int, str]], *, failed: bool = False
    ) -> dict[tuple[str, int, str], Annotation]:
        """Return what is kept of the wanted (content, frame, part); failures only if asked for."""
        found: dict[tuple[str, int, str], Annotation] = {}
        for start in range(0, len(wanted), _BATCH // 4):
            part = wanted[start : start + _BATCH // 4]
            places = ",".join(["(?,?,?)"] * len(part))
            with self._database.reading() as connection:
                rows = connection.execute(
                    "SELECT content, frame, part, seconds, body, vector, id FROM annotations "
                    f"WHERE asked = ? AND (content, frame, part) IN (VALUES {places})",
                    [asked.id, *(value for key in part for value in key)],
                ).fetchall()
            for content, frame, name, *rest in rows:
                annotation = _annotation(asked.stage, frame, name, *rest)
                if failed or not annotation.failed:
                    found[str(content), int(frame), str(name)] = annotation
        return found

    def keep(self, asked: Asked, said: Iterable[tuple[str, Annotation]]) -> list[Annotation]:
        """Keep (content, annotation) pairs in one transaction; return them with their numbers."""
        kept = []
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._database.transaction() as connection:
            for content, a in said:
                row = connection.execute(
                    "INSERT INTO annotations (asked, content, frame, part, seconds, body, vector, "
                    "made) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (asked, content, frame, "
                    f"part) DO UPDATE SET {_AGAIN if a.failed else _ANEW} RETURNING id",
                    (asked.id, content, a.frame, a.part, a.seconds, json.dumps(a.body),
                     None if a.vector is None else a.vector.astype("<f4").tobytes(), now),
                ).fetchone()  # fmt: skip
                kept.append(
                    Annotation(a.stage, a.frame, a.seconds, a.part, a.body, a.vector, int(row[0]))
                )
        return kept

    def of_result(self, content: str, spec_hash: str) -> list[Annotation]:
        """Return what a result is made of, in order of time."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT stage, frame, part, seconds, annotations.body, vector, annotations.id "
                "FROM shown JOIN annotations ON annotations.id = annotation "
                "JOIN asked ON asked.id = annotations.asked "
                "WHERE shown.content = ? AND spec_hash = ? ORDER BY seconds, annotations.id",
                (content, spec_hash),
            ).fetchall()
        return [_annotation(*row) for row in rows]

    def of_frame(self, content: str, spec_hash: str, frame: int) -> list[Annotation]:
        """Return what a result says about one frame, without vectors."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT stage, frame, part, seconds, annotations.body, NULL, annotations.id "
                "FROM annotations JOIN asked ON asked.id = annotations.asked "
                "JOIN shown ON shown.annotation = annotations.id "
                "WHERE annotations.content = ?1 AND frame = ?3 "
                "AND shown.content = ?1 AND spec_hash = ?2 ORDER BY annotations.id",
                (content, spec_hash, frame),
            ).fetchall()
        return [_annotation(*row) for row in rows]

    def forget(self, content: str) -> None:
        """Remove everything said about a content, so that it is asked again."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM annotations WHERE content = ?", (content,))
            connection.execute("DELETE FROM sampled WHERE content = ?", (content,))

    def prune(self) -> None:
        """Remove what no result shows any more."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM annotations WHERE id NOT IN (SELECT annotation FROM shown) "
                "AND content NOT IN (SELECT content FROM tasks WHERE content IS NOT NULL) "
                f"AND {OF_THE_FILE} NOT IN (SELECT paths.content FROM tasks JOIN paths "
                "USING (path) WHERE paths.content IS NOT NULL)"
            )
            connection.execute(
                "DELETE FROM sampled WHERE content NOT IN (SELECT content FROM results)"
            )

    # Which frames of a video a sampling takes

    def sampled(self, key: str) -> tuple[NDArray[np.int64], NDArray[np.float64], dict[str, Any]]:
        """Return (numbers, seconds, how reading ended) of the frames a sampling took; none yet: 0.

        Both arrays are of shape (frames,).
        """
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT frames, ended FROM sampled WHERE key = ?", (key,)
            ).fetchone()
        if row is None:
            return np.zeros(0, np.int64), np.zeros(0), {}
        both = np.frombuffer(row[0], "<f8").reshape(2, -1)
        return both[0].astype(np.int64), both[1].copy(), json.loads(row[1])

    def keep_sampled(
        self, key: str, content: str, frames: Sequence[tuple[int, float]], ended: dict[str, Any]
    ) -> None:
        """Keep (number, seconds) of all frames a sampling took of a content."""
        both = np.array(frames, "<f8").reshape(-1, 2).T
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO sampled VALUES (?, ?, ?, ?)",
                (key, content, np.ascontiguousarray(both).tobytes(), json.dumps(ended)),
            )


def _annotation(
    stage: str, frame: int, part: str, seconds: float, body: str, vector: bytes | None, number: int
) -> Annotation:
    values = None if vector is None else np.frombuffer(vector, "<f4").copy()
    return Annotation(
        stage, int(frame), float(seconds), part, json.loads(body), values, int(number)
    )
