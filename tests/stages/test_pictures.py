"""Near-duplicates and quality flags, from real picture files through a real scan."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from core.screening.dedupe import difference_hash, joined, split
from core.screening.near_hashes import alike
from tests.workbench import Cli, InProcess, texture
from tui.views.results import _duplicates


def test_copies_are_grouped_and_other_pictures_are_not(scanned: Cli, tmp_path: Path) -> None:
    assert scanned("export", "1", "--out", tmp_path).code == 0
    groups = json.loads((tmp_path / "summary.json").read_text())["duplicates"]
    names = [{Path(path).name for path in group} for group in groups]
    assert {"one.png", "one-small.png", "one-poor.jpg"} in names
    together = set().union(*names)
    assert not together & {"other-2.png", "other-3.png", "dark.png", "blurred.png"}


def test_a_picture_names_its_near_duplicates(scanned: Cli, pictures: Path) -> None:
    one, small = pictures / "one.png", pictures / "one-small.png"
    ran = scanned("show", one)
    assert f"near-duplicate: {small}" in ran.out and f"near-duplicate: {one}\n" not in ran.out
    (body,) = scanned("show", one, "--json").json()
    assert {str(small), str(pictures / "one-poor.jpg")} <= set(body["duplicates"])
    assert "near-duplicate" not in scanned("show", pictures / "other-2.png").out


def test_results_are_filtered_by_near_duplicates(inside: InProcess, tmp_path: Path) -> None:
    folder = inside.home / "pictures"
    folder.mkdir()
    dim = Image.fromarray((np.asarray(texture(5)) // 20).astype(np.uint8))
    dim.save(folder / "dim.png")
    dim.resize((640, 480)).save(folder / "dim-large.png")
    texture(6).filter(ImageFilter.GaussianBlur(8)).save(folder / "alone.png")
    assert inside("scan", folder, "--stages", "quality,dedupe").code == 0

    def found(text: str) -> dict[str, list[str]]:
        ran = inside("results", "1", "--what", "candidates", "--filter", text, "--json")
        rows = [row for row in ran.json() if row["type"] == "Row"]
        return {Path(row["path"]).name: row["duplicates"] for row in rows}

    pair = {"dim.png": [str(folder / "dim-large.png")], "dim-large.png": [str(folder / "dim.png")]}
    assert found("is:duplicate") == pair
    assert found("-is:duplicate") == {"alone.png": []}
    assert found("") == pair | {"alone.png": []}
    asked = ("--filter", "is:duplicate is:rejected", "--out", tmp_path / "out")
    assert inside("export", "1", "--format", "json", *asked).code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "summary.json", "dim.png.json", "dim-large.png.json",
    }  # fmt: skip
    # Who left the group, left the list of a later scan.
    (folder / "dim-large.png").unlink()
    assert inside("scan", folder, "--stages", "quality,dedupe").code == 0
    assert inside("results", "2", "--what", "candidates", "--filter", "is:duplicate").out == ""


def test_the_detail_of_a_row_names_near_duplicates_and_counts_the_rest() -> None:
    row = {"duplicates": ["/a/one.jpg", "/a/t\x1bwo.jpg"], "duplicate_count": 5}
    assert _duplicates(row) == [
        "near-duplicates: one.jpg, t\N{REPLACEMENT CHARACTER}wo.jpg and 3 more"
    ]
    assert _duplicates({"duplicates": [], "duplicate_count": 0}) == []


def test_quality_says_what_is_wrong_with_a_picture(scanned: Cli, tmp_path: Path) -> None:
    scanned("export", "1", "--format", "json", "--out", tmp_path)

    def faults(name: str) -> set[str]:
        body = json.loads((tmp_path / f"{name}.json").read_text())
        assert not body["events"]
        return {word for c in body["candidates"] for word in c["reason"].split(", ")}

    assert faults("one.png") == faults("other-2.png") == set()
    assert faults("blurred.png") == {"blurred"}
    assert "dark" in faults("dark.png")
    assert {"blurred", "flat"} <= faults("flat.png")


def test_hashes_survive_the_library_and_tell_pictures_apart() -> None:
    lumas = [np.asarray(texture(seed).convert("L")) for seed in range(40)]
    hashes = np.array([difference_hash(luma) for luma in lumas], np.uint64)
    columns = np.array([split(int(value)) for value in hashes], np.float32)
    np.testing.assert_array_equal(joined(columns), hashes)
    assert alike(hashes, 6) == []
    assert alike(np.concatenate([hashes, hashes[3:4] ^ np.uint64(0b101)]), 6) == [[3, 40]]
    assert alike(np.zeros(0, np.uint64), 6) == []
