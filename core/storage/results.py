"""What is known about contents: probes, candidates, events, provenance.

Everything is keyed by content and by what was asked, never by scan or path, so the same question
is answered once, and a renamed file is known.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from sqlite3 import Connection
from typing import Any

from ..records import (
    PICTURE_READING,
    Candidate,
    Event,
    SourceInfo,
    Stroke,
    as_fields,
    content_of,
    of_the_file,
)
from ..stores.results import Result
from .database import Database
from .judgements import specs_of
from .picture_series import Measurings
from .result_writer import ResultWriter
from .text_index import put_corrections_of

_BATCH = 500
_DECODER = json.JSONDecoder()
OF_THE_FILE = (
    "CASE WHEN instr(content, ':v') THEN substr(content, 1, instr(content, ':v') - 1) "
    "ELSE content END"
)
"""SQL: `records.content_of(content, None)`"""
_READ_AS_NOW = (
    "(kind IS NULL OR kind != 'picture' OR coalesce(json_extract(info, '$.reading'), 0) >= ?)"
)

_UNUSED_RESULTS = """
    DELETE FROM result_rows WHERE (content, spec) NOT IN (
        SELECT contents.id, specs.id FROM tasks JOIN scans ON scans.id = tasks.scan
        LEFT JOIN paths ON paths.path = tasks.path
        JOIN contents ON contents.content = coalesce(tasks.content, paths.content)
        JOIN specs ON specs.spec_hash = scans.spec_hash)
"""
_UNMEASURED = (
    "NOT IN (SELECT content FROM results) "
    "AND {0} NOT IN (SELECT content FROM tasks WHERE content IS NOT NULL) "
    # A source that was being measured when its scan stopped: its task has no content yet, but its
    # path is known, whichever of its streams it was.
    f"AND {OF_THE_FILE} NOT IN (SELECT paths.content FROM tasks JOIN paths "
    "USING (path) WHERE paths.content IS NOT NULL)"
)
_UNUSED = (
    f"DELETE FROM tracks WHERE content {_UNMEASURED.format('content')}",
    "DELETE FROM picture_series WHERE content IN "
    f"(SELECT id FROM contents WHERE content {_UNMEASURED.format('content')})",
    "DELETE FROM paths WHERE path NOT IN (SELECT path FROM tasks)",
    "DELETE FROM contents WHERE content NOT IN (SELECT content FROM paths "
    "WHERE content IS NOT NULL) AND id NOT IN (SELECT content FROM result_rows) "
    "AND id NOT IN (SELECT content FROM picture_series)",
    "DELETE FROM provenances WHERE id NOT IN (SELECT provenance FROM result_rows)",
    "DELETE FROM specs WHERE id NOT IN (SELECT spec FROM result_rows)",
    "DELETE FROM measurings WHERE id NOT IN (SELECT measuring FROM picture_series)",
)
"""what nothing refers to any more, in this order"""


class Results:
    """Reads and writes what is known about contents."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Contents and paths

    def remember(self, probes: Iterable[tuple[SourceInfo, int]]) -> None:
        """Keep what probes found, with the files' modification times in nanoseconds."""
        with self._database.transaction() as connection:
            for info, mtime_ns in probes:
                body = as_fields(info) | {"path": ""}
                connection.execute(
                    "INSERT INTO contents (content, kind, info) VALUES (?, ?, ?) "
                    "ON CONFLICT (content) DO UPDATE SET kind = excluded.kind, "
                    "info = excluded.info",
                    (info.content, info.kind, json.dumps(body)),
                )
                _carry_remarks(connection, info)
                connection.execute(
                    "INSERT OR REPLACE INTO paths VALUES (?, ?, ?, ?, '')",
                    (
                        os.fsencode(info.path),
                        content_of(info.content, None),
                        info.size_bytes,
                        mtime_ns,
                    ),
                )

    def remember_failures(self, failures: Iterable[tuple[str, int, int, str]]) -> None:
        """Keep why files could not be read: (path, size, mtime_ns, reason)."""
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO paths VALUES (?, NULL, ?, ?, ?)",
                [(os.fsencode(path), size, at, reason) for path, size, at, reason in failures],
            )

    def unchanged(self, files: Sequence[tuple[str, int, int]]) -> dict[str, tuple[str | None, str]]:
        """Return path -> (content, failure) of the (path, size, mtime_ns) that are as they were.

        Pictures that an earlier version read are left out: they are read once more, which shows
        whether they look different now. What is kept of those that do not stays as it is.
        """
        known: dict[str, tuple[str | None, str]] = {}
        for start in range(0, len(files), _BATCH):
            part = files[start : start + _BATCH]
            wanted = {os.fsencode(path): (path, size, at) for path, size, at in part}
            with self._database.reading() as connection:
                rows = connection.execute(
                    "SELECT path, content, failure, size, mtime_ns FROM paths "
                    f"LEFT JOIN contents USING (content) WHERE {_READ_AS_NOW} "
                    # A video probed before pixels were converted is probed once more.
                    "AND NOT (coalesce(kind, '') = 'video' AND "
                    "json_extract(info, '$.pixels') IS NULL) "
                    f"AND path IN ({','.join('?' * len(wanted))})",
                    [PICTURE_READING, *wanted],
                ).fetchall()
            for raw, content, failure, size, mtime_ns in rows:
                path, now_size, now_mtime = wanted[raw]
                if (size, mtime_ns) == (now_size, now_mtime):
                    known[path] = (content, failure)
        return known

    def probed(self, contents: Sequence[str]) -> set[str]:
        """Return those of some contents that are known, videos only as they are timed today."""
        found: set[str] = set()
        for start in range(0, len(contents), _BATCH):
            part = contents[start : start + _BATCH]
            with self._database.reading() as connection:
                rows = connection.execute(
                    f"SELECT content FROM contents WHERE content IN ({','.join('?' * len(part))}) "
                    "AND (kind != 'video' OR json_extract(info, '$.stream') IS NOT NULL)",
                    part,
                ).fetchall()
            found.update(str(row[0]) for row in rows)
        return found

    def forget_if_shown_otherwise(self, info: SourceInfo, spec_hash: str) -> None:
        """Remove the result of a spec over a video whose pixels were shown in another way then.

        It holds regions and answers of a picture that is not shown any more; what was measured of
        it stays where it still holds, so that it is mostly only decided again.
        """
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM result_rows WHERE content = (SELECT id FROM contents WHERE "
                "content = ?1 AND coalesce(json_extract(info, '$.pixels'), '') <> ?3) "
                "AND spec = (SELECT id FROM specs WHERE spec_hash = ?2)",
                (info.content, spec_hash, info.pixels),
            )

    def info(self, content: str, path: str) -> SourceInfo:
        """Return what the probe of a content found, under the path it has now."""
        return self.infos({content: path})[content]

    def infos(self, paths: Mapping[str, str]) -> dict[str, SourceInfo]:
        """Return what probes of some contents found, by content; `paths` are those of today."""
        contents = list(paths)
        found: dict[str, SourceInfo] = {}
        for start in range(0, len(contents), _BATCH):
            part = contents[start : start + _BATCH]
            with self._database.reading() as connection:
                rows = connection.execute(
                    f"SELECT content, info FROM contents WHERE content IN "
                    f"({','.join('?' * len(part))})",
                    part,
                ).fetchall()
            for content, info in rows:
                fields = _parsed(info)
                fields["warnings"] = tuple(fields["warnings"])
                fields["path"] = paths[content]
                found[str(content)] = SourceInfo(**fields)
        return found

    def sizes(self, contents: set[str]) -> dict[str, tuple[int, int]]:
        """Return width and height, upright, of some contents."""
        wanted = sorted(contents)
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT content, json_extract(info, '$.width'), json_extract(info, '$.height') "
                f"FROM contents WHERE content IN ({','.join('?' * len(wanted))})",
                wanted,
            ).fetchall()
        return {str(content): (int(width), int(height)) for content, width, height in rows}

    def contents(self) -> set[str]:
        """Return every content a probe was kept of."""
        with self._database.reading() as connection:
            return {str(row[0]) for row in connection.execute("SELECT content FROM contents")}

    # Results

    def keep(self, results: Iterable[Result]) -> None:
        """Keep results with their candidates and moments, replacing earlier ones."""
        with self._database.transaction() as connection:
            ResultWriter(connection).keep(results)

    def having(
        self, spec_hash: str, versions: Mapping[str, int]
    ) -> dict[str, tuple[int, int, str]]:
        """Return content -> (frames, moments, failure) for every result of a spec.

        Results that another version of a stage than in `versions` measured are left out, and those
        whose frames were timed otherwise than the source's kept probe says (a scan may have ended
        between the probe and the result).
        """
        current = "".join(
            f" AND coalesce(json_extract(body, '$.stages.{name}'), {version}) = {version}"
            for name, version in versions.items()
        )
        with self._database.reading() as connection:
            rows = connection.execute(
                "WITH current AS MATERIALIZED (SELECT id, coalesce(json_extract(body, '$.timing'), "
                f"0) AS timing FROM provenances WHERE 1{current}) "
                "SELECT contents.content, frames, failure, (SELECT count(*) FROM moments "
                "WHERE moments.content = contents.content AND spec_hash = ?1) FROM result_rows "
                "JOIN contents ON contents.id = result_rows.content "
                "JOIN current ON current.id = provenance "
                "WHERE spec = (SELECT id FROM specs WHERE spec_hash = ?1) "
                "AND timing = coalesce(json_extract(info, '$.timing'), 0)",
                (spec_hash,),
            ).fetchall()
        return {str(c): (int(frames), int(moments), str(f)) for c, frames, f, moments in rows}

    def get(self, content: str, spec_hash: str) -> Result | None:
        """Return the result of a spec over a content, if there is one."""
        return self.of_contents([content], spec_hash).get(content)

    def of_contents(
        self, contents: Sequence[str], spec_hash: str, *, candidates: bool = True
    ) -> dict[str, Result]:
        """Return the results of a spec over some contents; those without one are left out.

        Without `candidates` they have none, which is faster for many pictures.
        """
        found: dict[str, Result] = {}
        for start in range(0, len(contents), _BATCH):
            part = contents[start : start + _BATCH]
            with self._database.reading() as connection:
                found |= _results(connection, part, spec_hash, candidates)
        return found

    def specs_of(self, content: str) -> list[str]:
        """Return the hashes of the specs that a content has results of."""
        with self._database.reading() as connection:
            return specs_of(connection, content)

    def failure(self, content: str | None, spec_hash: str) -> str:
        """Return why a result counts as failed, or an empty string."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT failure FROM results WHERE content = ? AND spec_hash = ?",
                (content, spec_hash),
            ).fetchone()
        return "" if row is None else str(row[0])

    def prune(self) -> int:
        """Remove results and tracks that no scan refers to; return how many results went."""
        with self._database.transaction() as connection:
            gone = connection.execute(_UNUSED_RESULTS).rowcount
            for statement in _UNUSED:
                connection.execute(statement)
        return int(gone)


def _results(
    connection: Connection, contents: Sequence[str], spec_hash: str, candidates: bool
) -> dict[str, Result]:
    rows = connection.execute(
        "SELECT contents.content, contents.id, spec, frames, failure, warnings, provenance, tracks "
        "FROM contents JOIN result_rows ON result_rows.content = contents.id "
        "WHERE spec = (SELECT id FROM specs WHERE spec_hash = ?) "
        f"AND contents.content IN ({_places(contents)})",
        (spec_hash, *contents),
    ).fetchall()
    proposed = _candidates(connection, {row[1]: row[2] for row in rows} if candidates else {})
    moments = _moments(connection, contents, spec_hash)
    measurings = Measurings(connection)
    # Of a thousand images all but a few have the same.
    provenances = _provenances(connection, {row[6] for row in rows})
    warned = {text: tuple(json.loads(text)) for text in {row[5] for row in rows}}
    return {
        content: Result(
            content,
            spec_hash,
            frames,
            failure,
            warned[warnings],
            provenances[provenance],
            measurings.spelled_out(content, tracks),
            tuple(proposed.get(number, ())),
            tuple(moments.get(content, ())),
        )
        for content, number, _, frames, failure, warnings, provenance, tracks in rows
    }


def _provenances(connection: Connection, numbers: set[int]) -> dict[int, dict[str, Any]]:
    rows = connection.execute(
        f"SELECT id, body FROM provenances WHERE id IN ({_places(numbers)})", list(numbers)
    )
    return {number: json.loads(body) for number, body in rows}


def _candidates(connection: Connection, specs: Mapping[int, int]) -> dict[int, list[Candidate]]:
    """Return the candidates of results by the number of their content; `specs` are those of one."""
    found: dict[int, list[Candidate]] = {}
    rows = connection.execute(
        f"SELECT content, body FROM candidate_rows WHERE content IN ({_places(specs)}) "
        "AND spec = ? ORDER BY content, number",
        (*specs, next(iter(specs.values()), None)),
    )
    for number, body in rows:
        found.setdefault(number, []).append(Candidate(**_tuples(_parsed(body))))
    return found


def _moments(
    connection: Connection, contents: Sequence[str], spec_hash: str
) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = {}
    rows = connection.execute(
        f"SELECT content, body FROM moments WHERE spec_hash = ? AND content IN "
        f"({_places(contents)}) ORDER BY content, number",
        (spec_hash, *contents),
    )
    for content, body in rows:
        found.setdefault(content, []).append(Event(**_tuples(_parsed(body))))
    return found


def _places(values: Collection[object]) -> str:
    return ",".join("?" * len(values))


def _parsed(text: str) -> Any:
    """Return JSON that was written without spaces around it: a third faster than `json.loads`."""
    return _DECODER.raw_decode(text)[0]


def _carry_remarks(connection: Connection, info: SourceInfo) -> None:
    """Let a file keep what a person said of it, if its content goes by a new name from now on."""
    before = of_the_file(info.content)
    known = "SELECT 1 FROM paths WHERE path = ? AND content = ?"
    if (
        before == info.content
        or not connection.execute(known, (os.fsencode(info.path), before)).fetchone()
    ):
        return
    connection.execute(
        "INSERT OR IGNORE INTO marks SELECT ?, frame, made FROM marks WHERE content = ?",
        (info.content, before),
    )
    connection.execute(
        "INSERT OR IGNORE INTO corrections SELECT ?, frame, what, body, made FROM corrections "
        "WHERE content = ?",
        (info.content, before),
    )
    put_corrections_of(connection, info.content)
    connection.execute(
        "INSERT OR IGNORE INTO judgements SELECT ?, kind, frame, seconds, judgement, made "
        "FROM judgements WHERE content = ?",
        (info.content, before),
    )


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    region = fields.get("region")
    strokes = tuple(Stroke(**stroke) for stroke in fields.get("strokes", ()))
    return {**fields, "region": tuple(region) if region else None, "strokes": strokes}
