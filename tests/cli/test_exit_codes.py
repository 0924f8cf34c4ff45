"""Each documented exit code, by a call that earns it, with words that say what to do."""

from __future__ import annotations

import signal
import sqlite3
from pathlib import Path

import pytest

from core.storage.database import SCHEMA_VERSION
from tests.workbench import STROKES, Cli, InProcess, finished, wait_for


def test_0_events_on_stdout_and_the_rest_on_stderr(cli: Cli, storm: Path) -> None:
    ran = cli("scan", storm, "--profile", "storm")
    assert ran.code == 0
    assert len(ran.out.splitlines()) == STROKES
    assert all(line.startswith(f"{storm}@00:00:0") for line in ran.out.splitlines())
    assert "1 source," in ran.err and f"{STROKES} events" in ran.err
    assert cli.here("--quiet", "scan", storm, "--profile", "storm").err == ""


def test_1_names_each_failed_source_and_finishes_the_others(
    cli: Cli, storm: Path, broken: Path, tmp_path: Path
) -> None:
    ran = cli("scan", broken, storm, tmp_path / "absent.mp4", "--profile", "storm")
    assert ran.code == 1
    assert len(ran.out.splitlines()) == STROKES
    failures = [line for line in ran.err.splitlines() if line.startswith("failed: ")]
    assert [str(broken) in line or "absent.mp4" in line for line in failures] == [True, True]
    assert (
        cli.here("runs", "show", "1", "--failed").out.count("failed") == 3
    )  # a heading and two rows


def test_2_says_what_is_wrong_and_does_nothing(cli: Cli) -> None:
    ran = cli("scan", "x.mp4", "--profile", "strom")
    assert (ran.code, ran.out) == (2, "") and "did you mean 'storm'" in ran.err
    assert not cli.library.exists()


WRONG: list[tuple[tuple[str, ...], str]] = [
    (("scan", "-q", "x.mp4"), "Put it before the command: sightline -q scan"),
    (("scan", "x.mp4", "--set", "flash.sensitivty=0.3"), "did you mean 'flash.sensitivity'"),
    (("scan", "x.mp4", "--set", "flash.sensitivity=7"), "flash.sensitivity = 7"),
    (("scan", "x.mp4", "--set", "flash"), "section.key=value"),
    (("scan", "x.mp4", "--stages", "flsh"), "did you mean 'flash'"),
    (("scan", "x.mp4", "--stages", "segment"), "add 'detect'"),
    (("scan", "x.mp4", "--stages", ""), "stages is empty"),
    (("scan", "x.mp4", "--out", "o", "--format", "jsno"), "did you mean 'json'"),
    (("scan", "x.mp4", "--format", "json"), "--out"),
    (("scan", "x.mp4", "--redo", "--changed"), "mutually exclusive"),
    (("scan", "x.mp4", "--jsn"), "--json"),
    (("scan",), "name at least one"),
    (("scna", "x.mp4"), "did you mean 'scan'"),
    (("show", "x.mp4@soon"), "FILE@83.5"),
    (("runs", "lst"), "list"),
    (("runs", "resume", "1", "--format", "json"), "--out"),
]


@pytest.mark.parametrize(("args", "words"), WRONG)
def test_2_for_everything_that_is_wrong(
    inside: InProcess, args: tuple[str, ...], words: str
) -> None:
    ran = inside(*args)
    assert ran.code == 2, ran.err
    assert words in ran.err
    assert ran.out == ""
    assert not (inside.library / "library.db").exists()


@pytest.mark.parametrize("args", [(), ("runs",), ("profiles",)])
def test_2_with_the_help_where_a_command_is_missing(
    inside: InProcess, args: tuple[str, ...]
) -> None:
    ran = inside(*args)
    assert ran.code == 2
    assert ran.err.startswith("Usage: sightline")
    assert "\nCommands:\n" in ran.err


