"""A real server for the endpoint family: `transformers serve` with a tiny model."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.sharing import note_process, once, running
from tests.tiny.shelf import tiny_model

START_SECONDS = 150.0
_PROCESSES: list[subprocess.Popen[bytes]] = []
"""what this worker started, kept so that nothing warns of a process that still runs"""


@dataclass(frozen=True, slots=True)
class Served:
    """A running server: its address and the name of its model."""

    url: str
    name: str


@pytest.fixture(scope="session", autouse=True)
def _starting(request: pytest.FixtureRequest, shared: Path) -> Path | None:
    """Start the server with the first test of this folder, if any test here wants it.

    It takes half a minute, in which the other tests run. All workers use the same one; the run
    ends it (`tests/conftest.py`).
    """
    if any("served" in getattr(item, "fixturenames", ()) for item in request.session.items):
        return once(shared / "serve", _start)
    return None


def _start(folder: Path) -> None:
    (folder / "home" / "hub").mkdir(parents=True)  # without it, /v1/models answers 500
    port = _free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("transformers"), "serve", tiny_model("qwen3_vl"),
             "--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"],
            env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder / "home"),
                 "CUDA_VISIBLE_DEVICES": ""},
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    _PROCESSES.append(process)
    (folder / "port").write_text(str(port))
    note_process(folder, process.pid)


@pytest.fixture(scope="session")
def served(_starting: Path) -> Served:
    port, until = int((_starting / "port").read_text()), time.monotonic() + START_SECONDS
    while time.monotonic() < until and running(_starting):
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as said:
            if said.status == 200:
                return Served(f"http://127.0.0.1:{port}/v1", str(tiny_model("qwen3_vl")))
        time.sleep(0.1)
    log = (_starting / "log").read_text()
    raise RuntimeError(f"transformers serve did not come up: {log[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
