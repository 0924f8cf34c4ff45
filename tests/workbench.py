"""What tests share: the command line as a process, clips and pictures, stages run by hand."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image

from core.config.spec import Spec
from core.protocol.queries import ExportRequest
from core.protocol.requests.exports import ExportResults
from core.records import Candidate, LumaBatch, SourceInfo
from core.scans.windows import windows
from core.screening.registry import create
from core.service.client import ask_library
from core.synthetic.storm import Lightning, Scene, render, write

SCRIPT = Path(sys.executable).with_name("sightline")
COMMAND = [str(SCRIPT)] if SCRIPT.exists() else [sys.executable, "-m", "core.cli.main"]
STORM = Scene(
    "test", 5, 8.0, Fraction(25), 320, 180, "city", 26.0, 1.5, (),
    (Lightning("sheet", 3, (40, 80), (0.4, 0.8), frames=(1, 2)),
     Lightning("bolt", 2, (50, 90), (0.2, 0.5))),
)  # fmt: skip
STROKES = 5
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
X264 = os.environ.get("SIGHTLINE_TEST_X264", "")
"""Parameters of x264 for every clip the tests encode, such as `asm=SSE2:threads=1`. x264 writes
other bytes on other processors; with this, one machine writes what another would. No test may
depend on it."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended and what it said."""

    code: int
    raw_out: bytes
    raw_err: bytes

    @property
    def out(self) -> str:
        return self.raw_out.decode()

    @property
    def err(self) -> str:
        return self.raw_err.decode()

    def json(self) -> list[dict[str, Any]]:
        """Return stdout as one JSON object a line; raises ValueError if any line is not one."""
        return [json.loads(line) for line in self.out.splitlines()]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the JSON events of one type."""
        return [body for body in self.json() if body["type"] == kind]


def exported(
    library: Path, scan: int, formats: Sequence[str], out: Path, text: str = ""
) -> list[Path]:
    """Write a scan's results and return the files."""
    request = ExportResults(ExportRequest(scan, text, tuple(formats), str(out)))
    return [piece.path for piece in ask_library(library, request).pieces if piece.path is not None]


class Cli:
    """`sightline` with a library and settings of its own, each call a process."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.library = home / "library"
        self.config = home / "config"
        self._started: list[subprocess.Popen[bytes]] = []
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SIGHTLINE", "LD_PROF"))}
        self.env = {
            **kept,
            "SIGHTLINE_LIBRARY": str(self.library),
            "SIGHTLINE_CONFIG": str(self.config),
        }

    def __call__(self, *args: str | Path, stdin: bytes = b"", **env: Any) -> Ran:
        done = subprocess.run(
            [*COMMAND, *(os.fspath(arg) for arg in args)],
            input=stdin, capture_output=True, cwd=self.home, env={**self.env, **env}, timeout=300,
            check=False,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    def here(self, *args: str | Path, **env: str) -> Ran:
        """Run a command in this very process: a second less than one of its own."""
        import contextlib
        import io
        from unittest.mock import patch

        from core.cli.main import _run

        out, err = io.StringIO(), io.StringIO()
        argv = ["sightline", *(os.fspath(arg) for arg in args)]
        with (
            patch.object(sys, "argv", argv), patch.dict(os.environ, self.env | env),
            contextlib.redirect_stdout(out), contextlib.redirect_stderr(err),
            contextlib.chdir(self.home),
        ):  # fmt: skip
            code = _run(None)
        logger = logging.getLogger("sightline")
        former, logger.handlers = logger.handlers, []
        for handler in former:
            handler.close()
        return Ran(code, out.getvalue().encode(), err.getvalue().encode())

    def start(self, *args: str | Path) -> subprocess.Popen[bytes]:
        """Start a command and leave it running."""
        # Unbuffered: `communicate` reads the pipe itself, so what a buffer of `readline` held
        # would be lost, and the rest would begin in the middle of a line.
        process = subprocess.Popen(
            [*COMMAND, *(os.fspath(arg) for arg in args)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
            cwd=self.home, env=self.env,
        )  # fmt: skip
        self._started.append(process)
        return process

    def close(self) -> None:
        """End what a test that failed left running."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()


class InProcess(Cli):
    """The same calls without a process each: for commands that end before any work begins.

    A call costs milliseconds instead of a third of a second. What a real process adds (exit code,
    encodings, what is imported) is tested with `Cli`, once for each exit code.
    """

    def __call__(self, *args: str | Path, stdin: bytes = b"", **env: Any) -> Ran:
        from tui.entry import main

        argv = ["sightline", *(os.fspath(arg) for arg in args)]
        changed: dict[str, str | None] = {
            **dict.fromkeys(os.environ.keys() - self.env.keys()),
            **self.env,
            **env,
        }
        with (
            chdir(self.home), mock.patch.object(sys, "argv", argv),
            CliRunner().isolation(stdin, changed) as (out, err, _), suppress_exit() as ended,
            own_log(),
        ):  # fmt: skip
            main()
        return Ran(ended.code, out.getvalue(), err.getvalue())


class Ended:
    """How a command called in this process ended."""

    code = 0


