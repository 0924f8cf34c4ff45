"""A library with results that only readers share, and one of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import pytest

from tests.sharing import once
from tests.tui.viewing import copied, end_engine
from tests.workbench import Cli


@pytest.fixture(scope="session")
def found(
    storm: Path, pictures: Path, broken: Path, shared: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Path]:  # fmt: skip
    """A library with one finished scan of the storm, the pictures and a broken file. Read it.

    The scan is done once a run; each worker has a copy of its own, and its own engine.
    """

    def make(folder: Path) -> None:
        Cli(folder)("scan", storm, pictures, broken, "--profile", "quick", "--no-ui")

    home = tmp_path_factory.mktemp("found")
    library = copied(once(shared / "found", make) / "library", home / "library")
    yield library
    end_engine(library)


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings, profiles and working folder of the test's own."""
    monkeypatch.setenv("SIGHTLINE_CONFIG", str(tmp_path / "config"))
    monkeypatch.delenv("SIGHTLINE_LIBRARY", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


@pytest.fixture(scope="session")
def endless(long_storm: Path, shared: Path) -> Path:
    """The long storm forty times over, 96,000 frames: more than any test waits for."""

    def make(folder: Path) -> None:
        _repeat(long_storm, folder / "c-endless.mp4", 40)

    return once(shared / "endless", make) / "c-endless.mp4"


def _repeat(clip: Path, path: Path, turns: int) -> None:
    with av.open(str(clip)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        packets = [packet for packet in source.demux(stream) if packet.dts is not None]
        data = [(bytes(p), p.pts, p.dts, p.duration, p.is_keyframe) for p in packets]
        length = sum(duration or 0 for *_, duration, _ in data)
        for turn in range(turns):
            for body, pts, dts, duration, key in data:
                packet = av.Packet(body)
                packet.pts, packet.dts = (pts or 0) + turn * length, (dts or 0) + turn * length
                packet.duration = duration or 0
                packet.time_base = stream.time_base or Fraction(1, 1000)
                packet.is_keyframe, packet.stream = key, copy
                target.mux(packet)


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Path]:
    """An empty library whose engine ends with the test."""
    folder = tmp_path / "library"
    yield folder
    end_engine(folder)


@pytest.fixture
def own(found: Path, library: Path) -> Path:
    """The library with results, as a copy to write to."""
    return copied(found, library)
