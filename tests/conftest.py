"""Clips and pictures rendered once a run, and a command line with a library of its own.

Each worker and each process it starts computes with one thread: on the tests' tiny tensors more
threads cost three times the CPU, and two workers share the cores. Tests of the product's own use
of threads set their number themselves.
"""

from __future__ import annotations

import os

# Before numpy and torch are imported, which read them once.
os.environ.update(
    dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
)

import gc
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from core.synthetic.storm import render
from tests.freezing import freeze_imports
from tests.promises import require_gpu
from tests.sharing import end_processes, once, shared_folder
from tests.workbench import STORM, Cli, InProcess, encode, texture, write_scene

WITH_TORCH = (
    "tests/models/", "tests/device/", "tests/gpu/", "tests/stages/test_looking.py",
    "tests/stages/test_conversion.py", "tests/test_passes.py", "tests/cli/test_looks.py",
    "tests/cli/test_check.py",
)  # fmt: skip
"""tests that import torch in the worker's process"""


def pytest_configure() -> None:
    """Let signals do what they usually do, however the tests were started.

    A background job of a shell, or nohup, hands ignored signals down, and sightline honours that.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    # Hundreds of processes are started; compiling everything again in each takes most of the time.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that need torch first, so that they are one worker's.

    Workers begin with an equal share each and take from the other's end when they are done; so
    the other one never imports torch, and the long tests are not the last.
    """
    items.sort(key=lambda item: not item.nodeid.startswith(WITH_TORCH))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Exempt from garbage collection what the tests before imported; see to it that a GPU is here.

    Only a test marked `gpu` needs one.
    """
    freeze_imports()
    if item.get_closest_marker("gpu") is not None:
        require_gpu()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End what the workers had in common; the first process of the run does that."""
    gc.unfreeze()  # else what native code counts is called leaked
    factory = getattr(session.config, "_tmp_path_factory", None)
    if factory is not None and not hasattr(session.config, "workerinput"):
        end_processes(shared_folder(factory, session.config))


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    made = Cli(tmp_path)
    yield made
    made.close()


@pytest.fixture
def inside(tmp_path: Path) -> InProcess:
    """The same command line and library as `cli`, without a process for each call."""
    return InProcess(tmp_path)


@pytest.fixture(scope="session")
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run have in common."""
    return shared_folder(tmp_path_factory, request.config)


@pytest.fixture(scope="session")
def storm(shared: Path) -> Path:
    """Eight seconds at 25 fps with five strokes; its truth lies beside it."""
    return once(shared / "clips", lambda to: write_scene(STORM, to / "storm.mp4")) / "storm.mp4"


@pytest.fixture(scope="session")
def long_storm(shared: Path) -> Path:
    """The same eight seconds twelve times over: 2400 frames, so that a scan can be caught at it."""

    def make(folder: Path) -> None:
        frames = list(render(STORM))
        repeated = (frame for _ in range(12) for frame in frames)
        encode(repeated, folder / "b-long.mp4", STORM.fps)

    return once(shared / "long", make) / "b-long.mp4"


@pytest.fixture(scope="session")
def broken(shared: Path) -> Path:
    """A file that is called a video and is none."""

    def make(folder: Path) -> None:
        (folder / "broken.mp4").write_bytes(b"this is not a video" * 100)

    return once(shared / "broken", make) / "broken.mp4"


@pytest.fixture(scope="session")
def pictures(shared: Path) -> Path:
    """A folder with a picture, two copies of it, others, and bad ones."""
    return once(shared / "pictures", _draw)


def _draw(folder: Path) -> None:
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


@pytest.fixture(scope="session")
def scanned(
    storm: Path, pictures: Path, shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[InProcess]:
    """A library in which scan 1 (profile quick) did the storm and the pictures. Only read it.

    The scan is done once a run; each worker reads a copy of its own.
    """

    def make(folder: Path) -> None:
        assert Cli(folder)("scan", storm, pictures, "--profile", "quick").code == 0

    home = tmp_path_factory.mktemp("scanned")
    shutil.copytree(once(shared / "scanned", make), home, dirs_exist_ok=True)
    made = InProcess(home)
    yield made
    scans = [line["scan"] for line in made("runs", "list", "--json").json()]
    assert scans == [1], "a test scanned into the library that others read"


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
