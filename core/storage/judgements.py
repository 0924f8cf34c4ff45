"""What a person said of events and candidates: right, wrong or unsure.

A judgement belongs to a content, a kind and a peak, never to a scan: a renamed file keeps it, and
so does one that is scanned again with other settings (see `judged_rows.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from sqlite3 import Connection
from typing import Literal, get_args

from ..errors import UnknownName, UsageError
from ..text import clean
from .database import Database
from .judged_rows import LISTS, JudgedRows, List
from .scan_scope import first_order, scope, task_column

Judgement = Literal["right", "wrong", "unsure"]
JUDGEMENTS: tuple[Judgement, ...] = get_args(Judgement)
RowKey = tuple[str, str, int]
"""content, spec hash and number of an event or candidate"""
_BATCH = 300


@dataclass(frozen=True, slots=True)
class Judged:
    """What was said of one peak. `made` is when, in UTC."""

    content: str
    kind: str
    frame: int
    seconds: float
    judgement: str
    made: str


class Judgements:
    """Reads and writes judgements."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows = JudgedRows()

    def judge(self, content: str, kind: str, frame: int, judgement: str) -> None:
        """Keep what was said of the event or candidate of a kind that peaks at a frame.

        It takes the place of what was said of it before; an empty judgement takes that back. All
        in one transaction. Raises UnknownName where nothing of that kind peaks there, UsageError.
        """
        if judgement and judgement not in JUDGEMENTS:
            raise UsageError(
                f"'{clean(judgement)}' is no judgement; known: {', '.join(JUDGEMENTS)}"
            )
        with self._database.transaction(revises=False) as connection:
            seconds, former = self._about(connection, content, kind, frame)
            if seconds is None and judgement:
                raise _nothing_there(connection, content, kind, frame)
            changed = _removed(connection, content, kind, {frame, *former})
            if judgement and seconds is not None:
                connection.execute(
                    "INSERT INTO judgements VALUES (?, ?, ?, ?, ?, ?)",
                    (content, kind, frame, seconds, judgement, _now()),
                )
                changed.append(seconds)
            for spec_hash in specs_of(connection, content):
                self._rows.match(connection, content, spec_hash, kind, changed)

    def _about(
        self, connection: Connection, content: str, kind: str, frame: int
    ) -> tuple[float | None, set[int]]:
        """Return the time of a peak, None if there is none, and the frames of its judgements."""
        seconds, former = None, set()
        for spec_hash in specs_of(connection, content):
            for which in LISTS:
                spans = self._rows.spans(connection, content, spec_hash, kind, which)
                for place in spans.at_frame(frame).tolist():
                    seconds = float(spans.table[place, 3])
                    row = connection.execute(
                        "SELECT frame FROM judged WHERE content = ? AND spec_hash = ? "
                        "AND list = ? AND number = ?",
                        (content, spec_hash, which, int(spans.table[place, 0])),
                    ).fetchone()
                    former |= set() if row is None else {int(row[0])}
        return seconds, former

    def of_rows(self, which: List, rows: Iterable[RowKey]) -> dict[RowKey, str]:
        """Return what was said of some events or candidates; those not judged are left out."""
        found: dict[RowKey, str] = {}
        wanted = list(rows)
        for start in range(0, len(wanted), _BATCH):
            part = wanted[start : start + _BATCH]
            places = ",".join(["(?,?,?)"] * len(part))
            with self._database.reading() as connection:
                kept = connection.execute(
                    "SELECT content, spec_hash, number, judgement FROM judged WHERE list = ? "
                    f"AND (content, spec_hash, number) IN (VALUES {places})",
                    [which, *(value for key in part for value in key)],
                ).fetchall()
            found |= {(str(c), str(s), int(n)): str(said) for c, s, n, said in kept}
        return found

    def of_results(
        self, contents: Sequence[str], spec_hash: str
    ) -> Mapping[tuple[str, List], dict[int, str]]:
        """Return the judgements in the results of a spec: (content, list) -> number -> judgement.

        Those without any are left out.
        """
        found: dict[tuple[str, List], dict[int, str]] = {}
        for start in range(0, len(contents), _BATCH):
            part = contents[start : start + _BATCH]
            with self._database.reading() as connection:
                rows = connection.execute(
                    "SELECT content, list, number, judgement FROM judged WHERE spec_hash = ? "
                    f"AND content IN ({','.join('?' * len(part))})",
                    (spec_hash, *part),
                ).fetchall()
            for content, which, number, said in rows:
                found.setdefault((str(content), which), {})[int(number)] = str(said)
        return found

    def of_scan(self, scan: int, which: List) -> list[tuple[int, int, str]]:
        """Return (task's key, number, judgement) of each judged row of a scan, or of all."""
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT {task_column(scan)}, judged.number, judgement FROM tasks "
                "JOIN scans ON scans.id = tasks.scan "
                "CROSS JOIN judged USING (content, spec_hash) "
                f"WHERE {scope(scan)} AND list = ? ORDER BY {first_order(scan)}, judged.number",
                (scan, which),
            ).fetchall()
        return [(int(task), int(number), str(said)) for task, number, said in rows]

    def counts(self) -> dict[int, int]:
        """Return how many events are judged, by scan; those without any are left out."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT tasks.scan, count(*) FROM tasks JOIN scans ON scans.id = tasks.scan "
                "CROSS JOIN judged USING (content, spec_hash) WHERE list = 'moments' "
                "GROUP BY tasks.scan"
            ).fetchall()
        return {int(scan): int(count) for scan, count in rows}

    def scores_of_scan(self, scan: int, which: List) -> list[tuple[str, float, str]]:
        """Return (kind, score, judgement) of each event of a scan, or of all, that is judged.

        Of the candidates only those that were rejected.
        """
        rejected = (
            "AND NOT json_extract((SELECT body FROM candidates AS c "
            "WHERE c.content = judged.content AND c.spec_hash = judged.spec_hash "
            "AND c.number = judged.number), '$.accepted')"
        )
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT judged.kind, score, judgement FROM tasks "
                "JOIN scans ON scans.id = tasks.scan "
                "CROSS JOIN judged USING (content, spec_hash) "
                f"WHERE {scope(scan)} AND list = ? {rejected if which == 'candidates' else ''}",
                (scan, which),
            ).fetchall()
        return [(str(kind), float(score or 0.0), str(said)) for kind, score, said in rows]

    def scores_of_kind(self, kind: str) -> list[tuple[float, str]]:
        """Return (score, judgement) of each judged peak of a kind that is right or wrong.

        The score is the highest in any result. Rows without a score are left out.
        """
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT max(score), judgement FROM judged WHERE kind = ? AND score IS NOT NULL "
                "AND judgement IN ('right', 'wrong') GROUP BY content, frame",
                (kind,),
            ).fetchall()
        return [(float(score), str(said)) for score, said in rows]

    def of_content(self, content: str) -> list[Judged]:
        """Return every judgement of a content, in order of time."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT content, kind, frame, seconds, judgement, made FROM judgements "
                "WHERE content = ? ORDER BY seconds, kind",
                (content,),
            ).fetchall()
        return [Judged(*row) for row in rows]


