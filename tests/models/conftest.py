"""Tiny checkpoints on disk, and copies of them to be damaged."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tiny import shelf


@pytest.fixture(scope="session")
def tiny_model() -> Callable[[str], Path]:
    """Return the folder of a tiny checkpoint by the name of its builder; only read it."""
    return shelf.tiny_model


@pytest.fixture
def own_copy(tmp_path: Path) -> Callable[[str], Path]:
    """Return a copy of a tiny checkpoint that the test may damage."""

    def copied(name: str) -> Path:
        return Path(shutil.copytree(shelf.tiny_model(name), tmp_path / name))

    return copied
