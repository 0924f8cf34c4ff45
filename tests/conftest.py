"""Clips and pictures rendered once a session, and a command line with a library of its own."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from core.judge.storm import render, write
from tests.workbench import STORM, Cli, encode, texture


def pytest_configure() -> None:
    """Let signals do what they usually do, however the tests were started.

    A background job of a shell, or nohup, hands ignored signals down, and sightline honours that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    # Hundreds of processes are started; compiling everything anew in each takes most of the time.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    made = Cli(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="session")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds at 25 fps with five strokes; its truth lies beside it."""
    path = tmp_path_factory.mktemp("clips") / "storm.mp4"
    write(STORM, path)
    return path


@pytest.fixture(scope="session")
def long_storm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same eight seconds twelve times over: 2400 frames, so that a scan can be caught at it."""
    frames = list(render(STORM))
    path = tmp_path_factory.mktemp("long") / "b-long.mp4"
    return encode((frame for _ in range(12) for frame in frames), path, STORM.fps)


@pytest.fixture(scope="session")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that is called a video and is none."""
    path = tmp_path_factory.mktemp("broken") / "broken.mp4"
    path.write_bytes(b"this is not a video" * 100)
    return path


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a picture, two copies of it, others, and bad ones."""
    folder = tmp_path_factory.mktemp("pictures")
    one = texture(1)
    one.save(folder / "one.png")
    one.resize((200, 150)).save(folder / "one-small.png")
    one.save(folder / "one-poor.jpg", quality=40)
    for seed in (2, 3):
        texture(seed).save(folder / f"other-{seed}.png")
    texture(4).filter(ImageFilter.GaussianBlur(8)).save(folder / "blurred.png")
    dark = np.asarray(texture(5)) // 20
    Image.fromarray(dark.astype(np.uint8)).save(folder / "dark.png")
    Image.new("RGB", (320, 240), (128, 128, 128)).save(folder / "flat.png")
    return folder


@pytest.fixture(scope="session")
def scanned(storm: Path, pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A library in which scan 1 (profile quick) did the storm and the pictures. Only read it."""
    cli = Cli(tmp_path_factory.mktemp("scanned"))
    assert cli("scan", storm, pictures, "--profile", "quick").code == 0
    return cli


@pytest.fixture(scope="session")
def media() -> Path:
    """The shared media folder."""
    named = os.environ.get("SIGHTLINE_MEDIA")
    folder = Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "media"
    if not folder.is_dir():
        pytest.skip(f"no media at {folder}; set SIGHTLINE_MEDIA")
    return folder


@pytest.fixture
def own_storm(storm: Path, tmp_path: Path) -> Path:
    """The storm clip in the test's own folder, to be renamed or overwritten."""
    folder = tmp_path / "footage"
    folder.mkdir()
    return Path(shutil.copy(storm, folder / "storm.mp4"))