def match_result(connection: Connection, content: str, spec_hash: str) -> None:
    """Find the judgements of a content in a result that was just kept, in that transaction."""
    kinds = connection.execute(
        "SELECT DISTINCT kind FROM judgements WHERE content = ?", (content,)
    ).fetchall()
    for (kind,) in kinds:
        JudgedRows().match(connection, content, spec_hash, str(kind))


def _removed(connection: Connection, content: str, kind: str, frames: set[int]) -> list[float]:
    """Remove judgements of some frames and return their times."""
    times = []
    for frame in frames:
        key = (content, kind, frame)
        found = "judgements WHERE content = ? AND kind = ? AND frame = ?"
        times += [float(row[0]) for row in connection.execute(f"SELECT seconds FROM {found}", key)]
        connection.execute(f"DELETE FROM {found}", key)
    return times


def specs_of(connection: Connection, content: str) -> list[str]:
    """Return the hashes of the specs that a content has results of."""
    rows = connection.execute(
        "SELECT spec_hash FROM result_rows JOIN specs ON specs.id = spec "
        "WHERE content = (SELECT id FROM contents WHERE content = ?)",
        (content,),
    )
    return [str(row[0]) for row in rows]


def _nothing_there(connection: Connection, content: str, kind: str, frame: int) -> UnknownName:
    known = connection.execute("SELECT 1 FROM contents WHERE content = ?", (content,)).fetchone()
    if known is None:
        return UnknownName(f"the library has no content {clean(content, limit=60)}")
    return UnknownName(
        f"no {clean(kind, limit=40)} event or candidate peaks at frame {frame}; list them with: "
        "sightline results --what candidates"
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
