"""A download killed with SIGKILL at ten random points and resumed, against one left alone."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import SIGHTLINE, run, table
from tests.hub.local_hub import LocalHub

KILLS = 10
REPO = "bench/model"
SHARDS = (96, 64, 32)
"""MiB of each weights file; three come at once"""
BYTES_PER_SECOND = 12 * 2**20
"""of each connection, 300 Mbit/s for three: what is lost at a kill is what lay in the sockets'
buffers, so a hub on the same machine that fills them as fast as it can says nothing of a line"""


def main() -> None:
    """Print the bytes the hub served for a killed download, as a share of one left alone."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 0
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder, LocalHub() as hub:
        hub.add(REPO, _files(dice))
        alone = _alone(hub, Path(folder) / "alone")
        served, points, resumed = _killed(hub, Path(folder) / "killed", alone, dice)
        sound = _verifies(hub, Path(folder) / "killed")
    table(
        ("figure", "value", "wanted"),
        [
            ("kills, each in the midst of the download", len(points), KILLS),
            ("bytes of the download left alone", alone, ""),
            ("bytes of the killed one / left alone", f"{served / alone:.4f}", "<= 1.05"),
            ("bytes fetched twice, per request that continued", (served - alone) // resumed, ""),
            ("requests that continued inside a file", resumed, ""),
            ("checksums verify", "yes" if sound else "NO", "yes"),
        ],
    )
    print("killed at " + ", ".join(f"{100 * point:.0f}%" for point in points))


def _files(dice: random.Random) -> dict[str, bytes]:
    names = [f"model-{n + 1:05}-of-{len(SHARDS):05}.safetensors" for n in range(len(SHARDS))]
    files = {name: dice.randbytes(mib << 20) for name, mib in zip(names, SHARDS, strict=True)}
    named = ", ".join(f'"{n}": "{name}"' for n, name in enumerate(names))
    return files | {
        "config.json": b'{"model_type": "yolos"}',
        "preprocessor_config.json": b"{}",
        "model.safetensors.index.json": b'{"weight_map": {%s}}' % named.encode(),
    }


def _environment(hub: LocalHub, home: Path) -> dict[str, str]:
    ours = {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "SIGHTLINE_CONFIG": str(home)}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "SIGHTLINE_"))}
    return kept | ours | {"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}


def _alone(hub: LocalHub, home: Path) -> int:
    os.environ |= _environment(hub, home)
    before = hub.served_bytes
    run([*SIGHTLINE, "--quiet", "models", "pull", REPO])
    return hub.served_bytes - before


def _killed(
    hub: LocalHub, home: Path, size: int, dice: random.Random
) -> tuple[int, list[float], int]:
    """Return the bytes served, the points of the kills, and how many requests continued."""
    before, asked = hub.served_bytes, len(hub.requests)
    points = sorted(dice.uniform(0.02, 0.95) for _ in range(KILLS))
    done = []
    hub.faults.bytes_per_second = BYTES_PER_SECOND
    for point in points:
        process = _start(hub, home)
        while hub.served_bytes - before < point * size and process.poll() is None:
            time.sleep(0.005)  # by bytes, not by time, so that every kill is at its point
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            done.append((hub.served_bytes - before) / size)
        process.wait()
    hub.faults.bytes_per_second = 0
    if _start(hub, home).wait() != 0:
        raise RuntimeError("the last pull failed")
    went_on = sum(seen.store and bool(seen.range) for seen in hub.requests[asked:])
    return hub.served_bytes - before, done, went_on


def _start(hub: LocalHub, home: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*SIGHTLINE, "--quiet", "models", "pull", REPO], env=_environment(hub, home),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def _verifies(hub: LocalHub, home: Path) -> bool:
    command = [*SIGHTLINE, "--quiet", "models", "verify", REPO, "--files-only"]
    return subprocess.run(command, env=_environment(hub, home), check=False,
                          stdout=subprocess.DEVNULL).returncode == 0  # fmt: skip


if __name__ == "__main__":
    main()
