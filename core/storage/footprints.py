"""What models were measured to need, and what they proved to be once loaded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .database import Database


@dataclass(frozen=True, slots=True)
class Footprint:
    """What one way of loading a model took, and the largest batches that fitted, by stage."""

    name: str
    device: str
    bytes: int
    batches: dict[str, int]


class Footprints:
    """Reads and writes what is remembered of models, by how they were loaded."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def bytes_of(self, key: str) -> int:
        """Return what a model took, 0 if it was never measured."""
        return self._number(key, "", "bytes")

    def keep_bytes(self, key: str, name: str, device: str, used_bytes: int) -> None:
        """Remember what a model takes."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO footprints (key, bytes, batch, name, device) VALUES (?, ?, 0, ?, ?) "
                "ON CONFLICT (key) DO UPDATE SET bytes = excluded.bytes, name = excluded.name, "
                "device = excluded.device",
                (key, used_bytes, name, device),
            )

    def batch_of(self, key: str, work: str) -> int:
        """Return the largest batch of one kind of work that fitted, 0 if no limit was met."""
        return self._number(key, work, "batch")

    def keep_batch(self, key: str, work: str, batch: int) -> None:
        """Remember the largest batch of one kind of work that fitted."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO footprints (key, bytes, batch, work) VALUES (?, 0, ?, ?)",
                (_with_work(key, work), batch, work),
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

    def all(self) -> list[Footprint]:
        """Return every model that was measured, the largest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT key, name, device, bytes FROM footprints WHERE bytes > 0 "
                "ORDER BY bytes DESC, name"
            ).fetchall()
            limits = connection.execute(
                "SELECT key, work, batch FROM footprints WHERE work != ''"
            ).fetchall()
        return [
            Footprint(
                name, device, int(size),
                {work: int(most) for limit, work, most in limits if limit == _with_work(key, work)},
            )
            for key, name, device, size in rows
        ]  # fmt: skip

    def _number(self, key: str, work: str, column: str) -> int:
        with self._database.reading() as connection:
            row = connection.execute(
                f"SELECT {column} FROM footprints WHERE key = ?", (_with_work(key, work),)
            ).fetchone()
        return 0 if row is None else int(row[0])


def _with_work(key: str, work: str) -> str:
    return f"{key}|{work}" if work else key
