"""The cache is everybody's: what others put there is found, and what we put there they find."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import EnvironmentFault, UnknownName
from core.hub.control import Control
from core.hub.hub import Hub
from core.hub.layout import Folder
from tests.hub.conftest import model_files
from tests.hub.local_hub import LocalHub
from tests.hub.test_pulling import REPO, blobs, pulled


def test_what_huggingface_hub_cached_is_found(local_hub: LocalHub, hub: Hub) -> None:
    from huggingface_hub import snapshot_download

    commit = local_hub.add(REPO, model_files())
    theirs = snapshot_download(REPO, endpoint=local_hub.url, cache_dir=hub.cache)
    asked = len(local_hub.requests)
    found = Hub(offline=True).resolve(REPO)
    assert (str(found.folder), found.revision) == (theirs, commit)
    assert hub.resolve(REPO).folder == found.folder
    assert len(local_hub.requests) == asked
    assert hub.check_files(found).sound


def test_huggingface_hub_finds_what_we_pulled(local_hub: LocalHub, hub: Hub) -> None:
    from huggingface_hub import scan_cache_dir, snapshot_download

    local_hub.add(REPO, model_files())
    ours = pulled(hub).folder
    found = snapshot_download(
        REPO, endpoint=local_hub.url, cache_dir=hub.cache, local_files_only=True
    )
    assert found == str(ours)
    report = scan_cache_dir(hub.cache)
    assert not report.warnings
    assert [repo.repo_id for repo in report.repos] == [REPO]


def test_a_pulled_model_loads_without_network(
    local_hub: LocalHub, hub: Hub, tmp_path: Path
) -> None:
    from transformers import AutoModelForObjectDetection, YolosConfig, YolosForObjectDetection

    config = YolosConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        image_size=[32, 32], patch_size=16, num_detection_tokens=4,
    )  # fmt: skip
    YolosForObjectDetection(config).save_pretrained(tmp_path / "made")
    files = {path.name: path.read_bytes() for path in (tmp_path / "made").iterdir()}
    local_hub.add(REPO, files | {"preprocessor_config.json": b"{}"})
    pulled(hub)
    folder = Hub(offline=True).resolve(REPO).folder
    assert folder is not None
    loaded = AutoModelForObjectDetection.from_pretrained(folder, local_files_only=True)
    assert loaded.config.num_detection_tokens == 4


def test_an_unfinished_file_of_another_tool_is_seen_and_cleaned(
    local_hub: LocalHub, hub: Hub
) -> None:
    local_hub.add(REPO, model_files())
    found = pulled(hub)
    orphan = blobs(hub) / f"{'a' * 64}.1a2b3c4d.incomplete"
    orphan.write_bytes(b"x" * 500)
    model = hub.cached()[0]
    assert (model.leftover_bytes, model.resumable_bytes) == (500, 0)
    hub.check_files(found, clean_up=True)
    assert not orphan.exists()
    assert hub.cached()[0].leftover_bytes == 0


def test_a_damaged_file_is_found_and_mended(local_hub: LocalHub, hub: Hub) -> None:
    local_hub.add(REPO, model_files())
    found = pulled(hub)
    assert found.folder is not None
    blob = (found.folder / "model.safetensors").resolve()
    body = bytearray(blob.read_bytes())
    body[1000] ^= 1
    blob.write_bytes(body)
    checked = hub.check_files(found, clean_up=True)
    assert [(fault.path, fault.fault) for fault in checked.faults] == [
        ("model.safetensors", "damaged")
    ]
    before = len(local_hub.asked_for("model.safetensors"))
    assert hub.check_files(pulled(hub)).sound
    assert len(local_hub.asked_for("model.safetensors")) == before + 1


def test_removing_one_commit_keeps_what_another_needs(local_hub: LocalHub, hub: Hub) -> None:
    shared = model_files(1)
    first = local_hub.add(REPO, shared)
    pulled(hub)
    second = local_hub.add(REPO, {**shared, "preprocessor_config.json": b'{"a": 1}'})
    pulled(hub, channel="edge")
    freed = hub.remove(f"{REPO}@{second}")
    assert 0 < freed < 100
    assert hub.check_files(hub.resolve(f"{REPO}@{first}")).sound
    assert [r.commit for r in hub.cached()[0].revisions] == [first]
    assert hub.remove(REPO) > len(shared["model.safetensors"])
    assert hub.cached() == []
    with pytest.raises(UnknownName, match="is not in"):
        hub.remove(REPO)
    assert hub.resolve(REPO).revision == first


def test_what_is_being_fetched_is_not_removed(local_hub: LocalHub, hub: Hub) -> None:
    local_hub.add(REPO, model_files())
    pulled(hub)
    folder = Folder(hub.cache, REPO)
    with (
        folder.locked("b" * 64, Control(), lambda: None),
        pytest.raises(EnvironmentFault, match="being downloaded"),
    ):
        hub.remove(REPO)
    assert hub.remove(REPO) > 0


def test_the_list_tells_whole_half_and_begun(local_hub: LocalHub, hub: Hub) -> None:
    from core.hub.overview import lines

    local_hub.add(REPO, model_files())
    found = pulled(hub)
    assert found.folder is not None

    def state() -> str:
        return next(line.state for line in lines(hub) if line.repo == REPO)

    assert state() == "whole"
    (found.folder / "model.safetensors").unlink()
    assert state() == "half"
    for path in found.folder.iterdir():
        path.unlink()
    found.folder.rmdir()
    assert state() == "begun"
