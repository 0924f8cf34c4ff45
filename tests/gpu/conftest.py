"""Tiny models on the GPU, and on the CPU to try the checks themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from benchmarks.gpu.part import Setup


@pytest.fixture(scope="session")
def on_gpu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setup]:
    """For tests marked `gpu`."""
    yield from _made("cuda:0", tmp_path_factory.mktemp("gpu"))


@pytest.fixture(scope="module")
def on_cpu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setup]:
    yield from _made("cpu", tmp_path_factory.mktemp("cpu"))


def _made(device: str, folder: Path) -> Iterator[Setup]:
    (folder / "out").mkdir()
    with mock.patch.dict("os.environ", {"SIGHTLINE_CONFIG": str(folder / "config")}):
        yield Setup(folder, folder / "out", device, tiny=True)
