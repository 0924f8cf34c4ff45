"""`sightline duplicates`: real files through a real scan, and the parts with drawn hashes."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from core.protocol.requests.duplicates import FindDuplicates
from core.reports.copies.hashes import HashedPictures, is_flat, near_groups
from core.reports.copies.keeping import components, reason, stars
from core.reports.copies.vectors import similar_pairs
from core.reports.copies.videos import HashedVideo, aligned_videos
from core.screening.near_hashes import near_pairs
from core.storage.library import Library
from core.storage.media_files import MediaFile
from tests.tiny.embedded import keep_vectors
from tests.workbench import InProcess, encode, texture

MP = 1_000_000
NEWLINE = "new\nline.png"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures and videos with copies of each kind."""
    home = tmp_path_factory.mktemp("copies")
    pictures, videos = home / "pictures", home / "videos"
    (pictures / "sub").mkdir(parents=True)
    videos.mkdir()
    one = texture(1)
    one.save(pictures / "one.png")
    one.save(pictures / "one.bmp")
    one.resize((200, 150)).save(pictures / "one-small.png")
    one.save(pictures / "one-poor.jpg", quality=40)
    shutil.copy(pictures / "one.png", pictures / "sub" / NEWLINE)
    texture(2).save(pictures / "two.png")
    os.link(pictures / "two.png", pictures / "two-linked.png")
    for name, level in (("black", 0), ("grey", 3)):
        Image.new("RGB", (300, 200), (level,) * 3).save(pictures / f"{name}.png")
    scenes = [np.asarray(texture(20 + n).resize((160, 120))) for n in range(8)]
    encode((scenes[n // 5] for n in range(40)), videos / "whole.mp4", Fraction(5))
    small = [np.asarray(Image.fromarray(each).resize((96, 72))) for each in scenes]
    encode((small[n // 4] for n in range(4, 32)), videos / "cut.mp4", Fraction(4))
    encode((scenes[7 - n // 5] for n in range(40)), videos / "reversed.mp4", Fraction(5))
    for name in ("still", "still-later"):
        encode((scenes[0] // len(name) * 5 for _ in range(40)), videos / f"{name}.mp4", Fraction(5))
    return home


@pytest.fixture(scope="module")
def library(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> InProcess:
    cli = InProcess(tmp_path_factory.mktemp("home"))
    assert cli("scan", folder, "--stages", "dedupe").code == 0
    # Of names of one file, a scan reads the first.
    assert cli("scan", folder / "pictures" / "two.png", "--stages", "dedupe").code == 0
    return cli


def groups(cli: InProcess, *args: str | Path) -> list[tuple[str, list[str]]]:
    """Return kind and names of each group that `duplicates --json` prints."""
    ran = cli("duplicates", "--json", *args)
    assert ran.code == 0, ran.err
    rows = [row for row in ran.json() if row["type"] == "DuplicateGroup"]
    return [(row["kind"], [Path(file["path"]).name for file in row["files"]]) for row in rows]


def test_each_kind_finds_its_copies_and_keeps_one_file_of_each(
    library: InProcess, folder: Path
) -> None:
    found = groups(library, "--kind", "all")
    assert ("bytes", ["one.png", NEWLINE]) in found
    assert ("pixels", ["one.bmp", "one.png"]) in found
    assert ("near", ["one.bmp", "one-poor.jpg", "one-small.png"]) in found
    assert ("near", ["whole.mp4", "cut.mp4"]) in found
    assert len(found) == 4  # no flat picture, no link, no reversed video, no fixed camera
    lost = [name for _, names in found for name in names[1:]]
    assert len(lost) == len(set(lost)), "a file is lost at most once"
    assert not set(lost) & {"one.bmp", "whole.mp4"}
    assert groups(library, folder / "videos") == [("near", ["whole.mp4", "cut.mp4"])]
    assert groups(library, "--scan", "1", "--kind", "bytes") == [("bytes", ["one.png", NEWLINE])]
    assert len(list(folder.rglob("*.*"))) == 14, "nothing was deleted"


def test_a_cut_says_where_it_begins_and_why_the_other_is_kept(
    library: InProcess, folder: Path
) -> None:
    ran = library("duplicates", folder / "videos")
    assert "keep  " in ran.out and "(longest: 00:00:08" in ran.out
    assert "begins 1 s after it" in ran.out
    assert "1 group with 1 further file of 5 files; nothing was deleted" in ran.err
    ran = library("duplicates", folder / "pictures", "--kind", "near")
    assert "(highest resolution: 320x240)" in ran.out
    assert "2 pictures are too uniform for a hash" in ran.err
    assert "1 further name of the same files (links) left out" in ran.err


def test_paths_are_for_other_programs(library: InProcess, folder: Path) -> None:
    pictures = folder / "pictures"
    exact = [os.fsencode(pictures / "one.png"), os.fsencode(pictures / "sub" / NEWLINE)]
    ran = library("duplicates", "-0", "--kind", "bytes")
    assert ran.raw_out == b"\0".join([*exact, b"", b""])
    ran = library("duplicates", "-0", "--omit-first", "--kind", "bytes")
    assert ran.raw_out == exact[1] + b"\0"
    ran = library("duplicates", "--paths", "--kind", "near", folder / "videos")
    assert ran.out == f"{folder}/videos/whole.mp4\n{folder}/videos/cut.mp4\n\n"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("/none",), "nothing there is in this library; scan it first"),
        (("--scan", "99"), "99"),
        (("--bits", "40"), "at most 16 bits"),
        (("--similarity", "2"), "cosine from 0.5 to 1"),
        (("--json", "-0"), "--json goes with neither"),
        (("--omit-first",), "needs --paths or -0"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    library: InProcess, args: tuple[str, ...], words: str
) -> None:
    ran = library("duplicates", *args)
    assert (ran.code, ran.out) == (2, "") and words in ran.err


def test_files_that_changed_since_the_scan_are_in_no_group(inside: InProcess) -> None:
    pictures = inside.home / "pictures"
    pictures.mkdir()
    for name in ("a", "b", "c"):
        texture(3).save(pictures / f"{name}.png")
    assert inside("scan", pictures, "--stages", "quality").code == 0
    assert groups(inside) == [("bytes", ["a.png", "b.png", "c.png"])]
    assert "3 files have no perceptual hash" in inside("duplicates", "--kind", "near").err
    (pictures / "a.png").unlink()
    texture(4).save(pictures / "b.png")
    ran = inside("duplicates")
    assert ran.out == "" and "2 files are gone or changed since the scan" in ran.err


def test_vectors_of_one_model_are_compared(library: InProcess, folder: Path) -> None:
    with_vectors = InProcess(library.home)
    paths = [folder / "pictures" / name for name in ("one.png", "one.bmp", "black.png")]
    vectors = np.zeros((3, 200), np.float32)
    vectors[:, 0], vectors[1, 1], vectors[2, 2] = 1.0, 0.2, 5.0
    keep_vectors(with_vectors.library, dict(zip(paths, vectors, strict=True)))
    ran = with_vectors("duplicates", "--kind", "alike", "--similarity", "0.97", "--json")
    (group, summary) = ran.json()
    names = [Path(each["path"]).name for each in group["files"]]
    assert names[0] == "one.bmp" and set(names) == {"one.bmp", "one.png", NEWLINE}
    assert group["files"][1]["similarity"] == pytest.approx(1 / np.sqrt(1.04), abs=1e-3)
    assert summary["unembedded"] == summary["files"] - 4, "the copy of one.png has its content"
    assert [kind for kind, _ in groups(with_vectors, "--kind", "all")].count("alike") == 0
    copies = [names for _, names in groups(with_vectors, "--kind", "alike", "--similarity", "1")]
    assert copies == [["one.png", NEWLINE]]


# The parts


def media(name: str, side: int = 100, seconds: float = 0.0, size: int = 1) -> MediaFile:
    kind = "video" if seconds else "picture"
    return MediaFile(name, name, size, 0, kind, side, side, seconds)


def test_a_chain_of_steps_is_no_group_of_its_own() -> None:
    hashes = np.array([0xF0F0F0F0, 0xF0F0F0FF, 0xF0F0FFFF, 0xF0FFFFFF], np.uint64)
    files = [media(f"{n}.png", 100 - n) for n in range(4)]
    found = list(near_groups(HashedPictures(files, hashes), 4))
    assert [[file.path for file, _ in group] for group in found] == [
        ["0.png", "1.png"], ["2.png", "3.png"],
    ]  # fmt: skip
    assert [[apart for _, apart in group] for group in found] == [[0, 4], [0, 4]]


def test_pictures_of_other_proportions_are_not_near() -> None:
    files = [media("a", 100), replace(media("b"), width=160), replace(media("c"), width=98)]
    hashes = np.full(3, 0xF0F0F0F0, np.uint64)
    (group,) = near_groups(HashedPictures(files, hashes), 6)
    assert [file.path for file, _ in group] == ["a", "c"]


def test_flat_hashes_and_components_and_reasons() -> None:
    hashes = np.array([0, 0b11, 2**64 - 1, 0xF0F0F0F0F0F0F0F0], np.uint64)
    assert is_flat(hashes, 2).tolist() == [True, True, True, False]
    assert components(6, np.array([4, 1]), np.array([5, 4])) == [[1, 4, 5]]
    assert components(3, np.zeros(0, np.int64), np.zeros(0, np.int64)) == []
    chain = np.arange(5000)
    assert components(5001, chain, chain + 1) == [list(range(5001))]
    assert list(stars([2, 0, 1], lambda kept, rest: rest < kept)) == [[2, 0, 1]]
    assert reason(media("a", 9), [media("b", 8)]).startswith("highest resolution")
    assert reason(media("a", size=MP), [media("b", size=1)]) == "largest file: 1.0 MB"
    assert reason(media("a"), [media("b")]) == "equal; first by name"
    assert reason(media("a"), [media("bb")]) == "equal; shortest path"


def brute(hashes: NDArray[np.uint64], bits: int) -> set[tuple[int, int]]:
    apart = np.bitwise_count(hashes[:, None] ^ hashes[None])
    return {(int(a), int(b)) for a, b in zip(*np.nonzero(apart <= bits), strict=True) if a < b}


def test_near_pairs_and_similar_pairs_miss_none() -> None:
    draw = np.random.default_rng(1)
    base = draw.integers(0, 2**63, 60, np.uint64)
    flips = np.uint64(1) << draw.integers(0, 63, (60, 8)).astype(np.uint64)
    near = base[:, None] ^ np.bitwise_or.accumulate(flips, axis=1)
    hashes = np.unique(np.concatenate([base, near.ravel()]))
    for bits in (0, 3, 6, 10, 16):
        pairs = {
            (a, b)
            for left, right in near_pairs(hashes, bits)
            for a, b in zip(left.tolist(), right.tolist(), strict=True)
        }
        assert pairs == brute(hashes, bits), bits
    centres = draw.normal(size=(20, 300))
    vectors = np.repeat(centres, 10, 0) + draw.normal(size=(200, 300)) * 0.25
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    pairs = {
        (a, b)
        for left, right in similar_pairs(vectors, 0.93)
        for a, b in zip(left.tolist(), right.tolist(), strict=True)
    }
    cosines = vectors @ vectors.T
    wanted = {(a, b) for a, b in zip(*np.nonzero(cosines >= 0.93), strict=True) if a < b}
    assert 100 < len(wanted) < 1000
    assert {(int(a), int(b)) for a, b in wanted} == pairs


def test_videos_are_near_only_where_enough_of_them_is_aligned() -> None:
    draw = np.random.default_rng(2)
    scenes = draw.integers(0, 2**63, 60, np.uint64)

    def video(name: str, hashes: NDArray[np.uint64]) -> HashedVideo:
        count = len(hashes)
        return HashedVideo(media(name, seconds=float(count)), np.arange(float(count)), hashes)

    whole = video("whole", scenes[:30])
    cases = (
        ("copy", scenes[:30] ^ np.uint64(0b101), 0.0),
        ("cut", scenes[10:25], -10.0),
        ("longer", scenes[:40], 0.0),
        ("shuffled", draw.permutation(scenes[:30]), None),
        ("excerpt in another", np.concatenate([scenes[:5], scenes[40:60]]), None),
        ("other", scenes[30:], None),
        ("nothing", scenes[:0], None),
    )
    for name, hashes, offset in cases:
        found = aligned_videos([whole, video(name, hashes)], 6)
        assert [each.offset for each in found] == ([] if offset is None else [offset]), name
    fixed = np.full(30, scenes[0], np.uint64)
    assert aligned_videos([video("a", fixed), video("b", fixed)], 6) == []


def test_sixty_thousand_pictures_take_seconds(tmp_path: Path) -> None:
    """The parts that grow with the library; reading it and `stat` are measured in benchmarks."""
    draw = np.random.default_rng(3)
    hashes = draw.integers(0, 2**63, 50_000, np.uint64)
    near = hashes[:10_000] ^ (np.uint64(1) << np.uint64(7))
    files = [media(f"{n}.png") for n in range(60_000)]
    began = time.process_time()
    found = list(near_groups(HashedPictures(files, np.concatenate([hashes, near])), 6))
    assert time.process_time() - began < 20
    assert len(found) == 10_000
    assert FindDuplicates.RIGHT == "read"
    with pytest.raises(Exception, match="no library here"):
        Library(tmp_path / "none", writable=False)
