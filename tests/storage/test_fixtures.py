"""Libraries that earlier versions wrote open whole, and say what they said."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from core.errors import DiskFull
from core.storage import database, score_migration
from core.storage import library as library_module
from core.storage.library import Library
from core.storage.series import _packed
from core.stores.series import SeriesPart, content_and_key, picture_key
from tests.test_durability import KILLED_AT
from tests.workbench import Cli

FIXTURES = Path(__file__).parent / "fixtures"
ROOT = Path(__file__).parents[2]
CONTENT = "b2:67c7ebfa64868d2e4720374215843f99"
FORMER = {29: 14905.75, 62: 29992.875, 83: 18215.062, 113: 15089.25}
"""scores of scan 1 by peak frame, as the earlier version exported them"""


@pytest.fixture
def former(cli: Cli) -> Cli:
    cli.library.mkdir(parents=True)
    packed = (FIXTURES / "scores_as_energy.db.gz").read_bytes()
    (cli.library / "library.db").write_bytes(gzip.decompress(packed))
    return cli


def test_scores_become_shares_and_the_former_values_are_kept_as_energy(former: Cli) -> None:
    library = Library(former.library)
    spec_hash = library.runs.get(1).spec_hash
    result = library.results.get(CONTENT, spec_hash)
    library.close()
    assert result is not None
    assert {m.peak_frame: m.energy for m in result.moments} == FORMER
    for moment in result.moments:
        # strength^1.25 / (1 + strength^1.25) of an energy 60 times the one needed
        expected = 1 / (1 + (moment.energy / 60.0) ** -1.25)
        assert moment.score == pytest.approx(expected, abs=1e-4)
    (rejected,) = [c for c in result.candidates if not c.accepted]
    assert rejected.energy == 0.0 and 0 < rejected.score < 0.04
    assert all(c.threshold == 0.5 for c in result.candidates)


def test_a_former_library_lists_shows_and_exports_everything(former: Cli) -> None:
    listed = former.here("runs", "list", "--json").json()
    assert sorted(row["scan"] for row in listed) == [1, 2, 3, 4]
    events = former.here("results", "2", "--json").json()
    assert len(events) == 8
    assert all(0 <= event["score"] <= 1 for event in events)
    shown = former.here("show", "/footage/night.mp4@2.48")
    assert shown.code == 0 and "simultaneity" in shown.out
    out = former.home / "out"
    assert former.here("export", "1", "--format", "json", "--format", "csv", "--out", out).code == 0
    body = json.loads((out / "night.mp4.json").read_text())
    assert {e["peak_frame"]: e["energy"] for e in body["events"]} == FORMER
    assert former.here("results", "3", "--what", "frames", "--json").code == 0


def test_what_an_earlier_stage_measured_is_measured_again(former: Cli, storm: Path) -> None:
    """The spec is the same, the file is the same, but the stage measures otherwise now."""
    assert former.here("scan", storm, "--stages", "flash").code == 0
    connection = sqlite3.connect(former.library / "library.db")
    connection.execute(
        "UPDATE provenances SET body = json_set(body, '$.stages.flash', 3) WHERE id IN ("
        "SELECT provenance FROM result_rows WHERE content NOT IN (SELECT id FROM contents WHERE "
        "content = ?))",
        (CONTENT,),
    )
    connection.commit()
    connection.close()
    again = former.here("scan", storm, "--stages", "flash")
    assert "0 known" in again.err
    assert "1 known" in former.here("scan", storm, "--stages", "flash").err


def test_folders_that_were_watched_become_jobs_and_scans_keep_their_numbers(former: Cli) -> None:
    """Also where the library cannot be changed; a path that is no text is kept byte by byte."""
    folder = os.fsdecode(b"/in\xffbox")
    body = json.dumps({"folder": folder, "profile": "storm", "settle_seconds": 0.5})
    with closing(sqlite3.connect(former.library / "library.db")) as connection:
        connection.execute("INSERT INTO watched VALUES (?, ?)", (os.fsencode(folder), body))
        connection.commit()
    for writable in (False, True):
        with (
            mock.patch.object(library_module, "_bring_up_to_date", return_value=None),
            closing(Library(former.library, writable=writable)) as library,
        ):
            assert [row.id for row in library.runs.all()] == [4, 3, 2, 1]
            (watch,) = library.jobs.all("watch")
            assert (watch.number, watch.profile, watch.state) == (5, "storm", "interrupted")
            assert watch.plan["folder"] == folder and watch.plan["settle_seconds"] == 0.5
            assert {row.kind for row in library.jobs.all()} == {"scan", "watch"}


def test_a_migration_that_is_interrupted_leaves_the_former_library(
    former: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(connection: sqlite3.Connection) -> None:
        score_migration.migrate(connection)
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS[:4], breaks))
    monkeypatch.setattr(database, "SCHEMA_VERSION", 5)
    with pytest.raises(Exception, match="no space left"):
        Library(former.library)
    connection = sqlite3.connect(former.library / "library.db")
    assert connection.execute("PRAGMA user_version").fetchone() == (4,)
    assert connection.execute("SELECT max(score) FROM moments").fetchone() == (29992.875,)
    connection.close()
    monkeypatch.undo()
    Library(former.library).close()


@pytest.fixture
def layout_7(cli: Cli) -> Cli:
    cli.library.mkdir(parents=True)
    packed = (FIXTURES / "provenance_in_results.db.gz").read_bytes()
    (cli.library / "library.db").write_bytes(gzip.decompress(packed))
    return cli


def rows_of(path: Path, *tables: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of tables, read without sightline."""
    with closing(sqlite3.connect(path)) as connection:
        return {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables}


