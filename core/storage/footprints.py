"""What models were measured to need, and what they proved to be once loaded."""

from __future__ import annotations

import json
from typing import Any

from .database import Database


class Footprints:
    """Reads and writes what is remembered of models, by how they were loaded."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def footprint(self, key: str) -> tuple[int, int]:
        """Return (bytes, largest batch that fitted); (0, 0) if never measured."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT bytes, batch FROM footprints WHERE key = ?", (key,)
            ).fetchone()
        return (0, 0) if row is None else (int(row[0]), int(row[1]))

    def keep_footprint(self, key: str, used_bytes: int, batch: int) -> None:
        """Remember what a model needs, and the largest batch that fitted (0: no limit met)."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO footprints (key, bytes, batch) VALUES (?, ?, ?) ON CONFLICT (key) "
                "DO UPDATE SET bytes = excluded.bytes, batch = excluded.batch",
                (key, used_bytes, batch),
            )

    def identity(self, key: str) -> dict[str, Any] | None:
        """Return what a model proved to be when it was loaded so, if it ever was."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT identity FROM footprints WHERE key = ?", (key,)
            ).fetchone()
        return json.loads(row[0]) if row and row[0] else None

    def keep_identity(self, key: str, identity: dict[str, Any]) -> None:
        """Remember what a model proved to be."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO footprints (key, bytes, batch, identity) VALUES (?, 0, 0, ?) "
                "ON CONFLICT (key) DO UPDATE SET identity = excluded.identity",
                (key, json.dumps(identity)),
            )
