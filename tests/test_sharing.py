"""What all workers have in common is made once, whoever asks first."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from tests.sharing import end_processes, note_process, once, running


def test_who_comes_second_waits_for_what_the_first_makes(tmp_path: Path) -> None:
    begun, made = threading.Event(), []

    def make(folder: Path) -> None:
        begun.set()
        made.append(folder)
        assert len(made) == 1
        (folder / "clip").write_text("whole")

    with ThreadPoolExecutor(4) as workers:
        folders = list(workers.map(lambda _: once(tmp_path / "clips", make), range(4)))
    assert begun.is_set() and set(folders) == {tmp_path / "clips"} == set(made)
    assert (tmp_path / "clips" / "clip").read_text() == "whole"


def test_what_failed_is_made_anew(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("no room")

    for _ in range(2):
        with pytest.raises(OSError, match="no room"):
            once(tmp_path / "clips", fail)
    once(tmp_path / "clips", lambda folder: (folder / "clip").touch())
    assert [path.name for path in (tmp_path / "clips").iterdir()] == ["clip"]


def test_a_process_all_use_is_ended_with_the_run(tmp_path: Path) -> None:
    folder = tmp_path / "serve"
    folder.mkdir()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        note_process(folder, process.pid)
        assert running(folder) is not None
        end_processes(tmp_path)
        assert running(folder) is None and not psutil.pid_exists(process.pid)
    end_processes(tmp_path)
