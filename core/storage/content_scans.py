"""Which scan shows a content: the newest one that has it among its sources, with a result."""

from __future__ import annotations

from collections.abc import Sequence

from .database import Database

_BATCH = 500


class ContentScans:
    """Finds the scans of contents."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self, content: str) -> tuple[int, str] | None:
        """Return the newest scan of a content that has a result, and the hash of its spec."""
        return self.newest_of((content,)).get(content)

    def newest_of(self, contents: Sequence[str]) -> dict[str, tuple[int, str]]:
        """Return the newest scan of each content that has a result, and the hash of its spec."""
        found: dict[str, tuple[int, str]] = {}
        for start in range(0, len(contents), _BATCH):
            part = contents[start : start + _BATCH]
            with self._database.reading() as connection:
                rows = connection.execute(
                    "SELECT tasks.content, max(scans.id), spec_hash FROM tasks "
                    "JOIN scans ON scans.id = tasks.scan "
                    f"WHERE tasks.content IN ({','.join('?' * len(part))}) AND spec_hash IN ("
                    "SELECT specs.spec_hash FROM result_rows JOIN specs ON specs.id = spec "
                    "WHERE result_rows.content = "
                    "(SELECT id FROM contents WHERE contents.content = tasks.content)) "
                    "GROUP BY tasks.content",
                    tuple(part),
                ).fetchall()
            found |= {str(content): (int(scan), str(spec)) for content, scan, spec in rows}
        return found
