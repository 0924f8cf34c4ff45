"""Which folders are watched, until somebody ends it."""

from __future__ import annotations

import json
import os
from typing import Any

from .database import Database


class Watched:
    """Folders and how each is watched."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[str, dict[str, Any]]:
        """Return every watched folder with its settings."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT folder, body FROM watched ORDER BY folder").fetchall()
        return {os.fsdecode(folder): json.loads(body) for folder, body in rows}

    def keep(self, folder: str, body: dict[str, Any]) -> None:
        """Remember that a folder is watched."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO watched VALUES (?, ?)",
                (os.fsencode(folder), json.dumps(body)),
            )

    def forget(self, folder: str) -> None:
        """Remember that a folder is watched no more."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM watched WHERE folder = ?", (os.fsencode(folder),))
