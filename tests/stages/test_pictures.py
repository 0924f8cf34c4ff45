"""Near-duplicates and quality flags, from real picture files through a real scan."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from core.screening.dedupe import difference_hash, joined, split
from core.screening.near_hashes import alike
from tests.workbench import Cli, texture


def test_copies_are_grouped_and_other_pictures_are_not(scanned: Cli, tmp_path: Path) -> None:
    assert scanned("export", "1", "--out", tmp_path).code == 0
    groups = json.loads((tmp_path / "summary.json").read_text())["duplicates"]
    names = [{Path(path).name for path in group} for group in groups]
    assert {"one.png", "one-small.png", "one-poor.jpg"} in names
    together = set().union(*names)
    assert not together & {"other-2.png", "other-3.png", "dark.png", "blurred.png"}


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
