"""`runs verify --stage`: one stage again, on its stored input, against what is kept or a file."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.screening.flash import FlashStage
from core.sources.reader import Reader
from tests.models.vlm.faulty_server import FaultyServer
from tests.tiny.shelf import tiny_model
from tests.workbench import Cli, InProcess


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    made = FaultyServer()
    yield made
    made.close()


@pytest.fixture
def mine(scanned: InProcess, tmp_path: Path) -> Cli:
    """A library of the test's own in which scan 1 did the storm and the pictures."""
    shutil.copytree(scanned.library, tmp_path / "library")
    return Cli(tmp_path)


def states(ran: Any) -> dict[str, str]:
    return {Path(row["path"]).name: row["state"] for row in ran.json()}


def test_a_decision_is_made_again_on_what_was_measured(
    mine: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_reading(*_args: Any, **_named: Any) -> None:
        raise AssertionError("a frame was read")

    monkeypatch.setattr(Reader, "video", no_reading)
    same = mine.here("runs", "verify", "1", "--stage", "flash", "--json")
    assert same.code == 0, same.err
    assert states(same)["storm.mp4"] == "same"

    decide = FlashStage.decide

    def weaker(*args: Any, **named: Any) -> Any:
        import dataclasses

        found = decide(*args, **named)
        return [dataclasses.replace(each, score=each.score * 0.9) for each in found]

    monkeypatch.setattr(FlashStage, "decide", weaker)
    changed = mine.here("runs", "verify", "1", "--stage", "flash", "--json")
    assert changed.code == 1 and states(changed)["storm.mp4"] == "changed"
    (reason,) = [row["reason"] for row in changed.json() if row["path"].endswith("storm.mp4")]
    assert reason.startswith("candidate 0 at frame ") and ": score " in reason
    other = mine.here("runs", "verify", "1", "--stage", "motion")
    assert other.code == 0, "the change of one stage is no change of another"


def test_a_golden_file_is_compared_with_long_after(mine: Cli, tmp_path: Path) -> None:
    golden = tmp_path / "flash.jsonl"
    wrote = mine.here("runs", "verify", "1", "--stage", "flash", "--write-golden", golden)
    assert wrote.code == 0 and "written to" in wrote.err
    again = mine.here("runs", "verify", "1", "--stage", "flash", "--golden", golden, "--json")
    assert again.code == 0 and set(states(again).values()) <= {"same", "skipped"}
    heading, *rows = [json.loads(line) for line in golden.read_text().splitlines()]
    assert heading["stage"] == "flash" and heading["stage_version"] >= 4
    for row in rows:
        for candidate in row["candidates"]:
            candidate["peak_frame"] += 1
    golden.write_text("\n".join(map(json.dumps, [heading, *rows])))
    moved = mine.here("runs", "verify", "1", "--stage", "flash", "--golden", golden, "--json")
    assert moved.code == 1 and states(moved)["storm.mp4"] == "changed"
    golden.write_text("\n".join(map(json.dumps, [heading])))
    none = mine.here("runs", "verify", "1", "--stage", "flash", "--golden", golden, "--json")
    assert none.code == 1 and set(states(none).values()) == {"skipped"}
    assert "0 same, 0 changed" in none.err, "nothing was compared"

    for args, words in (
        (("--stage", "flahs"), "did you mean 'flash'"),
        (("--golden", golden), "name it with --stage"),
        (("--stage", "motion", "--golden", golden), "contains stage 'flash'"),
        (("--stage", "flash", "--golden", __file__), "not a golden file"),
        (("--write-golden", tmp_path / "x"), "name it with --stage"),
        (("--stage", "flash", "--golden", golden, "--write-golden", golden), "mutually exclusive"),
    ):
        refused = mine.here("runs", "verify", "1", *args)
        assert refused.code == 2 and words in refused.err, (args, refused.err)


def test_a_hostile_golden_file_is_refused(mine: Cli, tmp_path: Path) -> None:
    golden = tmp_path / "golden.jsonl"
    assert mine.here("runs", "verify", "1", "--stage", "flash", "--write-golden", golden).code == 0
    heading, *_ = golden.read_text().splitlines()
    for number, text in enumerate((
        f"{heading}\n{'[' * 200_000}", heading + '\n{"content": ["a"]}', "\x1b[31m", "[]",
        heading[:-1],
    )):  # fmt: skip
        bad = tmp_path / f"{number}.jsonl"
        bad.write_text(text)
        refused = mine.here("runs", "verify", "1", "--stage", "flash", "--golden", bad)
        assert refused.code == 2 and "not a golden file" in refused.err, (text[:40], refused.err)
        assert "\x1b" not in refused.err
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    waits = mine.here("runs", "verify", "1", "--stage", "flash", "--golden", pipe)
    assert waits.code == 2 and "not a regular file" in waits.err


def test_a_pipe_is_no_file_of_a_setting(mine: Cli, storm: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for name in ("regions.mask", "tag.vocabulary", "caption.json_schema"):
        args = ("--stages", "flash,tag,caption", "--set", f"{name}={pipe}", "--dry-run")
        refused = mine.here("scan", storm, *args)
        assert refused.code == 2 and "not a regular file" in refused.err, (name, refused.err)


def test_one_model_is_asked_again_and_no_other(
    cli: Cli, pictures: Path, server: FaultyServer, tmp_path: Path
) -> None:
    scan = cli.here(
        "scan", pictures / "one.png", pictures / "flat.png", "--stages", "embed,caption",
        "--set", f"embed.model={tiny_model('clip')}", "--set", f"vlm.model={server.url}#tiny",
    )  # fmt: skip
    assert scan.code == 0, scan.err
    golden = tmp_path / "embed.jsonl"
    assert cli.here("runs", "verify", "1", "--stage", "embed", "--write-golden", golden).code == 0
    asked = len(server.asked())
    embedded = cli.here("runs", "verify", "1", "--stage", "embed", "--golden", golden)
    assert embedded.code == 0 and len(server.asked()) == asked
    assert cli.here("runs", "verify", "1", "--stage", "caption").code == 0
    assert len(server.asked()) == 2 * asked
    server.text = "Something else."
    changed = cli.here("runs", "verify", "1", "--stage", "caption", "--json")
    assert changed.code == 1
    assert {row["reason"] for row in changed.json()} == {"1 of 1 answer changed, first at frame 0"}
    # Vectors survive being written as text.
    row = json.loads(golden.read_text().splitlines()[1])
    vector = np.frombuffer(__import__("base64").b64decode(row["answers"][0]["vector"]), "<f4")
    assert abs(float(vector @ vector) - 1) < 1e-5
