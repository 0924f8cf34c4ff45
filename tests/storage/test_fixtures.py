"""Libraries that earlier versions wrote open whole, and say what they said."""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest

from core.storage import database, score_migration
from core.storage import library as library_module
from core.storage.library import Library
from tests.workbench import Cli

FIXTURES = Path(__file__).parent / "fixtures"
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
        "UPDATE results SET provenance = json_set(provenance, '$.stages.flash', 3) "
        "WHERE content NOT IN (?)",
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