def test_2_for_what_is_not_in_the_library(scanned: InProcess, inside: InProcess) -> None:
    assert inside("runs", "list").code == 2
    for args in (("runs", "show", "99"), ("export", "99"), ("runs", "resume", "1")):
        ran = scanned(*args)
        assert (ran.code, ran.out) == (2, ""), args
    many = "9" * 24  # more than SQLite's 64 bits hold
    for words in ("results N", "export N", "diff N 1", "duplicates --scan N", "map --scan N",
                  "runs show N", "runs verify N", "score N --truth judgements"):  # fmt: skip
        ran = scanned(*words.replace("N", many).split())
        assert (ran.code, ran.out) == (2, "") and "too large" in ran.err, (words, ran.err)
    assert "not in this library" in scanned("show", "/no/such.mp4@1").err


def test_3_when_nothing_is_there_to_scan(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no footage")
    empty = cli("scan", tmp_path)
    assert (empty.code, empty.out) == (3, "")
    assert "nothing to scan" in empty.err


def test_3_says_when_the_profile_looks_at_none_of_the_files(
    inside: InProcess, pictures: Path
) -> None:
    ran = inside("scan", pictures, "--profile", "storm")
    assert ran.code == 3
    assert "--profile quick" in ran.err


def test_4_while_another_engine_writes_then_130_then_resume(cli: Cli, long_storm: Path) -> None:
    first = cli.start(
        "scan", long_storm, "--profile", "storm", "--set", "run.batch_size=16", "--json"
    )
    wait_for(first, "BatchDone", 5)
    first.send_signal(signal.SIGSTOP)  # hold it where it is while others look
    second = cli("scan", long_storm)
    assert second.code == 4
    assert str(first.pid) in second.err and "another engine" in second.err
    assert "running" in cli.here("runs", "list").out
    first.send_signal(signal.SIGINT)
    first.send_signal(signal.SIGCONT)
    stopped = finished(first)
    assert stopped.code == 130
    assert stopped.of("ScanFinished")[0]["state"] == "interrupted"
    assert "runs resume 1" in stopped.err
    resumed = cli.here("runs", "resume", "1", "--json")
    assert resumed.code == 0
    done = [event["frames"] for event in resumed.of("BatchDone")]
    assert done[0] > 5 * 16 and done[-1] == 2400
    assert resumed.of("ScanFinished")[0]["moments"] == 12 * STROKES


def test_130_before_the_first_microbatch(cli: Cli, long_storm: Path) -> None:
    process = cli.start("scan", long_storm, "--json")
    wait_for(process, "ScanStarted")
    process.send_signal(signal.SIGTERM)
    assert finished(process).code == 130
    assert cli.here("runs", "resume", "1").code == 0


READING = [("scan", "."), ("runs", "list"), ("export", "1")]


@pytest.mark.parametrize("args", READING)
def test_4_for_a_library_of_a_newer_version(inside: InProcess, args: tuple[str, ...]) -> None:
    inside.library.mkdir()
    database = sqlite3.connect(inside.library / "library.db")
    database.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    database.close()
    ran = inside(*args)
    assert (ran.code, ran.out) == (4, "")
    assert "newer sightline" in ran.err


@pytest.mark.parametrize("args", READING)
def test_4_for_a_damaged_library(inside: InProcess, args: tuple[str, ...]) -> None:
    inside.library.mkdir()
    (inside.library / "library.db").write_bytes(b"\x07 rubbish " * 1000)
    ran = inside(*args)
    assert (ran.code, ran.out) == (4, "")
    assert "cannot be read" in ran.err
    assert (inside.library / "library.db").read_bytes() == b"\x07 rubbish " * 1000


@pytest.mark.parametrize("command", [("scan", "."), ("export", "1", "--out", "plain")])
def test_4_when_a_folder_cannot_be_made(
    inside: InProcess, scanned: InProcess, tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "plain").write_text("a file, no folder")
    library = scanned.library if command[0] == "export" else tmp_path / "plain" / "library"
    ran = inside("--library", library, *command)
    assert (ran.code, ran.out) == (4, ""), ran.err
    assert "plain" in ran.err
