"""What is expensive to make is made once a run, however many workers pytest-xdist started."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from filelock import FileLock


def shared_folder(factory: pytest.TempPathFactory, config: pytest.Config) -> Path:
    """Return the folder that all workers of this run have in common."""
    own = factory.getbasetemp()
    return (own.parent if hasattr(config, "workerinput") else own) / "shared"


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


def note_process(folder: Path, pid: int) -> None:
    """Note a process that all workers use, so that the run ends it."""
    (folder / "process").write_text(f"{pid} {psutil.Process(pid).create_time()}")


def running(folder: Path) -> psutil.Process | None:
    """Return the process that was noted, if it runs."""
    with suppress(OSError, psutil.Error):
        pid, created = (folder / "process").read_text().split()
        process = psutil.Process(int(pid))
        alive = process.create_time() == float(created)
        return process if alive and process.status() != psutil.STATUS_ZOMBIE else None
    return None


def end_processes(shared: Path) -> None:
    """End every process that was noted in a folder of this run."""
    for noted in shared.glob("*/process"):
        if (process := running(noted.parent)) is not None:
            with suppress(psutil.Error):
                process.terminate()
                process.wait(30)