def former_series(path: Path) -> dict[str, tuple[str, list[bytes]]]:
    """Return content and microbatches of each series of layout 7, by key."""
    rows = rows_of(path, "tracks", "chunks")
    return {
        str(key): (str(content), [data for track, _, _, data in rows["chunks"] if track == key])
        for key, content, *_ in rows["tracks"]
    }


def series_of(library: Library, key: str, content: str) -> list[bytes]:
    """Return the microbatches of a series as layout 7 kept them."""
    identity = picture_key(content, key)
    parts: list[SeriesPart] = []
    part = library.series.part_holding(identity, 0)
    while part is not None and (not parts or part.first > parts[-1].first):
        parts.append(part)
        part = library.series.part_holding(identity, part.first + len(part.indices))
    return [_packed(part) for part in parts]


def test_results_that_held_their_provenance_say_what_they_said(layout_7: Cli) -> None:
    """Every row of every table, read through the stores and, as SQL, through the views."""
    path = layout_7.library / "library.db"
    kept = ("results", "candidates", "moments", "shown", "paths", "tasks", "annotations", "marks")
    before, series = rows_of(path, *kept, "contents", "scans"), former_series(path)
    with closing(Library(layout_7.library)) as library:
        for content, spec_hash, frames, failure, warnings, provenance, tracks in before["results"]:
            result = library.results.get(content, spec_hash)
            assert result is not None
            assert (result.frames, result.failure) == (frames, failure)
            assert list(result.warnings) == json.loads(warnings)
            assert result.provenance == json.loads(provenance)
            keys = {name: content_and_key(key)[1] for name, key in result.tracks.items()}
            assert list(keys.items()) == list(json.loads(tracks).items())
            for name, key in result.tracks.items():
                assert len(library.series.whole(key, 0).indices) == frames, name
        assert len(series) == 24
        for key, (content, parts) in series.items():
            assert series_of(library, key, content) == parts
        states = [library.series.state(key) for key in series]
        assert [s.frames for s in states if s.frames and not s.complete] == [288]
    after = rows_of(path, *kept, "contents", "scans")
    for name in kept[1:]:
        assert sorted(map(repr, after[name])) == sorted(map(repr, before[name])), name
    assert [row[:3] for row in after["contents"]] == before["contents"]
    assert [row[:-1] for row in sorted(after["results"])] == [r[:-1] for r in before["results"]]
    assert len(rows_of(path, "provenances")["provenances"]) < len(before["results"])
    assert [row[0] for row in rows_of(path, "pragma_foreign_key_check")["pragma_foreign_key_check"]
            ] == []  # fmt: skip


