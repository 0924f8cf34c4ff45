"""Answers of models about frames in the library: `stores.answers.AnswerStore` in SQLite.

An answer is kept by how it was asked for (see `AnswerKey`), content, frame and part of the frame.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from ..stores.answers import Annotation, AnswerKey, QuestionKey, SampledFrames
from .database import Database
from .results import OF_THE_FILE
from .text_index import put_answer

_BATCH = 400
_ANEW = "body = excluded.body, vector = excluded.vector, made = excluded.made"
# A failure never takes the place of an answer.
_AGAIN = "body = CASE WHEN json_extract(body, '$.error') IS NULL THEN body ELSE excluded.body END"


class Annotations:
    """Reads and writes annotations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, key: AnswerKey) -> AnswerKey:
        """Return the same with its number, adding it where it was not known."""
        body = {"identity": dict(key.identity), "made_with": dict(key.made_with)}
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO asked (key, stage, body) VALUES (?, ?, ?)",
                (key.key, key.stage, json.dumps(body, sort_keys=True)),
            )
            row = connection.execute("SELECT id FROM asked WHERE key = ?", (key.key,)).fetchone()
        return replace(key, id=int(row[0]))

    def known(
        self, key: AnswerKey, wanted: Sequence[QuestionKey], *, failed: bool = False
    ) -> dict[QuestionKey, Annotation]:
        """Return what is kept of the wanted questions; failures only with `failed`."""
        found: dict[QuestionKey, Annotation] = {}
        for number in (key.id, *self._equal(key)):
            left = [question for question in wanted if question not in found]
            found |= self._kept(replace(key, id=number), left, failed=failed)
        return found

    def _equal(self, key: AnswerKey) -> list[int]:
        """Return the numbers of the keys whose answers count as known too."""
        others = key.keys[1:]
        with self._database.reading() as connection:
            rows = [
                connection.execute("SELECT id FROM asked WHERE key = ?", (other,)).fetchone()
                for other in others
            ]
        return [int(row[0]) for row in rows if row is not None]

    def _kept(
        self, key: AnswerKey, wanted: Sequence[QuestionKey], *, failed: bool
    ) -> dict[QuestionKey, Annotation]:
        found: dict[QuestionKey, Annotation] = {}
        for start in range(0, len(wanted), _BATCH // 4):
            part = wanted[start : start + _BATCH // 4]
            places = ",".join(["(?,?,?)"] * len(part))
            with self._database.reading() as connection:
                rows = connection.execute(
                    "SELECT content, frame, part, seconds, body, vector, id FROM annotations "
                    f"WHERE asked = ? AND (content, frame, part) IN (VALUES {places})",
                    [key.id, *(value for question in part for value in question)],
                ).fetchall()
            for content, frame, name, *rest in rows:
                annotation = _annotation(key.stage, frame, name, *rest)
                if failed or not annotation.failed:
                    found[str(content), int(frame), str(name)] = annotation
        return found

    def keep(self, key: AnswerKey, answers: Iterable[tuple[str, Annotation]]) -> list[Annotation]:
        """Keep (content, annotation) pairs in one transaction; return them with their numbers."""
        kept = []
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._database.transaction() as connection:
            for content, a in answers:
                row = connection.execute(
                    "INSERT INTO annotations (asked, content, frame, part, seconds, body, vector, "
                    "made) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (asked, content, frame, "
                    f"part) DO UPDATE SET {_AGAIN if a.failed else _ANEW} RETURNING id",
                    (key.id, content, a.frame, a.part, a.seconds, json.dumps(a.body),
                     None if a.vector is None else a.vector.astype("<f4").tobytes(), now),
                ).fetchone()  # fmt: skip
                kept.append(replace(a, id=int(row[0])))
                put_answer(connection, int(row[0]), content, a.frame, a.part, a.body)
        return kept

    def of_result(self, content: str, spec_hash: str) -> list[Annotation]:
        """Return what a result is made of, in order of time."""
        return self.of_results([content], spec_hash).get(content, [])

    def of_results(
        self, contents: Sequence[str], spec_hash: str, *, vectors: bool = True
    ) -> dict[str, list[Annotation]]:
        """Return what each result of a spec is made of, in order of time, by content.

        Without `vectors` the answers have none.
        """
        vector = "vector" if vectors else "NULL"
        found: dict[str, list[Annotation]] = {}
        for start in range(0, len(contents), _BATCH):
            part = contents[start : start + _BATCH]
            with self._database.reading() as connection:
                rows = connection.execute(
                    "SELECT shown.content, stage, frame, part, seconds, annotations.body, "
                    f"{vector}, annotations.id FROM shown "
                    "JOIN annotations ON annotations.id = annotation "
                    "JOIN asked ON asked.id = annotations.asked "
                    f"WHERE spec_hash = ? AND shown.content IN ({','.join('?' * len(part))}) "
                    "ORDER BY seconds, annotations.id",
                    (spec_hash, *part),
                ).fetchall()
            for content, *row in rows:
                found.setdefault(str(content), []).append(_annotation(*row))
        return found

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

    def identities(self, spec_hash: str) -> list[tuple[str, dict[str, Any]]]:
        """Return how the answers of a spec's results were asked for: stage and identity of each."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT stage, body FROM asked WHERE id IN (SELECT DISTINCT asked FROM shown "
                "JOIN annotations ON annotations.id = annotation WHERE spec_hash = ?) ORDER BY id",
                (spec_hash,),
            ).fetchall()
        return [(str(stage), json.loads(body)["identity"]) for stage, body in rows]

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

    def sampled(self, key: str) -> SampledFrames:
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
