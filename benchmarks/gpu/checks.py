"""Every GPU check in a row, each in a process and a time box of its own.

`python -m benchmarks gpu [--tiny] [--part NAME]... [--out DIR] [--folder DIR] [--seconds N]`. For
each part a line of JSON and a row of a table are printed, and kept in OUT/results.jsonl and
OUT/results.md. Exit code 1 if a part failed or was not run.

With --tiny the same parts run on the CPU with tiny models: that tries the scripts and measures
nothing. Needs no network.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.gpu.part import PARTS, row
from benchmarks.gpu.presence import PROMISE, gpu_fault, promised
from benchmarks.measure import ROOT

SECONDS = 370.0
"""for all parts together; tests/gpu has the rest of the eight minutes"""
BOXES: dict[str, float] = {
    "machine": 40, "models": 120, "embed": 60, "vlm": 90, "out-of-memory": 60, "two-stages": 60,
    "screen": 90, "attention": 90, "precision": 45, "decoder": 80, "embed-batches": 60,
    "vlm-batches": 90,
}  # fmt: skip
"""the most seconds that a part may take"""
LEAST_SECONDS = 15.0
"""a part is not begun with less than that left"""
END_SECONDS = 10.0
TAIL = 300
HEADER = "| part | figures | wanted | state | s |\n|---|---|---|---|---|"
BROKEN = ("failed", "not run")


def main(arguments: Sequence[str] = ()) -> None:
    """Run the parts; without a GPU say so, as a failure where one was promised."""
    asked = _parser().parse_args(list(arguments))
    fault = "" if asked.tiny else gpu_fault()
    if fault:
        print(f"no GPU that can be used ({fault}): nothing was measured")
        if promised():
            raise SystemExit(f"{PROMISE} promises a GPU")
        return
    asked.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sightline-gpu-") as scratch:
        folder = (asked.folder or Path(scratch)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        rows = run_all(asked.part or list(PARTS), folder, asked.out, asked.seconds, asked.tiny)
    if any(each["state"] in BROKEN for each in rows):
        raise SystemExit(1)


def run_all(
    names: Sequence[str], folder: Path, out: Path, seconds: float, tiny: bool
) -> list[dict[str, Any]]:
    """Run parts one after another within so many seconds; print and keep a row of each."""
    end = time.monotonic() + seconds
    (out / "results.md").write_text(HEADER + "\n")
    (out / "results.jsonl").write_text("")
    rows = []
    print(HEADER, flush=True)
    for name in names:
        left = min(BOXES[name], end - time.monotonic())
        if left < min(LEAST_SECONDS, seconds):
            found = row(name, "not run", 0.0, "the time of all parts is used up")
        else:
            found = supervised(name, command(name, folder, out, tiny=tiny), out, left)
        report(found, out)
        rows.append(found)
    return rows


def command(name: str, folder: Path, out: Path, *, tiny: bool) -> list[str]:
    """Return the command that runs one part."""
    device = "cpu" if tiny else "cuda:0"
    asked = ["--folder", str(folder), "--out", str(out.absolute()), "--device", device]
    return [sys.executable, "-m", "benchmarks.gpu.part", name, *asked, *(["--tiny"] * tiny)]


def supervised(name: str, command: Sequence[str], out: Path, seconds: float) -> dict[str, Any]:
    """Run the command of a part for at most so long; return the row it wrote, or one that says why.

    What it prints goes to OUT/NAME.log, which stays where it failed.
    """
    result, log = out / f"{name}.json", out / f"{name}.log"
    result.unlink(missing_ok=True)
    began = time.monotonic()
    with log.open("w") as sink:
        process = subprocess.Popen(
            list(command), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink,
            env=_environment(), start_new_session=True,
        )  # fmt: skip
        try:
            why = f"ended with {process.wait(seconds)}: {_tail(log)}"
        except subprocess.TimeoutExpired:
            why = f"not done within {seconds:.0f} s: {_tail(log)}"
        finally:
            _end(process)
    found = _written(result) or row(name, "failed", round(time.monotonic() - began, 1), why)
    if found["state"] != "failed":
        log.unlink()
    return found


def _written(result: Path) -> dict[str, Any] | None:
    """Take the row that a part wrote; None if it came to nothing."""
    try:
        found: dict[str, Any] = json.loads(result.read_text())
    except (OSError, ValueError):
        return None
    result.unlink()
    return found


def report(found: dict[str, Any], out: Path) -> None:
    """Print a line of JSON and a row of the table, and keep both."""
    line, cells = json.dumps(found, default=str), _cells(found)
    print(line, cells, sep="\n", flush=True)
    with (out / "results.jsonl").open("a") as kept:
        kept.write(line + "\n")
    with (out / "results.md").open("a") as kept:
        kept.write(cells + "\n")


def _cells(found: dict[str, Any]) -> str:
    figures = "; ".join(f"{name}: {_cell(value)}" for name, value in found["figures"].items())
    shown = [found["part"], figures or found["why"], found["wanted"], found["state"]]
    words = [" ".join(str(each).split()).replace("|", "/") for each in shown]
    return "| " + " | ".join([*words, str(found["seconds"])]) + " |"


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a part and what it started, first so that it can clean up."""
    for number in (signal.SIGINT, signal.SIGKILL):
        if process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(END_SECONDS)


def _tail(log: Path) -> str:
    return log.read_text(errors="replace").strip()[-TAIL:]


def _environment() -> dict[str, str]:
    """Return the environment of a part: nothing is fetched, and output appears as it is made.

    Where sightline is not installed, processes that a part starts find it here too.
    """
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, **offline, "PYTHONPATH": path}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks gpu")
    parser.add_argument("--tiny", action="store_true", help="on the CPU, with tiny models")
    parser.add_argument("--part", action="append", choices=list(PARTS))
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "gpu")
    parser.add_argument("--folder", type=Path, help="where models are kept, for another run")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    return parser
