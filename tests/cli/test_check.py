"""`check batch`: the same frames in batches of several sizes, compared."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.storage.library import Library
from tests.models.vlm.faulty_server import FaultyServer, Turn
from tests.tiny.shelf import tiny_model
from tests.workbench import Cli, InProcess


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    made = FaultyServer()
    yield made
    made.close()


def test_a_library_that_another_command_holds_keeps_no_batch_check(
    inside: InProcess, pictures: Path
) -> None:
    held = Library(inside.library)
    try:
        done = inside("check", "batch", pictures, "--profile", "quick", "--sizes", "2,3", "--json")
    finally:
        held.close()
    assert done.code == 0, done.err
    assert [line["batch"] for line in done.json()] == [2, 3]
    assert inside("runs", "list", "--all", "--json").out == ""


def test_local_models_answer_the_same_in_any_batch(inside: InProcess, pictures: Path) -> None:
    done = inside(
        "check", "batch", pictures, "--stages", "embed,caption", "--sizes", "1,3", "--frames", "6",
        "--set", f"embed.model={tiny_model('clip')}",
        "--set", f"vlm.model={tiny_model('qwen3_vl')}", "--set", "vlm.max_tokens=8", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    one, three = done.json()
    assert (one["batch"], three["batch"], one["frames"], three["frames"]) == (1, 3, 6, 6)
    assert one["speed"] == 1.0 and three["frames_per_second"] > 0
    for line in (one, three):
        said = {stage["stage"]: stage for stage in line["stages"]}
        assert set(said) == {"embed", "caption"}
        assert all(stage["same"] == stage["answers"] == 6 for stage in said.values())
        assert 0 < line["share"] < 1.5, "the models' own time, of all the time it took"
        assert said["embed"]["least_cosine"] > 0.999 and not said["caption"]["difference"]
    assert inside("runs", "list", "--json").out == "", "no scan of it is among the user's"
    (job,) = inside("runs", "list", "--all", "--json").json()
    assert (job["kind"], job["state"], job["done"], job["total"]) == ("batch-check", "done", 2, 2)
    assert not list((inside.library / "scratch").iterdir())


def test_an_answer_that_changes_with_the_batch_is_shown(
    cli: Cli, pictures: Path, server: FaultyServer
) -> None:
    def decide(_body: dict[str, Any], _number: int) -> Turn:
        # As a server that batches what comes at once may well do.
        server.text = f"A street {'at night' if server.under_way == 1 else 'by day'}."
        return Turn(wait_seconds=0.2)

    server.decide = decide
    done = cli.here(
        "check", "batch", pictures, "--stages", "caption", "--sizes", "1,4", "--frames", "4",
        "--set", f"vlm.model={server.url}#tiny",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "4 of 4" in done.out.splitlines()[1] and "4 of 4" not in done.out.splitlines()[2]
    assert "of models:" not in done.out + done.err, "a server's own speed is not measured"
    assert "'A street at night.' became 'A street by day.'" in done.out
    assert "almost equally likely" in " ".join(done.out.split())


def test_screening_finds_the_same_in_any_microbatch(cli: Cli, storm: Path) -> None:
    done = cli.here(
        "check", "batch", storm, "--profile", "quick", "--sizes", "16,512", "--rounds", "2"
    )
    assert done.code == 0, done.err
    assert [line.split()[-3:] for line in done.out.splitlines()[1:]] == [["1", "of", "1"]] * 2


def test_the_share_of_the_models_own_speed_is_measured(inside: InProcess, pictures: Path) -> None:
    asked = ("--stages", "embed", "--set", f"embed.model={tiny_model('clip')}", "--rounds", "2")
    done = inside("check", "speed", pictures, *asked, "--frames", "6")
    assert done.code == 0, done.err
    heading, line = done.out.splitlines()
    assert "of models" in heading and line.split()[0] == "profile"
    assert "6 frames; speeds include decoding\n" in done.err
    (body,) = inside("check", "speed", pictures, *asked, "--json").json()
    assert body["batch"] == 0 and 0 < body["share"] < 1.5
    (plain,) = inside("check", "speed", pictures, "--profile", "quick", "--json").json()
    assert plain["share"] is None and plain["frames_per_second"] > 0


def test_what_makes_no_sense_is_refused_before_anything_is_read(
    inside: InProcess, storm: Path
) -> None:
    for sizes in ("0", "2²", "", "1,x"):
        none = inside("check", "batch", storm, "--sizes", sizes)
        assert none.code == 2 and "integers of 1 or more" in none.err
    big = inside("check", "batch", storm, "--sizes", "1,5000")
    assert big.code == 2 and "run.batch_size" in big.err and "4096" in big.err
    gone = inside("check", "batch", inside.home / "gone.mp4")
    assert gone.code == 2 and "gone.mp4" in gone.err
