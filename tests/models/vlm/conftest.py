"""A real server for the endpoint family: `transformers serve` with a tiny model."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tiny.shelf import tiny_model

START_SECONDS = 150.0


@dataclass(frozen=True, slots=True)
class Served:
    """A running server: its address and the name of its model."""

    url: str
    name: str


@pytest.fixture(scope="session", autouse=True)
def _starting(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[subprocess.Popen[bytes], int, Path] | None]:
    """Start the server with the first test of this folder, if any test here wants it.

    It takes half a minute, in which the other tests run.
    """
    if not any("served" in getattr(item, "fixturenames", ()) for item in request.session.items):
        yield None
        return
    folder = tmp_path_factory.mktemp("serve")
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
    yield process, port, folder / "log"
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="session")
def served(_starting: tuple[subprocess.Popen[bytes], int, Path]) -> Served:
    process, port, log = _starting
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as said:
            if said.status == 200:
                return Served(f"http://127.0.0.1:{port}/v1", str(tiny_model("qwen3_vl")))
        time.sleep(0.1)
    raise RuntimeError(f"transformers serve did not come up: {log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
