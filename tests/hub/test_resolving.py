"""What a user writes becomes one commit, the same one until somebody says otherwise."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from core.errors import (
    DownloadFailed,
    EnvironmentFault,
    ModelMissing,
    ModelRefused,
    ProfileError,
    UnknownName,
    UsageError,
)
from core.hub.hub import Hub
from core.models import catalog
from tests.hub.conftest import model_files
from tests.hub.local_hub import LocalHub
from tests.hub.test_pulling import REPO, pulled

MINICPM = "openbmb/MiniCPM-V-4.7-1B"
REMOTE = "openbmb/MiniCPM-V-4_5"


def vlm_files(seed: int = 0) -> dict[str, bytes]:
    return {**model_files(seed), "tokenizer.json": b"{}", "modeling_own.py": b"raise SystemExit"}


def test_a_model_stays_at_the_commit_it_was_first_pulled_at(local_hub: LocalHub, hub: Hub) -> None:
    first = local_hub.add(REPO, model_files(1))
    assert pulled(hub).revision == first
    second = local_hub.add(REPO, model_files(2))
    assert hub.resolve(REPO).revision == first
    assert hub.resolve(REPO, "edge").revision == second
    assert hub.resolve(f"{REPO}@{second}").revision == second
    assert hub.resolve(f"{REPO}@{second[:10]}").revision == second


def test_edge_becomes_stable_once_verified(local_hub: LocalHub, hub: Hub) -> None:
    first = local_hub.add(REPO, model_files(1))
    pulled(hub)
    second = local_hub.add(REPO, model_files(2))
    pulled(hub, channel="edge")
    assert hub.resolve(REPO).revision == first
    with pytest.raises(UsageError, match="models verify org/tiny --channel edge"):
        hub.promote(REPO)
    verified(second)
    assert hub.promote(REPO).commit == second
    assert hub.resolve(REPO).revision == second
    assert hub.pins.all()[REPO].why == "promoted"


def verified(commit: str, *attn: str, day: int = 30, **more: Any) -> None:
    on = date(2026, 11, day)
    row = catalog.VerifiedModel(repo=REPO, commit=commit, on=on, how="t", attn=attn or ("sdpa",))
    catalog.add_verified(row.model_copy(update=more))


def test_an_older_commit_is_never_promoted_unless_it_is_named(
    local_hub: LocalHub, hub: Hub
) -> None:
    first = local_hub.add(REPO, model_files(1))
    pulled(hub)
    second = local_hub.add(REPO, model_files(2))
    pulled(hub, channel="edge")
    verified(first)
    with pytest.raises(UsageError, match=rf"{second}, was not verified.*promote {REPO}@{first}"):
        hub.promote(REPO)
    verified(second)
    assert hub.promote(REPO).commit == second
    verified(first)  # again, the same day, to compare
    assert hub.promote(REPO).commit == second
    assert hub.promote(f"{REPO}@{first[:12]}").commit == first


def test_without_a_known_branch_the_commit_tried_last_is_promoted(hub: Hub) -> None:
    commits = [digit * 40 for digit in "abc"]
    for commit in commits:
        verified(commit)
    assert hub.promote(REPO).commit == commits[2]
    verified(commits[0], day=29)
    assert hub.promote(REPO).commit == commits[2]
    verified(commits[1])
    assert hub.promote(REPO).commit == commits[1]


def test_files_alone_verify_nothing(local_hub: LocalHub, hub: Hub) -> None:
    commit = local_hub.add(REPO, model_files(1))
    pulled(hub)
    row = catalog.VerifiedModel(repo=REPO, commit=commit, on=date.today(), how="files")
    catalog.add_verified(row)
    for name in (REPO, f"{REPO}@{commit}"):
        with pytest.raises(UsageError, match=r"only its files were checked.*models verify"):
            hub.promote(name)
    with pytest.raises(UsageError, match="not a model of the hub"):
        hub.promote("http://127.0.0.1:9/v1#m")


def test_versions_of_transformers_become_a_range(hub: Hub) -> None:
    for version in ("5.20.0", "5.9.1", "5.23.0", ""):
        verified("a" * 40, transformers=version)
    (row,) = hub.catalog.rows(REPO)
    assert row.transformers == "5.9.1 - 5.23.0"


def test_branches_and_tags_are_remembered_for_later_without_network(
    local_hub: LocalHub, hub: Hub
) -> None:
    local_hub.add(REPO, model_files(1))
    tagged = local_hub.add(REPO, model_files(2), branch="v2")
    assert pulled(hub, f"{REPO}@v2").revision == tagged
    offline = Hub(offline=True)
    assert offline.resolve(f"{REPO}@v2").revision == tagged
    assert offline.resolve(f"{REPO}@{tagged[:8]}").revision == tagged
    assert REPO not in hub.pins.all()


@pytest.mark.parametrize("variable", ["flag", "HF_HUB_OFFLINE", "SIGHTLINE_OFFLINE"])
def test_offline_says_what_is_missing_and_what_fetches_it(
    local_hub: LocalHub, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    if variable != "flag":
        monkeypatch.setenv(variable, "1")
    hub = Hub(offline=variable == "flag")
    named = "--offline" if variable == "flag" else variable
    with pytest.raises(
        ModelMissing, match=f"siglip2-base is not on this disk.*{named} forbids.*"
        "sightline models pull siglip2-base"
    ):  # fmt: skip
        hub.resolve("siglip2-base")
    assert not local_hub.requests


def test_minicpm_revision_and_default_revisions(
    local_hub: LocalHub, hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = local_hub.add(MINICPM, vlm_files(1))
    second = local_hub.add(MINICPM, vlm_files(2))
    local_hub.add(REPO, model_files())
    assert hub.resolve("minicpm-v-4.7").revision == second
    (tmp_path / "config").mkdir(exist_ok=True)
    (tmp_path / "config" / "models.toml").write_text(f'[revisions]\n"{MINICPM}" = "{first}"\n')
    assert hub.resolve("minicpm-v-4.7").revision == first
    monkeypatch.setenv("MINICPM_REVISION", second)
    assert hub.resolve("minicpm-v-4.7").revision == second
    assert hub.resolve(f"minicpm-v-4.7@{first}").revision == first
    assert hub.resolve(REPO).revision not in (first, second)


def test_remote_code_needs_consent_and_a_full_commit(local_hub: LocalHub, hub: Hub) -> None:
    commit = local_hub.add(REMOTE, vlm_files())
    without = hub.resolve("minicpm-v-4.5")
    assert without.needs_remote_code
    assert not without.remote_code
    with pytest.raises(ModelRefused, match=f"@{commit} --allow-remote-code"):
        hub.plan(without)
    with pytest.raises(ModelRefused, match=f"full commit only.*minicpm-v-4.5@{commit}"):
        hub.resolve("minicpm-v-4.5", allow_remote_code=True)
    with pytest.raises(ModelRefused, match="full commit"):
        hub.resolve("minicpm-v-4.5@main", allow_remote_code=True)
    folder = pulled(hub, f"minicpm-v-4.5@{commit}", allow_remote_code=True).folder
    assert folder is not None
    assert (folder / "modeling_own.py").is_file()
    later = hub.resolve("minicpm-v-4.5", allow_remote_code=True)
    assert later.remote_code
    assert later.pinned_by == "pins"


def test_no_python_comes_with_a_model_that_needs_none(local_hub: LocalHub, hub: Hub) -> None:
    local_hub.add(MINICPM, vlm_files())
    folder = pulled(hub, "minicpm-v-4.7", allow_remote_code=True).folder
    assert folder is not None
    assert not list(folder.glob("*.py"))


def test_a_folder_of_ones_own_is_known_by_what_is_in_it(tmp_path: Path, hub: Hub) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("config.json", "preprocessor_config.json", "model.safetensors"):
        (folder / name).write_bytes(model_files()[name])
    found = hub.resolve(str(folder))
    assert (found.kind, found.family, found.folder) == ("detector", "yolos", folder)
    assert found.revision.startswith("local-")
    assert hub.resolve(str(folder)).revision == found.revision
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[: len(weights) // 2] = bytes(len(weights) // 2)
    (folder / "model.safetensors").write_bytes(weights)
    assert hub.resolve(str(folder)).revision != found.revision
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelRefused, match=r"lacks weights"):
        hub.resolve(str(folder))
    (folder / "config.json").write_text('{"model_type": "moondream1"}')
    with pytest.raises(ModelRefused, match="type 'moondream1'"):
        hub.resolve(str(folder))


def test_an_endpoint_is_a_model_too(hub: Hub) -> None:
    found = hub.resolve("http://localhost:8000/v1#some/model")
    assert (found.kind, found.family, found.revision) == ("vlm", "endpoint", "endpoint")
    assert (found.url, found.name) == ("http://localhost:8000/v1", "some/model")
    assert found.reference == "http://localhost:8000/v1#some/model"


def test_open_clip_names_lead_to_its_repository(local_hub: LocalHub, hub: Hub) -> None:
    files = {
        "open_clip_config.json": b'{"model_cfg": {}}',
        "open_clip_model.safetensors": model_files()["model.safetensors"],
        "config.json": b'{"model_type": "clip"}',
        "model.safetensors": b"y" * 9000,
    }
    local_hub.add("laion/CLIP-ViT-B-32-laion2B-s34B-b79K", files)
    found = pulled(hub, "open_clip:ViT-B-32/laion2b_s34b_b79k")
    assert (found.kind, found.family) == ("embedder", "open_clip")
    assert found.folder is not None
    assert (found.folder / "open_clip_model.safetensors").is_file()
    assert not (found.folder / "model.safetensors").exists()
    with pytest.raises(UnknownName, match="did you mean 'laion2b_s34b_b79k'"):
        hub.resolve("open_clip:ViT-B-32/laion2b_s34b_b79")


@pytest.mark.parametrize(
    ("text", "error", "report"),
    [
        ("siglip2-bas", UnknownName, "did you mean 'siglip2-base'"),
        ("siglip2-base@", UsageError, "after @"),
        ("siglip2-base@../x", UsageError, "after @"),
        ("./nowhere", ModelMissing, "no such folder"),
        ("http://localhost:8000/v1", UsageError, "after #"),
        ("http://me:secret@localhost/v1#m", UsageError, "must not contain a user name, a key or"),
        ("http://localhost:1/v1?key=secret#m", UsageError, "localhost:1/v1: an address must not"),
        ("open_clip:ViT-B-32", UsageError, "ARCH/PRETRAINED"),
        ("a/b/c", UnknownName, "no model"),
        ("org/..", UnknownName, "no model"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    hub: Hub, text: str, error: type[Exception], report: str
) -> None:
    with pytest.raises(error, match=report) as raised:
        hub.resolve(text)
    assert "secret" not in str(raised.value)


def test_the_users_catalog_is_laid_over_ours(local_hub: LocalHub, hub: Hub, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    commit = local_hub.add(REPO, model_files())
    (config / "models.toml").write_text('[models.mine]\nfamily = "yolos"\nrepo = "org/tiny"\n')
    assert hub.resolve("mine").revision == commit
    assert hub.resolve("org/TINY").name == "mine"
    (config / "models.toml").write_text('[models.mine]\nfamily = "yolo"\nrepo = "org/tiny"\n')
    with pytest.raises(ProfileError, match="did you mean 'yolos'"):
        hub.resolve("mine")
    (config / "models.toml").write_text('[models.mine]\nfamly = "yolos"\nrepo = "org/tiny"\n')
    with pytest.raises(ProfileError, match=r"famly.*did you mean 'family'|is missing"):
        hub.resolve("mine")


def test_every_model_of_the_catalog_says_where_its_name_is_from() -> None:
    shipped = catalog._read(catalog.SHIPPED)
    assert len(shipped.models) > 20
    for name, entry in shipped.models.items():
        assert entry.source and entry.checked and entry.good_for, name
    repos = [entry.repo.lower() for entry in shipped.models.values()]
    assert len(set(repos)) == len(repos)
    assert not shipped.verified


def test_a_hub_that_is_none_is_told_apart(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "localhost:80")
    with pytest.raises(EnvironmentFault, match="HF_ENDPOINT"):
        hub.resolve(REPO)


def test_pins_that_make_no_sense_are_refused(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "pins.toml").write_text(
        '["org/tiny"]\ncommit = "main"\npinned = ""\nwhy = ""\n'
    )
    with pytest.raises((ProfileError, DownloadFailed), match="not a full commit"):
        hub.resolve(REPO)
