"""Weights by name, and what `models verify` records of a quantised model: with a hub over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.test_models import REPO, cli, embedder_files, hub
from tests.hub.local_hub import LocalHub
from tests.tiny import quantised as q
from tests.tiny.shelf import tiny_model
from tests.workbench import Cli

__all__ = ["cli", "embedder_files", "hub"]
WHOLE, VARIANT = "model.safetensors", "model.fp16.safetensors"


def test_weights_by_name_are_the_ones_that_load(
    cli: Cli, hub: LocalHub, embedder_files: dict[str, bytes]
) -> None:
    files = {**embedder_files, VARIANT: embedder_files[WHOLE], WHOLE: b"broken" * 2000}
    hub.add(REPO, files)
    assert cli("models", "pull", REPO, "--weights", VARIANT).code == 0
    assert not hub.asked_for(WHOLE)
    ran = cli("models", "verify", REPO)
    assert ran.code == 0, ran.err


def test_a_second_choice_is_refused_unless_the_catalog_names_it(
    cli: Cli, hub: LocalHub, embedder_files: dict[str, bytes]
) -> None:
    from safetensors.torch import load, save

    half = {name: one.half() for name, one in load(embedder_files[WHOLE]).items()}
    hub.add(REPO, {**embedder_files, VARIANT: save(half, {"format": "pt"})})
    assert cli("models", "pull", REPO).code == 0
    ran = cli("models", "pull", REPO, "--weights", VARIANT)
    assert (ran.code, hub.asked_for(VARIANT)) == (4, [])
    assert f"{WHOLE} is on this disk already and would be loaded instead of {VARIANT}" in ran.err
    config = Path(cli.env["SIGHTLINE_CONFIG"])
    config.mkdir(parents=True, exist_ok=True)
    entry = {"family": "clip", "repo": REPO, "weights": VARIANT}
    lines = [f"{key} = {json.dumps(value)}" for key, value in entry.items()]
    (config / "models.toml").write_text("\n".join(["[models.mine]", *lines]) + "\n")
    assert cli("models", "pull", "mine").code == 0
    assert len(hub.asked_for(VARIANT)) == 1
    found = cli("models", "pull", "mine").out.split()[2]
    (Path(found) / WHOLE).unlink()  # what is left is what was asked for
    assert cli("models", "verify", "mine").code == 0


def test_a_repository_with_one_variant_loads(
    cli: Cli, hub: LocalHub, embedder_files: dict[str, bytes]
) -> None:
    hub.add(REPO, {VARIANT: embedder_files.pop(WHOLE), **embedder_files})
    assert cli("models", "pull", REPO, "--weights", VARIANT).code == 0
    assert cli("models", "verify", REPO).code == 0
    (row,) = cli("models", "matrix", "--json").json()
    assert row["attn"] == ["sdpa", "eager"]


def test_what_is_never_loaded_is_not_downloaded(
    cli: Cli, hub: LocalHub, embedder_files: dict[str, bytes]
) -> None:
    more = dict.fromkeys(("pytorch_model.bin", "m.ckpt", "m.pkl", "m.gguf"), b"x" * 9000)
    hub.add(REPO, {**embedder_files, **more})
    for name in more:
        ran = cli("models", "pull", REPO, "--weights", name)
        assert (ran.code, hub.asked_for(name)) == (4, [])
        assert "so it is not downloaded; name a file that ends in .safetensors" in ran.err
        assert ("a pickle" in ran.err) == (not name.endswith("gguf"))


def test_a_quantised_model_is_recorded_only_if_it_was_compared(
    cli: Cli, hub: LocalHub, tmp_path: Path
) -> None:
    hub.add("org/modelopt", quantised_files("modelopt"))
    refused = cli("models", "pull", "org/modelopt")
    assert refused.code == 4 and "modelopt" in refused.err and "cannot be deco" in refused.err
    for method, code, said in (("fp8", 0, ""), ("mxfp4", 1, "nothing is recorded")):
        repo = f"org/{method}"
        hub.add(repo, quantised_files(method))
        assert cli("models", "pull", repo).code == 0
        ran = cli("models", "verify", repo)
        assert ran.code == code and said in ran.err, ran.err
    (row,) = cli("models", "matrix", "--json").json()
    assert row["repo"] == "org/fp8"
    assert row["quantised"].startswith("fp8, cosine 1.0000")
    assert "cosine 1.0000 with its dequantised weights" in cli("models", "matrix").out


def quantised_files(method: str) -> dict[str, bytes]:
    import shutil
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(shutil.copytree(tiny_model("clip"), Path(name) / "clip"))
        changes: dict[str, Any] = {"fp8": q.float8_in_blocks, "modelopt": q.float8}
        if method in changes:
            q.edit_weights(folder, q.of_projections(changes[method]))
        sizes = {"weight_block_size": [16, 16], "activation_scheme": "dynamic"}
        q.edit_config(folder, quantization_config={"quant_method": method, **sizes})
        return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_local_folder_is_never_told_to_be_pulled(cli: Cli, tmp_path: Path) -> None:
    import shutil

    folder = Path(shutil.copytree(tiny_model("clip"), tmp_path / "mine"))
    for name, body, said in (
        ("config.json", b"", "config.json is empty (0 bytes)"),
        ("config.json", b"{,", "config.json is not valid JSON (line 1"),
        ("config.json", b"\xef\xbb\xbf{", "byte order mark"),
        ("config.json", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ):
        (folder / name).write_bytes(body)
        ran = cli("models", "show", folder)
        assert ran.code == 4
        assert said in ran.err and "models pull" not in ran.err and str(folder) in ran.err
    assert json.loads((tiny_model("clip") / "config.json").read_text())