def test_a_library_of_layout_7_is_continued(layout_7: Cli, tmp_path: Path) -> None:
    """Its pictures are known, an interrupted scan is resumed, and what is removed is gone."""
    former = layout_7.here("export", "2", "--format", "json", "--out", layout_7.home / "out")
    assert former.code == 0, former.err
    listed = layout_7.here("results", "2", "--what", "candidates", "--json").json()
    assert len(listed) == 11 - 5
    assert layout_7.here("show", "/tmp/footage/pictures/3.png").code == 0
    for scan in (1, 2, 3, 4):
        assert layout_7.here("runs", "remove", str(scan)).code == 0
    path = layout_7.library / "library.db"
    gone = ("result_rows", "candidate_rows", "moments", "shown", "contents", "picture_series")
    assert not any(rows_of(path, *gone).values())


MIGRATION_STEPS = ("_refer_to_series", "_move_series")


def test_a_migration_to_references_that_is_killed_leaves_layout_7(layout_7: Cli) -> None:
    path = layout_7.library / "library.db"
    before = rows_of(path, "results", "tracks", "chunks", "candidates")
    for step in MIGRATION_STEPS:
        command = [sys.executable, "-c", KILLED_AT, f"core.storage.reference_migration:{step}",
                   "--library", os.fspath(layout_7.library), "runs", "list"]  # fmt: skip
        killed = subprocess.run(
            command, cwd=ROOT, env=layout_7.env, capture_output=True, check=False
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (7,)
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert rows_of(path, "results", "tracks", "chunks", "candidates") == before
    assert [row["scan"] for row in layout_7.here("runs", "list", "--json").json()] == [4, 3, 2, 1]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (database.SCHEMA_VERSION,)


def test_on_a_full_disk_a_library_of_layout_7_is_read_as_it_is(
    layout_7: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever page of the migration is the first that has no space."""
    path = layout_7.library / "library.db"
    with closing(sqlite3.connect(path)) as connection:
        pages = int(connection.execute("PRAGMA page_count").fetchone()[0])
    connect = database._connect

    most = {"pages": pages}

    def small(path: Path, writable: bool) -> sqlite3.Connection:
        connection = connect(path, writable)
        if writable:
            connection.execute(f"PRAGMA max_page_count = {most['pages']}")
        return connection

    monkeypatch.setattr(database, "_connect", small)
    for spare in (0, 8, 16):
        most["pages"] = pages + spare
        with pytest.raises(DiskFull, match="free some space"):
            Library(layout_7.library)
        with closing(Library(layout_7.library, writable=False)) as library:
            assert [row.id for row in library.runs.all()] == [4, 3, 2, 1]
            assert len(library.results.contents()) == 11
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (7,)
    monkeypatch.undo()
    Library(layout_7.library).close()
    assert rows_of(path, "pragma_user_version")["pragma_user_version"] == [
        (database.SCHEMA_VERSION,)
    ]


def test_a_former_library_that_cannot_be_changed_is_read_all_the_same(
    former: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_module, "_bring_up_to_date", lambda _folder: None)
    library = Library(former.library, writable=False)
    result = library.results.get(CONTENT, library.runs.get(1).spec_hash)
    library.close()
    assert result is not None and all(moment.score < 1 for moment in result.moments)
    connection = sqlite3.connect(former.library / "library.db")
    assert connection.execute("PRAGMA user_version").fetchone() == (4,)
    connection.close()
