from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from core.protocol.passed_over import KINDS_KEPT, OTHER, REASONS, PassedOver, Tally
from core.sources.find import KNOWN_SUFFIXES, SYSTEM_FOLDERS, find
from core.sources.locator import FoundFile, Missing


def names(*paths: Path, globs: tuple[str, ...] = ()) -> list[str]:
    found = find([str(path) for path in paths], globs)
    return [os.path.basename(item.path) for item in found if isinstance(item, FoundFile)]


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
        "a path must not contain a null character",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_folder_without_rights(tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir(mode=0)
    [missing] = find([str(tmp_path)])
    assert isinstance(missing, Missing)
    assert "Permission denied" in missing.reason


def walked(*paths: Path, globs: tuple[str, ...] = (), follow_links: bool = False) -> Any:
    tally = Tally()
    wanted = [str(path) for path in paths]
    found = list(find(wanted, globs, follow_links=follow_links, tally=tally))
    return [os.path.basename(item.path) for item in found], tally.total()


def test_links_out_of_the_folder_are_left_out_unless_wanted(tmp_path: Path) -> None:
    top, out = tmp_path / "top", tmp_path / "top-secret"  # the one's name begins the other's
    touch(top, "here.mp4", "sub/deep.mp4")
    touch(out, "hers.mp4", "more/his.jpg")
    (top / "folder").symlink_to(out)
    (top / "up").symlink_to("..")
    (top / "sub" / "file.mp4").symlink_to(out / "hers.mp4")
    (top / "sub" / "text").symlink_to("/etc/passwd")
    (top / "dead.mp4").symlink_to(out / "gone.mp4")
    (top / "proc").symlink_to("/proc")
    inside = ["here.mp4", "deep.mp4"]
    assert walked(top) == (inside, PassedOver(links=6))
    (top / "within").symlink_to(top / "sub")
    assert walked(top)[0] == inside, "a link inside leads to the same folder, which is walked once"
    (tmp_path / "other-name").symlink_to(top)
    assert walked(tmp_path / "other-name") == (inside, PassedOver(links=6)), "a link that is named"
    assert walked(top / "sub" / "file.mp4")[0] == ["file.mp4"]
    names, over = walked(top, out)
    assert sorted(names) == ["dead.mp4", "deep.mp4", "here.mp4", "hers.mp4", "his.jpg"]
    assert over.links == 3, (
        "what leads into another folder that is named is followed: up, text, proc"
    )
    (top / "proc").unlink()
    (top / "up").unlink()
    names, over = walked(top, follow_links=True)
    assert sorted(names) == ["dead.mp4", "deep.mp4", "here.mp4", "hers.mp4", "his.jpg"]
    assert over == PassedOver(kinds={"none": 1}), "the link to a file of no known kind"


def test_a_chain_of_links_is_judged_by_where_it_ends(tmp_path: Path) -> None:
    top = tmp_path / "top"
    touch(top, "a/one.mp4")
    touch(tmp_path, "out/two.mp4")
    (top / "a" / "hop").symlink_to("../b")
    (top / "b").symlink_to("../out")
    (top / "through").symlink_to("b/../out/two.mp4")
    assert walked(top) == (["one.mp4"], PassedOver(links=3))


def test_folders_of_systems_are_passed_over_unless_named(tmp_path: Path) -> None:
    for name in SYSTEM_FOLDERS:
        touch(tmp_path, f"{name}/x.jpg")
    touch(
        tmp_path, "$Recycle.Bin/y.jpg", "photos/@eaDir/z.jpg", "photos/@eaDir.jpg", "photos/1.jpg"
    )
    names, over = walked(tmp_path)
    assert names == ["1.jpg", "@eaDir.jpg"]
    assert sum(over.folders.values()) == len(SYSTEM_FOLDERS) + 2 and over.folders["@eaDir"] == 1
    assert walked(tmp_path / "#recycle") == (["x.jpg"], PassedOver())
    names, over = walked(tmp_path, tmp_path / "photos" / "@eaDir")
    assert names == ["1.jpg", "z.jpg", "@eaDir.jpg"] and "@eaDir" not in over.folders
    assert not over.kinds, "what lies in them is not counted"


def test_files_of_other_kinds_are_counted_by_their_ending(tmp_path: Path) -> None:
    touch(
        tmp_path, *(f"{n}.XMP" for n in range(10)), "a.txt", "b.txt", "a.insv", "noending", "a.mp4"
    )
    names, over = walked(tmp_path)
    assert names == ["a.mp4"]
    assert over.kinds == {".xmp": 10, ".txt": 2, ".insv": 1, "none": 1}
    kinds, why = over.lines()
    assert kinds == "14 files of kinds that are not read: .xmp 10, .txt 2, .insv 1, no ending 1"
    assert why == f".insv: {REASONS['.insv']}"
    assert walked(tmp_path, globs=("*.insv",)) == (["a.insv"], PassedOver())
    assert walked(tmp_path, globs=("a.*",))[1].kinds == {".insv": 1, ".txt": 1}
    assert walked(tmp_path / "a.insv") == (["a.insv"], PassedOver())


def test_no_reason_is_given_for_what_is_read() -> None:
    assert not set(REASONS) & KNOWN_SUFFIXES


def test_endless_kinds_and_hostile_endings_stay_short_and_clean(tmp_path: Path) -> None:
    touch(tmp_path, *(f"f.x{n:03}" for n in range(200)), "f.\x1b[31m", f"f.{'y' * 200}")
    over = walked(tmp_path)[1]
    assert len(over.kinds) == KINDS_KEPT + 1 and over.kinds[OTHER] == 202 - KINDS_KEPT
    assert sum(over.kinds.values()) == 202
    assert "\x1b" not in " ".join(over.lines())
    assert max(len(ending) for ending in over.kinds) <= 12
    assert len(over.lines()[0]) < 120


def test_what_was_left_out_in_words() -> None:
    one = PassedOver(1, {"@eaDir": 1}, {".txt": 1})
    assert (
        one.words() == "left out: 1 link out of the folder, 1 system folder, 1 file of another kind"
    )
    assert one.lines()[0].startswith("1 link leads out of the folder, not followed")
    assert one.lines()[2] == "1 file of a kind that is not read: .txt 1"
    assert PassedOver().lines() == [] and PassedOver().words() == ""
