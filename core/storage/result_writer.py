"""Writing results: what is the same for many is written once and referred to."""

from __future__ import annotations

import json
from collections.abc import Iterable
from sqlite3 import Connection
from typing import Any

from ..records import as_fields
from ..stores.results import Result
from . import event_scores
from .judgements import match_result
from .picture_series import Measurings


class ResultWriter:
    """Writes results inside the transaction of whoever made it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._measurings = Measurings(connection)
        self._specs: dict[str, int] = {}
        self._provenances: dict[int, tuple[dict[str, Any], int]] = {}
        self._has_judgements = bool(
            connection.execute("SELECT EXISTS (SELECT 1 FROM judgements)").fetchone()[0]
        )

    def keep(self, results: Iterable[Result]) -> None:
        """Keep results with their candidates and moments, replacing earlier ones.

        The contents are known already.
        """
        for result in results:
            self._keep(result)

    def _keep(self, result: Result) -> None:
        connection, spec = self._connection, self._spec(result.spec_hash)
        (content,) = connection.execute(
            "SELECT id FROM contents WHERE content = ?", (result.content,)
        ).fetchone()
        connection.execute(
            "DELETE FROM result_rows WHERE content = ? AND spec = ?", (content, spec)
        )
        connection.execute(
            "INSERT INTO result_rows VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                content, spec, result.frames, result.failure, json.dumps(result.warnings),
                self._provenance(result.provenance), self._measurings.referred(result.tracks),
            ),
        )  # fmt: skip
        connection.executemany(
            "INSERT INTO candidate_rows VALUES (?, ?, ?, ?)",
            [(content, spec, n, json.dumps(as_fields(c))) for n, c in enumerate(result.candidates)],
        )
        if result.moments or result.annotations:
            self._keep_by_hash(result)
        if self._has_judgements:
            match_result(connection, result.content, result.spec_hash)

    def _keep_by_hash(self, result: Result) -> None:
        """Keep what is found by the hash of the content: moments, and answers of models."""
        key = result.content, result.spec_hash
        self._connection.executemany(
            "INSERT OR IGNORE INTO shown VALUES (?, ?, ?)",
            [(*key, number) for number in result.annotations],
        )
        self._connection.executemany(
            "INSERT INTO moments VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (*key, m.number, m.kind, m.peak_seconds, m.score, json.dumps(as_fields(m)))
                for m in result.moments
            ],
        )
        event_scores.keep(self._connection, ((*key, m.kind, m.score) for m in result.moments))

    def _spec(self, spec_hash: str) -> int:
        if spec_hash not in self._specs:
            self._specs[spec_hash] = self._referred("specs", "spec_hash", spec_hash)
        return self._specs[spec_hash]

    def _provenance(self, provenance: dict[str, Any]) -> int:
        """Return the number of a record; one object is often that of many results."""
        known = self._provenances.get(id(provenance))
        if known is None:
            body = json.dumps(provenance, sort_keys=True)
            # The object is held, lest another one be made in its place in memory.
            known = provenance, self._referred("provenances", "body", body)
            self._provenances[id(provenance)] = known
        return known[1]

    def _referred(self, table: str, column: str, value: str) -> int:
        connection = self._connection
        connection.execute(f"INSERT OR IGNORE INTO {table} ({column}) VALUES (?)", (value,))
        row = connection.execute(f"SELECT id FROM {table} WHERE {column} = ?", (value,)).fetchone()
        return int(row[0])