@contextmanager
def suppress_exit() -> Iterator[Ended]:
    """Note the exit code a command ends this process with, and continue."""
    ended = Ended()
    try:
        yield ended
    except SystemExit as exit_:
        ended.code = int(exit_.code or 0)


@contextmanager
def own_log() -> Iterator[None]:
    """Close the log a command opened, and let `sightline` log as before."""
    logger = logging.getLogger("sightline")
    before = logger.handlers, logger.propagate, logger.level
    logger.handlers = []
    try:
        yield
    finally:
        for handler in logger.handlers:
            handler.close()
        logger.handlers, logger.propagate, logger.level = before


def finished(process: subprocess.Popen[bytes]) -> Ran:
    """Wait for a started command."""
    out, err = process.communicate(timeout=60)
    return Ran(process.returncode, out, err)


def events_of(process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    """Yield the JSON events of a running `--json` command as they come."""
    assert process.stdout is not None
    while line := process.stdout.readline():
        if line.endswith(b"\n"):
            yield json.loads(line)


def wait_for(process: subprocess.Popen[bytes], kind: str, count: int = 1) -> dict[str, Any]:
    """Read events until the `count`-th of one type."""
    for event in events_of(process):
        count -= event["type"] == kind
        if count <= 0:
            return event
    raise AssertionError(f"ended before {kind}: {finished(process).err}")


def encode(frames: Iterator[NDArray[np.uint8]], path: Path, rate: Fraction) -> Path:
    """Write rgb24 frames as H.264."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.pix_fmt = "yuv420p"
        stream.options = x264({"crf": "23", "preset": "ultrafast", "g": "50"})
        for number, pixels in enumerate(frames):
            if number == 0:
                stream.height, stream.width = pixels.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def x264(options: Mapping[str, str]) -> dict[str, Any]:
    """Return options of libx264 with the parameters `SIGHTLINE_TEST_X264` names added."""
    both = ":".join(each for each in (options.get("x264-params", ""), X264) if each)
    return {**options, **({"x264-params": both} if both else {})}


def write_scene(scene: Scene, path: Path) -> Path:
    """Write a scene as H.264 and its labels beside it; return the labels' path."""
    return write(scene, path, x264({}))


def texture(seed: int, width: int = 320, height: int = 240) -> Image.Image:
    """A picture with coarse and fine detail, unlike that of any other seed."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(30, 226, (7, 9, 3), np.uint8).astype(np.uint8))
    pixels = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    noise = rng.integers(-25, 26, (height, width, 1), np.int16)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


# Stages by hand


def source(frames: int, rate: float = 25.0, width: int = 640, height: int = 360) -> SourceInfo:
    return SourceInfo(
        "/v.mp4", "video", "b2:0", 1, width, height, "mp4", "h264",
        frame_rate=rate, frame_count=frames, duration_seconds=frames / rate,
    )  # fmt: skip


def batches(luma: NDArray[np.uint8], size: int, start: int = 0) -> Iterator[LumaBatch]:
    for first in range(start, len(luma), size):
        part = luma[first : first + size]
        indices = np.arange(first, first + len(part), dtype=np.int64)
        yield LumaBatch(indices, indices / 25.0, part, 4.0)


def measured(
    name: str, luma: NDArray[np.uint8], size: int = 128, spec: Spec | None = None, start: int = 0
) -> NDArray[np.float32]:
    """Measure frames from `start` on with one stage, as the runner would after a resume."""
    stage = create(name)
    stage.open(source(len(luma)), spec or Spec(stages=(name,)))
    lead = min(stage.context, start)
    found = [
        stage.finish(stage.infer(stage.prepare(window)))
        for window in windows(batches(luma, size, start - lead), stage.context, lead, start)
    ]
    return np.concatenate(found)


def candidates(
    name: str, luma: NDArray[np.uint8], spec: Spec | None = None,
    values: NDArray[np.float32] | None = None,
) -> list[Candidate]:  # fmt: skip
    """Measure frames with one stage and let it decide."""
    from core.screening.stage import Series as StageSeries
    from core.screening.stage import candidates_of

    stage = create(name)
    stage.open(source(len(luma)), spec or Spec(stages=(name,)))
    values = measured(name, luma, spec=spec) if values is None else values
    indices = np.arange(len(luma), dtype=np.int64)
    return candidates_of(stage, StageSeries(stage.columns, indices, indices / 25.0, values))


def accepted(found: Sequence[Candidate]) -> list[Candidate]:
    return [candidate for candidate in found if candidate.accepted]


def luma_of(scene: Scene) -> NDArray[np.uint8]:
    """Render a scene at the size stages see: uint8 (frames, 90, 160)."""
    small = replace(scene, width=160, height=90)
    return np.array([np.clip(frame @ LUMA, 0, 255).astype(np.uint8) for frame in render(small)])


def still_scene(frames: int = 150, level: int = 40, noise: float = 1.5) -> NDArray[np.float64]:
    """A textured picture that nothing happens in, with sensor noise: (frames, 90, 160)."""
    rng = np.random.default_rng(7)
    place = level + 20 * np.kron(rng.random((9, 16)), np.ones((10, 10)))
    return place[None] + rng.normal(0, noise, (frames, 90, 160))


def as_luma(pixels: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.clip(np.round(pixels), 0, 255).astype(np.uint8)
