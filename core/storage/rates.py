"""How long work took on this machine: `stores.rates.RateStore` in SQLite.

A row of the table `footprints` each: a library's memory of its machine.
"""

from __future__ import annotations

import json

from ..stores.rates import RateSample
from .database import Database

MOST_SAMPLES = 20
_PREFIX = "rate|"


class Rates:
    """Reads and writes samples."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_sample(self, key: str, sample: RateSample) -> None:
        """Keep one more; the oldest of more than `MOST_SAMPLES` are removed."""
        kept = [*self.samples(key), sample][-MOST_SAMPLES:]
        body = json.dumps([[round(each.units, 4), round(each.seconds, 4)] for each in kept])
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO footprints (key, bytes, batch, identity) VALUES (?, 0, 0, ?) "
                "ON CONFLICT (key) DO UPDATE SET identity = excluded.identity",
                (_PREFIX + key, body),
            )

    def samples(self, key: str) -> list[RateSample]:
        """Return what was measured of a kind of work, the oldest first."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT identity FROM footprints WHERE key = ?", (_PREFIX + key,)
            ).fetchone()
        return [RateSample(*each) for each in json.loads(row[0])] if row and row[0] else []
