"""`sightline models`, as a process against a hub over HTTP."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from core.models import catalog
from core.scans.resolve_models import automatic_model
from tests.hub.conftest import MEBIBYTE, model_files
from tests.hub.local_hub import LocalHub
from tests.hub.test_layouts import snapshot
from tests.tiny.shelf import tiny_model
from tests.workbench import Cli, InProcess, finished

REPO = "org/tiny"


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return InProcess(tmp_path)


@pytest.fixture
def hub(cli: Cli) -> Iterator[LocalHub]:
    with LocalHub() as made:
        for name in ("HF_TOKEN", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "MINICPM_REVISION"):
            cli.env.pop(name, None)
        cli.env |= {"HF_ENDPOINT": made.url, "HF_HOME": str(cli.home / "hf"),
                    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}  # fmt: skip
        yield made


@pytest.fixture
def embedder_files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in tiny_model("clip").iterdir()}


def cache(cli: Cli) -> Path:
    return cli.home / "hf" / "hub" / "models--org--tiny"


def test_pull_prints_the_commit_and_where_it_lies(cli: Cli, hub: LocalHub) -> None:
    commit = hub.add(REPO, model_files())
    ran = finished(cli.start("models", "pull", REPO))
    assert ran.code == 0, ran.err
    name, revision, folder = ran.out.split()
    assert (name, revision) == (REPO, commit)
    assert Path(folder, "model.safetensors").stat().st_size == MEBIBYTE
    assert "3 files, 1.0 MB, 1.0 MB to download" in ran.err
    asked = len(hub.requests)
    assert cli("models", "pull", REPO, "--offline").out == ran.out
    assert len(hub.requests) == asked


def test_pull_tells_events_as_json(cli: Cli, hub: LocalHub) -> None:
    hub.add(REPO, model_files())
    events = cli("models", "pull", REPO, "--json").json()
    assert [events[0]["type"], events[-1]["type"]] == ["PullPlanned", "PullFinished"]
    last = next(e for e in reversed(events) if e["type"] == "PullProgress")
    assert last["done_bytes"] == last["size_bytes"] == events[0]["size_bytes"]


def test_dry_run_fetches_nothing(cli: Cli, hub: LocalHub) -> None:
    hub.add(REPO, model_files())
    ran = cli("models", "pull", REPO, "--dry-run")
    assert ran.code == 0
    assert "model.safetensors" in ran.out
    assert not cache(cli).exists()


def test_one_bad_name_does_not_keep_the_others_from_coming(cli: Cli, hub: LocalHub) -> None:
    hub.add(REPO, model_files())
    ran = cli("models", "pull", "siglip2-bas", "org/none", REPO)
    assert ran.code == 4
    assert "did you mean 'siglip2-base'" in ran.err
    assert "no model 'org/none'" in ran.err
    assert ran.out.startswith(REPO)
    assert "Traceback" not in ran.err


def test_killed_and_pulled_again_fetches_only_the_rest(cli: Cli, hub: LocalHub) -> None:
    files = model_files(mebibytes=12)
    hub.add(REPO, files)
    hub.faults.bytes_per_second = 6 * MEBIBYTE
    process = cli.start("models", "pull", REPO)
    hub.wait_served(4 * MEBIBYTE)
    process.send_signal(signal.SIGKILL)
    finished(process)
    hub.faults.bytes_per_second = 0
    assert not (cache(cli) / "snapshots").exists()
    ran = cli("models", "pull", REPO)
    assert ran.code == 0, ran.err
    folder = Path(ran.out.split()[2])
    assert (folder / "model.safetensors").read_bytes() == files["model.safetensors"]
    # What was on its way when the process was killed is fetched again, and no more.
    assert hub.served_bytes <= sum(map(len, files.values())) + MEBIBYTE
    first, second = hub.asked_for("model.safetensors")
    assert first.range is None
    assert int((second.range or "bytes=0-")[6:-1]) >= 3 * MEBIBYTE
    assert cli("models", "verify", REPO, "--files-only").code == 0


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_interrupted_says_that_the_same_command_goes_on(cli: Cli, hub: LocalHub, name: str) -> None:
    hub.add(REPO, model_files(mebibytes=8))
    hub.faults.bytes_per_second = 4 * MEBIBYTE
    process = cli.start("models", "pull", REPO)
    hub.wait_served(MEBIBYTE)
    process.send_signal(getattr(signal, name))
    ran = finished(process)
    assert ran.code == 130
    assert "run the same command again" in ran.err
    assert "Traceback" not in ran.err
    assert list((cache(cli) / "blobs").glob("*.part"))


def test_two_processes_pull_the_same_model_once(cli: Cli, hub: LocalHub) -> None:
    files = model_files(mebibytes=6)
    hub.add(REPO, files)
    hub.faults.bytes_per_second = 6 * MEBIBYTE
    both = [cli.start("models", "pull", REPO) for _ in range(2)]
    ends = [finished(process) for process in both]
    assert [ran.code for ran in ends] == [0, 0], [ran.err for ran in ends]
    assert len({ran.out for ran in ends}) == 1
    assert len(hub.asked_for("model.safetensors")) == 1
    assert cli("models", "verify", REPO, "--files-only").code == 0


def test_offline_names_the_command_that_fetches_it(cli: Cli, hub: LocalHub) -> None:
    ran = cli("models", "show", REPO, "--offline")
    assert ran.code == 4
    assert f"sightline models pull {REPO}" in ran.err
    assert not hub.requests


def test_list_and_show_need_no_network(cli: Cli, hub: LocalHub) -> None:
    commit = hub.add(REPO, model_files())
    cli("models", "pull", REPO)
    asked = len(hub.requests)
    ran = cli("models", "list")
    assert "siglip2-base" in ran.out
    assert cli("models", "list", "--cached").out.count("\n") == 2
    mine = [line for line in cli("models", "list", "--json").json() if line["repo"] == REPO]
    assert [(line["state"], line["pinned"]) for line in mine] == [("whole", commit)]
    shown = cli("models", "show", "siglip2-base").out
    assert "google/siglip2-base-patch16-224" in shown
    body = cli("models", "show", REPO, "--json").json()[0]
    assert body["revision"] == commit
    assert commit in body["here"][0]
    assert len(hub.requests) == asked


def test_verify_finds_damage_and_clean_mends_it(cli: Cli, hub: LocalHub) -> None:
    hub.add(REPO, model_files())
    folder = Path(cli("models", "pull", REPO).out.split()[2])
    blob = (folder / "model.safetensors").resolve()
    blob.write_bytes(blob.read_bytes()[:-1] + b"\0")
    ran = cli("models", "verify", REPO, "--files-only")
    assert ran.code == 1
    assert "damaged    model.safetensors" in ran.out
    cli("models", "verify", REPO, "--files-only", "--clean")
    assert cli("models", "pull", REPO).code == 0
    assert cli("models", "verify", REPO, "--files-only").code == 0


def test_what_was_verified_is_in_the_matrix_and_can_be_promoted(
    cli: Cli, hub: LocalHub, embedder_files: dict[str, bytes]
) -> None:
    hub.add(REPO, {**embedder_files, "note.txt": b"older"})
    cli("models", "pull", REPO)
    newest = hub.add(REPO, embedder_files)
    assert cli("models", "promote", REPO).code == 2
    cli("models", "pull", REPO, "--channel", "edge")
    assert cli("models", "verify", REPO, "--files-only", "--channel", "edge").code == 0
    refused = cli("models", "promote", REPO)
    assert refused.code == 2 and "only its files were checked" in refused.err
    for channel in ("edge", "stable"):
        ran = cli("models", "verify", REPO, "--channel", channel)
        assert ran.code == 0, ran.err
    rows: list[dict[str, Any]] = cli("models", "matrix", "--json").json()
    row = next(row for row in rows if row["commit"] == newest and row["attn"])
    assert row["attn"] == ["sdpa", "eager"]
    assert "NVIDIA" in row["tried"]["flash_attention_2"] and row["tried"]["sdpa"] == ""
    assert row["processor"]["class"].startswith("CLIPImageProcessor")
    assert "shortest_edge=64" in row["processor"]["size"]
    assert row["saved_with"] == row["transformers"] == version("transformers")
    assert "(flash_attention_2)" in cli("models", "matrix").out
    assert cli("models", "promote", REPO).code == 0
    assert cli("models", "show", REPO, "--json").json()[0]["revision"] == newest


def test_remove_frees_the_disk_and_keeps_the_pin(cli: Cli, hub: LocalHub) -> None:
    commit = hub.add(REPO, model_files())
    cli("models", "pull", REPO)
    freed = json.loads(cli("models", "remove", REPO, "--json").out)["freed_bytes"]
    assert freed > MEBIBYTE
    assert not cache(cli).exists()
    hub.add(REPO, model_files(2))
    assert cli("models", "pull", REPO).out.split()[1] == commit


def test_hostile_names_reach_no_terminal(cli: Cli, hub: LocalHub) -> None:
    from tests.hub.local_hub import Stored

    honest = [Stored(path, body) for path, body in model_files().items()]
    hub.add(REPO, [*honest, Stored("../../\x1b[2Jevil", b"evil")])
    ran = cli("models", "pull", REPO)
    assert ran.code == 4
    assert b"\x1b" not in ran.raw_err + ran.raw_out
    assert not list(cli.home.rglob("*evil*"))


def test_what_a_pull_refuses_is_refused_by_scan_validate_and_show(
    cli: Cli, hub: LocalHub, tmp_path: Path
) -> None:
    gguf = {
        "config.json": b'{"model_type": "siglip"}', "preprocessor_config.json": b"{}",
        "tokenizer.json": b"{}", "model-Q8_0.gguf": b"x" * 9000,
    }  # fmt: skip
    hub.add(REPO, gguf)
    expected = "has its weights only as GGUF; serve it with llama.cpp, Ollama or LM Studio"
    (tmp_path / "mine.toml").write_text(
        f'extends = "index"\nstages = ["embed"]\n[embed]\nmodel = "{REPO}"\n'
    )
    (tmp_path / "pictures").mkdir()
    scan = ("scan", str(tmp_path / "pictures"), "--profile", str(tmp_path / "mine.toml"))
    assert cli("profiles", "validate", str(tmp_path / "mine.toml")).code == 0  # nothing is here
    assert expected in cli("models", "show", REPO).out
    edge = cli(*scan, "--set", "models.channel=edge")
    assert (edge.code, expected in edge.err) == (4, True), edge.err
    assert cli("models", "pull", REPO).code == 4
    snapshot(cli.home / "hf" / "hub", REPO, gguf)
    stable = cli(*scan)
    named = "as it is on this disk, has its weights only as GGUF; for other files"
    assert (stable.code, named in stable.err) == (4, True), stable.err
    validated = cli("profiles", "validate", str(tmp_path / "mine.toml"), "quick")
    assert (validated.code, "ok     quick" in validated.out) == (2, True)
    assert named in validated.out
    assert not hub.asked_for("model-Q8_0.gguf")
    # `auto` is checked as the model that it represents on this machine.
    chosen = catalog.load().models[automatic_model("embed", "cpu")].repo
    snapshot(cli.home / "hf" / "hub", chosen, {"model_index.json": b"{}", "x.bin": b"x"})
    (tmp_path / "auto.toml").write_text(
        'extends = "index"\nstages = ["embed"]\n[embed]\nmodel = "auto"\n[models]\ndevice = "cpu"\n'
    )
    validated = cli("profiles", "validate", str(tmp_path / "auto.toml"))
    assert (validated.code, "is a pipeline of diffusers" in validated.out) == (2, True)


def test_unpin_and_the_notice_of_a_wait(cli: Cli, hub: LocalHub) -> None:
    dead = hub.add(REPO, model_files(1))
    assert cli("models", "pull", REPO).code == 0
    assert cli("models", "remove", REPO).code == 0
    new = hub.add(REPO, model_files(2))
    hub.squash(REPO, dead)
    refused = cli("models", "pull", REPO)
    assert (refused.code, "sightline models unpin org/tiny" in refused.err) == (4, True)
    unpinned = cli("models", "unpin", REPO, "--json").json()
    assert unpinned == [{"type": "ModelUnpinned", "repo": REPO, "commit": dead}]
    assert cli("models", "unpin", REPO).code == 2
    hub.faults.too_many, hub.faults.retry_after = 1, "1"
    ran = cli("models", "pull", REPO, "--json").json()
    assert ran[0] == {
        "type": "PullNotice", "name": REPO,
        "text": "org/tiny: the hub's rate limit is reached; waiting 1 s as it asks",
    }  # fmt: skip
    assert ran[-1]["revision"] == new


def test_a_token_with_a_letter_that_is_not_ascii_is_named(cli: Cli, hub: LocalHub) -> None:
    hub.add(REPO, model_files())
    cli.env["HF_TOKEN"] = "hf_\u00e9"
    del cli.env["HF_HUB_DISABLE_IMPLICIT_TOKEN"]
    ran = cli("models", "pull", REPO)
    assert ran.code == 4
    assert "HF_TOKEN holds a letter that is not ASCII (character 4)" in ran.err


def test_files_without_checksums_verify_nothing(cli: Cli, hub: LocalHub) -> None:
    files = {name: body for name, body in model_files().items() if "/" not in name}
    snapshot(cli.home / "hf" / "hub", REPO, files, links=False)
    ran = cli("models", "verify", REPO, "--files-only", "--offline")
    assert ran.code == 0, ran.err
    assert "unchecked  model.safetensors" in ran.out
    assert "nothing was recorded" in ran.err
    assert not cli("models", "matrix", "--json").out
