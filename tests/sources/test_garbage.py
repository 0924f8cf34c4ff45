"""Files of which long stretches hold no packets: what is read, what is said, how much is read."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from core.config.screening_settings import Sampling
from core.errors import Unreadable
from core.sources import guarded_file, structure
from core.sources.guarded_file import GuardedFile
from core.sources.reader import Reader
from core.sources.structure import MIB
from tests.sources.reading import read

Make = Callable[..., Path]
GARBAGE = np.random.default_rng(7).integers(0, 256, 6 * MIB, np.uint8).tobytes()
SOME = GARBAGE[: 2 * MIB]
CODECS = {".ts": "libx264", ".mkv": "libx264", ".mpg": "mpeg2video"}


def quiet() -> None:
    """Stand in for a pulse."""


@contextmanager
def guarded(path: Path, most_searched_mib: int = 1024) -> Iterator[GuardedFile]:
    with closing(GuardedFile(str(path), quiet, most_searched_mib)) as file:
        yield file


def all_of(file: GuardedFile) -> bytes:
    parts = []
    while data := file.read(65536):
        parts.append(data)
    return b"".join(parts)


@pytest.fixture
def joined(make_video: Make, tmp_path: Path) -> Callable[..., Path]:
    """Return how to write a video with something in the midst of it or behind it."""

    def make(suffix: str, middle: bytes = b"", behind: bytes = b"") -> Path:
        whole = make_video(f"whole{suffix}", CODECS[suffix], frames=60, g="10").read_bytes()
        half = len(whole) // 2 // 188 * 188 if middle else len(whole)
        path = tmp_path / f"damaged{suffix}"
        path.write_bytes(whole[:half] + middle + whole[half:] + behind)
        return path

    return make


def test_what_stands_before_garbage_is_read_and_the_rest_is_named(
    reader: Reader, joined: Callable[..., Path]
) -> None:
    for suffix in CODECS:
        for behind in (GARBAGE, bytes(6 * MIB)):
            path = joined(suffix, behind=behind)
            found = read(reader, path, Sampling())
            assert len(found.indices) in (59, 60, 61), suffix
            assert "to the end" in found.end.cut_off, suffix
            assert "there are no packets" in found.end.cut_off
            assert "up to 2.4" in found.end.cut_off


def test_what_follows_garbage_is_read(reader: Reader, joined: Callable[..., Path]) -> None:
    for suffix, least in ((".ts", 57), (".mpg", 57)):
        for middle in (GARBAGE, bytes(6 * MIB)):
            path = joined(suffix, middle=middle)
            found = read(reader, path, Sampling())
            assert len(found.indices) >= least, suffix
            assert found.end.cut_off == ""
            assert any("skipped" in line for line in found.end.warnings), suffix


def test_a_head_alone_is_refused_soon(make_video: Make, reader: Reader, tmp_path: Path) -> None:
    """A file of 600 MB that stores its tables only."""
    whole = make_video("whole.ts", frames=20).read_bytes()
    path = tmp_path / "head.ts"
    path.write_bytes(whole[: 3 * 188] * 10)
    os.truncate(path, 600_000_000)
    with pytest.raises(Unreadable, match=r"to the end \(572\.2 MiB\) there are no packets"):
        reader.probe(str(path))


def test_garbage_is_not_read_to_its_end(make_video: Make) -> None:
    """What FFmpeg is given of 600 MB, of which nothing but the beginning is stored."""
    path = make_video("sparse.ts", frames=20)
    size = path.stat().st_size
    os.truncate(path, 600_000_000)
    began = time.process_time()
    with guarded(path) as file:
        given = len(all_of(file))
        assert size <= given < size + MIB
        assert file.breaks_off
        assert file.seek(0, io.SEEK_END) == given
    assert time.process_time() - began < 2
    with guarded(path) as file:  # known to whoever opens it again
        assert file.seek(0, io.SEEK_END) == given


def test_positions_stay_what_they_are(joined: Callable[..., Path]) -> None:
    for suffix in (".ts", ".mpg"):
        path = joined(suffix, middle=GARBAGE)
        content = path.read_bytes()
        with guarded(path) as file:
            given = all_of(file)
            [hole] = file.holes
            assert len(given) == len(content)
            assert given[: hole.start] == content[: hole.start]
            assert given[hole.end :] == content[hole.end :]
            assert content.index(GARBAGE) + len(GARBAGE) - 188 <= hole.end
            assert given[hole.start : hole.end] != content[hole.start : hole.end]
            file.seek(hole.end - 100)
            assert file.read(100) + file.read(200) == given[hole.end - 100 : hole.end + 200]


def test_the_search_is_bounded(joined: Callable[..., Path]) -> None:
    path = joined(".ts", middle=GARBAGE)
    for most, breaks_off in ((4, True), (64, False)):
        guarded_file._LAST.clear()
        with guarded(path, most) as file:
            all_of(file)
            assert file.breaks_off == breaks_off


def test_a_whole_file_is_given_as_it_is(make_video: Make, tmp_path: Path) -> None:
    """A Void element, as an attachment or a large frame, is no garbage, whatever it holds."""
    ts = make_video("whole.ts", frames=60)
    mkv = tmp_path / "attached.mkv"
    void = b"\xec\x01" + len(GARBAGE).to_bytes(7, "big") + GARBAGE
    mkv.write_bytes(make_video("plain.mkv", frames=60).read_bytes() + void)
    for path in (ts, mkv):
        with guarded(path) as file:
            assert all_of(file) == path.read_bytes()
            assert not file.holes


def test_searches_find_structure_and_nothing_in_garbage(make_video: Make, tmp_path: Path) -> None:
    for name, codec in (
        ("a.ts", "libx264"), ("a.m2ts", "libx264"), ("a.mkv", "libx264"), ("a.mpg", "mpeg2video"),
        ("a.avi", "mpeg4"), ("a.flv", "flv1"), ("a.mxf", "mpeg2video"), ("a.h264", "libx264"),
        ("a.m2v", "mpeg2video"),
    ):  # fmt: skip
        content = make_video(name, codec, frames=20, g="5").read_bytes()
        second = len(content) + len(SOME) + MIB
        path = tmp_path / f"mixed{Path(name).suffix}"
        path.write_bytes(content + SOME + bytes(MIB) + content)
        with guarded(path) as file:
            found = structure.structure_of(file, path.suffix)
            assert found is not None, name
            at = found.search(file, len(content) + 1000)
            # Start codes are counted in windows of 4 MiB.
            least = 1000 if found.name == "start codes" else second - 4
            assert at is not None and least <= at < second + len(content), name
            os.truncate(path, second - MIB)
            assert found.search(file, len(content) + 1000) is None, name
    path.write_bytes(SOME)
    with guarded(path) as file:
        assert structure.structure_of(file, ".ts") is None


def test_zeros_to_the_end_end_a_file_of_any_format(tmp_path: Path) -> None:
    for zeros, breaks_off in ((64 * MIB, True), (8 * MIB, False)):
        path = tmp_path / f"{zeros}.xyz"
        path.write_bytes(b"unknown" * 1000)
        os.truncate(path, zeros)
        with guarded(path) as file:
            all_of(file)
            assert file.breaks_off == breaks_off


def test_a_webp_is_read_without_what_stands_behind_it(reader: Reader, tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "moving.webp"
    frames = [Image.new("RGB", (64, 48), (40 * number, 0, 0)) for number in range(5)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    os.truncate(path, 600_000_000)
    assert len(read(reader, path, Sampling()).indices) == 5


def test_four_letters_by_chance_are_no_chunk_of_an_avi(tmp_path: Path) -> None:
    path = tmp_path / "x.avi"
    path.write_bytes(SOME + b"00dc" + SOME + b"01wb" + GARBAGE)
    with guarded(path) as file:
        assert structure.next_chunk(file, 0) is None
    chunk = b"00dc" + (5).to_bytes(4, "little") + b"abcde\0"
    path.write_bytes(SOME + b"00dc" + SOME + chunk + chunk + SOME)
    with guarded(path) as file:
        assert structure.next_chunk(file, 0) == 2 * len(SOME) + 4
    entry = b"00dc" + bytes(12)
    path.write_bytes(SOME + entry + entry + SOME)
    with guarded(path) as file:
        assert structure.next_chunk(file, 0) == len(SOME)
