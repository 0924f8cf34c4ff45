"""Caches without links, with links to nothing, or that cannot be written.

Public reports: huggingface_hub#1062 and #1067 (file systems without symlinks), #4022 (a cache that
several systems share, `HF_HUB_DISABLE_SYMLINKS`), #4419, #4420 and #4550 (one missing blob hides a
model from the list, and its size from the sum), #4498 (blobs that are links to a shared store),
#1388 (a cache with a relative path), #4639 (sizes of files that are no links).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import EnvironmentFault
from core.hub.hub import Hub
from core.hub.overview import lines
from tests.hub.conftest import model_files
from tests.hub.local_hub import LocalHub
from tests.hub.test_pulling import REPO, blobs, pulled

FILES = {**model_files(), "processor_config.json": b"{}"}
"""two of the files have the same bytes, and so the same blob"""
NEEDED = {name: FILES[name] for name in ("config.json", "preprocessor_config.json",
                                         "processor_config.json", "model.safetensors")}  # fmt: skip
SIZE = sum(map(len, NEEDED.values()))

NoLinks = Callable[[pytest.MonkeyPatch], None]


def refusing(code: int) -> NoLinks:
    def symlink(*_: Any, **__: Any) -> None:
        raise OSError(code, os.strerror(code))

    return lambda patch: patch.setattr("core.hub.layout.os.symlink", symlink)


WITHOUT_LINKS: dict[str, NoLinks] = {
    "exFAT, FAT": refusing(errno.EPERM),
    "SMB": refusing(errno.EOPNOTSUPP),
    "some FUSE": refusing(errno.ENOSYS),
    "the variable": lambda patch: patch.setenv("HF_HUB_DISABLE_SYMLINKS", "1"),
}


def contents(folder: Path | None) -> dict[str, bytes]:
    assert folder is not None
    assert not any(path.is_symlink() for path in folder.iterdir())
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("why", WITHOUT_LINKS)
def test_without_links_files_are_stored_whole_and_once(
    local_hub: LocalHub, hub: Hub, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    WITHOUT_LINKS[why](monkeypatch)
    local_hub.add(REPO, FILES)
    assert contents(pulled(hub).folder) == NEEDED
    assert not list(blobs(hub).iterdir())
    served = local_hub.served_bytes
    assert served <= SIZE + 100
    again = hub.plan(hub.resolve(REPO))
    assert again.missing_bytes == 0
    assert contents(hub.pull(again).folder) == NEEDED
    assert local_hub.served_bytes == served
    (listed,) = [line for line in lines(hub) if line.repo == REPO]
    assert (listed.state, listed.size_bytes) == ("whole", SIZE)
    assert not hub.check_files(hub.resolve(REPO)).faults
    assert hub.remove(REPO) == SIZE
    assert not hub.cached()


def test_another_commit_takes_the_same_bytes_from_the_first(
    local_hub: LocalHub, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_DISABLE_SYMLINKS", "on")
    first = local_hub.add(REPO, FILES)
    pulled(hub)
    second = local_hub.add(REPO, {**FILES, "preprocessor_config.json": b'{"a": 1}'})
    served = local_hub.served_bytes
    found = pulled(hub, channel="edge")
    assert contents(found.folder) == {**NEEDED, "preprocessor_config.json": b'{"a": 1}'}
    assert local_hub.served_bytes - served < 1000
    assert hub.remove(f"{REPO}@{second}") == SIZE + 6
    assert contents(hub.resolve(f"{REPO}@{first}").folder) == NEEDED


def test_a_damaged_file_is_found_and_fetched_again(
    local_hub: LocalHub, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_DISABLE_SYMLINKS", "1")
    local_hub.add(REPO, FILES)
    found = pulled(hub)
    assert found.folder is not None
    (found.folder / "model.safetensors").write_bytes(FILES["model.safetensors"][::-1])
    checked = hub.check_files(found, clean_up=True)
    assert [(f.path, f.fault) for f in checked.faults] == [("model.safetensors", "damaged")]
    assert contents(pulled(hub).folder) == NEEDED
    assert not hub.check_files(hub.resolve(REPO)).faults


def test_a_cache_that_had_links_keeps_them(
    local_hub: LocalHub, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = local_hub.add(REPO, FILES)
    linked = pulled(hub).folder
    monkeypatch.setenv("HF_HUB_DISABLE_SYMLINKS", "1")
    local_hub.add(REPO, {**FILES, "preprocessor_config.json": b'{"a": 1}'})
    assert contents(pulled(hub, channel="edge").folder)["model.safetensors"] == FILES[
        "model.safetensors"
    ]  # fmt: skip
    assert hub.resolve(f"{REPO}@{first}").folder == linked
    assert hub.check_files(hub.resolve(f"{REPO}@{first}")).sound
    assert pulled(hub).folder == linked
    monkeypatch.delenv("HF_HUB_DISABLE_SYMLINKS")
    assert pulled(hub).folder == linked


def test_huggingface_hub_finds_what_was_stored_whole(
    local_hub: LocalHub, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import scan_cache_dir, snapshot_download

    monkeypatch.setenv("HF_HUB_DISABLE_SYMLINKS", "1")
    local_hub.add(REPO, FILES)
    ours = pulled(hub).folder
    served = local_hub.served_bytes
    theirs = snapshot_download(
        REPO, endpoint=local_hub.url, cache_dir=hub.cache, allow_patterns=list(NEEDED)
    )
    assert theirs == str(ours)
    assert local_hub.served_bytes == served
    assert not scan_cache_dir(hub.cache).warnings


def test_what_huggingface_hub_stored_whole_is_found(
    local_hub: LocalHub, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import file_download, snapshot_download

    monkeypatch.setattr(file_download, "are_symlinks_supported", lambda *_: False)
    local_hub.add(REPO, FILES)
    theirs = snapshot_download(REPO, endpoint=local_hub.url, cache_dir=hub.cache)
    served = local_hub.served_bytes
    assert not (Path(theirs) / "model.safetensors").is_symlink()
    found = hub.resolve(REPO)
    assert {f.fault for f in hub.check_files(found).faults} == {"unchecked"}
    assert str(pulled(hub).folder) == theirs
    assert local_hub.served_bytes == served


def test_a_file_system_without_locks_is_used(
    local_hub: LocalHub, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    import filelock

    def acquire(*_: Any, **__: Any) -> None:
        raise NotImplementedError("FileSystem does not appear to support flock")

    monkeypatch.setattr(filelock.UnixFileLock, "_acquire", acquire)
    monkeypatch.setattr(hub.pins.__class__, "first", lambda *_: None)
    local_hub.add(REPO, FILES)
    assert pulled(hub).folder is not None


def test_a_relative_cache_works(
    local_hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_CACHE", "near/hub")
    local_hub.add(REPO, FILES)
    folder = pulled(Hub()).folder
    assert folder is not None
    assert (tmp_path / folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]


def test_one_missing_blob_hides_nothing(local_hub: LocalHub, hub: Hub, tmp_path: Path) -> None:
    local_hub.add(REPO, FILES)
    local_hub.add("org/other", FILES)
    folder = pulled(hub).folder
    pulled(hub, "org/other")
    assert folder is not None
    blob = (folder / "model.safetensors").resolve()
    blob.unlink()
    blob.symlink_to(tmp_path / "shared" / "gone")  # the shared store was emptied
    (hub.cache / "models--org--empty").mkdir()
    (hub.cache / "models--org--file").write_text("no folder")
    listed = {line.repo: line for line in lines(hub)}
    assert (listed[REPO].state, listed["org/other"].state) == ("half", "whole")
    assert listed[REPO].size_bytes == SIZE - len(FILES["model.safetensors"]) - 2
    assert listed["org/empty"].state == "begun"
    assert contents_of(pulled(hub).folder) == FILES["model.safetensors"]


def contents_of(folder: Path | None) -> bytes:
    assert folder is not None
    return (folder / "model.safetensors").read_bytes()


def test_a_folder_that_cannot_be_read_hides_no_other(
    local_hub: LocalHub, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    local_hub.add(REPO, FILES)
    local_hub.add("org/other", FILES)
    pulled(hub)
    pulled(hub, "org/other")
    real = os.listdir

    def iterdir(path: Path) -> Any:
        if "org--other" in str(path):
            raise PermissionError(errno.EACCES, "Permission denied")
        return iter([path / name for name in real(path)])

    monkeypatch.setattr("pathlib.Path.iterdir", iterdir)
    listed = {line.repo: line for line in lines(hub)}
    assert listed[REPO].state == "whole"
    assert (listed["org/other"].state, listed["org/other"].why) == (
        "fault", "cannot be read: Permission denied",
    )  # fmt: skip


@pytest.mark.parametrize("place", ["lock", "tree"])
def test_a_model_in_a_cache_that_is_read_only_is_not_removed(
    local_hub: LocalHub, hub: Hub, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    import filelock

    def read_only(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    local_hub.add(REPO, FILES)
    found = pulled(hub)
    if place == "lock":
        monkeypatch.setattr(filelock.UnixFileLock, "_acquire", read_only)
    else:
        monkeypatch.setattr("core.hub.cache.shutil.rmtree", read_only)
    with pytest.raises(EnvironmentFault, match=r"cannot use .*: Read-only file system"):
        hub.remove(REPO)
    assert hub.resolve(REPO).folder == found.folder
