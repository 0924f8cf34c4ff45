"""The library on disk: layouts, transactions, no room, no right to write, what removal keeps."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path

import pytest

from core.cli.main import cli as command_line
from core.errors import DiskFull, EnvironmentFault, LibraryBusy, UnknownName
from core.protocol.commands import CancelScan, RemoveScan, ResumeScan, SubmitScan
from core.protocol.messages import BatchDone, ScanFinished
from core.service.client import LocalClient
from core.storage import database as database_module
from core.storage.database import MIGRATIONS, SCHEMA_VERSION, Database
from core.storage.library import Library
from core.storage.thumbnails import Thumbnails
from tests.workbench import STROKES, Cli


def version_of(path: Path) -> int:
    connection = sqlite3.connect(path)
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    connection.close()
    return version


def test_a_new_library_has_the_newest_layout_and_opens_again(tmp_path: Path) -> None:
    for _ in range(2):
        library = Library(tmp_path / "deep" / "library")
        scan = library.runs.create("p", {}, "h", {}, [])
        assert len(library.runs.all()) == scan
        library.close()
    assert version_of(library.database.path) == SCHEMA_VERSION == len(MIGRATIONS)


def test_a_migration_that_fails_leaves_the_layout_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Library(tmp_path).close()
    bad = (*MIGRATIONS, "CREATE TABLE more (x); INSERT INTO nowhere VALUES (1)")
    monkeypatch.setattr(database_module, "MIGRATIONS", bad)
    monkeypatch.setattr(database_module, "SCHEMA_VERSION", len(bad))
    with pytest.raises(EnvironmentFault):
        Library(tmp_path)
    assert version_of(tmp_path / "library.db") == len(MIGRATIONS)
    monkeypatch.undo()
    Library(tmp_path).close()


def test_a_transaction_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    library = Library(tmp_path)
    with pytest.raises(KeyError), library.database.transaction() as connection:
        connection.execute("INSERT INTO contents (content, kind, info) VALUES ('c', 'video', '{}')")
        raise KeyError
    assert library.results.contents() == set()
    with library.database.transaction() as connection:
        connection.execute("INSERT INTO contents (content, kind, info) VALUES ('c', 'video', '{}')")
    library.close()
    again = Library(tmp_path)
    assert again.results.contents() == {"c"}
    again.close()


def fill(database: Database) -> None:
    for number in range(500):
        with database.transaction() as connection:
            connection.execute(
                "INSERT INTO contents (content, kind, info) VALUES (?, 'video', ?)",
                (str(number), "x" * 4000),
            )


def test_a_full_disk_is_told_and_nothing_is_half_written(tmp_path: Path) -> None:
    library = Library(tmp_path)
    with library.database.reading() as connection:
        connection.execute("PRAGMA max_page_count = 100")
    with pytest.raises(DiskFull, match="free some space"):
        fill(library.database)
    kept = library.results.contents()
    assert 0 < len(kept) < 500
    with pytest.raises(DiskFull):
        fill_one_more(library.database)
    with library.database.reading() as connection:
        connection.execute("PRAGMA max_page_count = 100000")
    fill_one_more(library.database)
    assert library.results.contents() == kept | {"more"}
    library.close()


def fill_one_more(database: Database) -> None:
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO contents (content, kind, info) VALUES ('more', 'video', ?)", ("x" * 9000,)
        )


def test_a_scan_that_fills_the_disk_ends_with_4_and_resumes(
    tmp_path: Path, long_storm: Path, storm: Path, cli: Cli,
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    connect = database_module._connect

    def small(path: Path, writable: bool) -> sqlite3.Connection:
        connection = connect(path, writable)
        connection.execute("PRAGMA max_page_count = 60")
        return connection

    monkeypatch.setattr(database_module, "_connect", small)
    args = ["--library", str(cli.library), "scan", str(long_storm), "--profile", "storm"]
    args += ["--set", "run.batch_size=16"]
    code = command_line.main(args, standalone_mode=False)
    said = capfd.readouterr()
    assert code == 4
    assert "no space left" in said.err and "runs resume 1" in said.err
    monkeypatch.undo()
    ran = cli.here("runs", "resume", "1", "--json")
    assert ran.code == 0
    assert ran.of("BatchDone")[0]["frames"] > 16  # what was kept is not measured again
    assert ran.of("ScanFinished")[0]["moments"] == 12 * STROKES


def test_reading_never_writes_and_never_waits(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="no library"):
        Library(tmp_path, writable=False)
    assert list(tmp_path.iterdir()) == []
    writer = Library(tmp_path)
    writer.runs.create("p", {}, "h", {}, [])
    reader = Library(tmp_path, writable=False)
    assert len(reader.runs.all()) == 1
    with pytest.raises(EnvironmentFault, match="permissions"):
        reader.runs.create("p", {}, "h", {}, [])
    with pytest.raises(LibraryBusy, match=str(os.getpid())):
        Library(tmp_path)
    writer.close()
    reader.close()
    Library(tmp_path).close()


def test_a_thumbnail_appears_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thumbnails = Thumbnails(tmp_path)
    assert thumbnails.get("c", 1.5, 320) is None
    thumbnails.put("c", 1.5, 320, b"old")
    assert thumbnails.get("c", 1.5, 320) == b"old"
    assert thumbnails.get("c", 1.5, 160) is None

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(DiskFull):
        thumbnails.put("c", 1.5, 320, b"new")
    assert thumbnails.get("c", 1.5, 320) == b"old"
    assert [path.read_bytes() for path in tmp_path.rglob("*.*")] == [b"old"]


def test_removing_a_scan_keeps_what_others_need(cli: Cli, storm: Path) -> None:
    for sensitivity in ("0.5", "0.5", "0.8"):
        cli.here("scan", storm, "--profile", "storm", "--sensitivity", sensitivity)
    assert cli.here("runs", "remove", "1").code == 0
    assert [line["scan"] for line in cli.here("runs", "list", "--json").json()] == [3, 2]
    assert cli.here("runs", "show", "1").code == 2
    assert len(cli.here("export", "2").out.splitlines()) == 3
    cli.here("runs", "remove", "2")
    assert cli.here("runs", "verify", "3").out.startswith("same")
    again = cli.here("scan", storm, "--profile", "storm", "--json")
    assert not again.of("BatchDone"), "the measurements belong to scan 3 as well"
    for scan in ("3", "5"):  # 4 is the verification
        assert cli.here("runs", "remove", scan).code == 0
    assert cli.here("scan", storm, "--profile", "storm", "--json").of("BatchDone")


def test_removing_a_scan_keeps_what_an_interrupted_one_has_measured(
    tmp_path: Path, long_storm: Path, storm: Path
) -> None:
    async def run() -> None:
        client = await LocalClient.open(tmp_path)
        spec = {"run.batch_size": 16}
        other = await client.send(SubmitScan((str(storm),), "storm"))
        scan = await client.send(SubmitScan((str(long_storm),), "storm", spec))
        frames = first = 0
        async for number, event in client.events():
            if isinstance(event, BatchDone) and event.scan == scan and not frames:
                frames = event.frames
                await client.send(CancelScan(scan))
            if isinstance(event, ScanFinished) and event.scan == scan:
                ended = number
                break
        await client.send(RemoveScan(other))
        await client.send(ResumeScan(scan))
        async for _, event in client.events(ended + 1):
            if isinstance(event, BatchDone):
                first = event.frames
                break
        await client.close()
        assert first > frames > 0

    asyncio.run(run())
