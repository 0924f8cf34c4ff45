from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from core.sources.find import Found, Missing, find


def names(*paths: Path, globs: tuple[str, ...] = ()) -> list[str]:
    found = find([str(path) for path in paths], globs)
    return [os.path.basename(item.path) for item in found if isinstance(item, Found)]


def touch(folder: Path, *wanted: str) -> None:
    for name in wanted:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def test_natural_order_known_endings_hidden_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "b10.mp4", "b2.MP4", "a/z.jpg", "notes.txt", ".hidden.mp4", ".git/x.mp4")
    assert names(tmp_path) == ["z.jpg", "b2.MP4", "b10.mp4"]
    assert names(tmp_path / "notes.txt") == ["notes.txt"]


def test_globs(tmp_path: Path) -> None:
    touch(tmp_path, "storm1.mp4", "storm1.json", "calm.mp4", "cam.dat", "noending")
    assert names(tmp_path, globs=("storm*",)) == ["storm1.mp4"]
    assert names(tmp_path, globs=("*.dat", "calm.*")) == ["calm.mp4", "cam.dat"]
    assert names(tmp_path, globs=("*",)) == ["calm.mp4", "storm1.mp4"]


def test_each_file_once(tmp_path: Path) -> None:
    touch(tmp_path, "one.mp4", "sub/two.mp4")
    os.link(tmp_path / "one.mp4", tmp_path / "same.mp4")
    (tmp_path / "soft.mp4").symlink_to(tmp_path / "one.mp4")
    assert names(tmp_path, tmp_path / "sub", tmp_path / "one.mp4") == ["one.mp4", "two.mp4"]


def test_circles_and_dead_links(tmp_path: Path) -> None:
    touch(tmp_path, "a/one.mp4", "b/two.mp4")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "over").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "over").symlink_to(tmp_path / "a")
    (tmp_path / "itself.mp4").symlink_to(tmp_path / "itself.mp4")
    (tmp_path / "nowhere.mp4").symlink_to(tmp_path / "gone.mp4")
    assert sorted(names(tmp_path)) == ["one.mp4", "two.mp4"]
    missing = [item for item in find([str(tmp_path)]) if isinstance(item, Missing)]
    assert [os.path.basename(item.path) for item in missing] == ["itself.mp4", "nowhere.mp4"]


def test_deep_folders(tmp_path: Path) -> None:
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        for _ in range(1200):
            os.mkdir("d")
            os.chdir("d")
        Path("deep.mp4").write_bytes(b"x")
        assert names(tmp_path) == ["deep.mp4"]
    finally:
        os.chdir(here)
        # Python's own rmtree, which pytest cleans up with, recurses and would fail.
        subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)


def test_what_is_no_file(tmp_path: Path) -> None:
    touch(tmp_path, "x.mp4/inside.mp4")
    os.mkfifo(tmp_path / "pipe.mp4")
    assert names(tmp_path) == ["inside.mp4"]
    paths = [str(tmp_path / "pipe.mp4"), str(tmp_path / "gone.mp4"), "nul\0l.mp4"]
    reasons = [item.reason for item in find(paths) if isinstance(item, Missing)]
    assert [reason.split(";")[0] for reason in reasons] == [
        "not a regular file",
        "No such file or directory",
        "no path may hold a null character",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_folder_without_rights(tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir(mode=0)
    [missing] = find([str(tmp_path)])
    assert isinstance(missing, Missing)
    assert "Permission denied" in missing.reason
