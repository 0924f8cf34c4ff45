"""What is expensive to make is made once a run, however many workers pytest-xdist started."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock


def common_folder(factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Return the folder that all workers of this run have in common."""
    own = factory.getbasetemp()
    return own.parent if hasattr(request.config, "workerinput") else own


def once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Return `folder`, which the first worker that asks makes and fills; the others wait for it.

    What `make` writes may name its own path, so the folder is filled in its place. A failure is
    raised for each worker that asks.
    """
    done = folder.with_name(f"{folder.name}.done")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder
