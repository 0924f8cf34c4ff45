"""Where the processor time of the hot paths goes, as tables kept in `benchmarks/profiles/`.

    python -m benchmarks hot_paths            prints them
    python -m benchmarks.hot_paths --write    also writes the files

Each path is run once in a process of its own under cProfile, every thread of it, in seconds of
processor time of that thread. The hook costs time at each call, so many cheap calls weigh more than
they do in truth: shares say where to look, and what a change gains is measured without it. Threads
that FFmpeg and torch start themselves are not seen.
"""

from __future__ import annotations

import cProfile
import io
import pstats
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks.embedding import ARCHITECTURE, jpegs, saved_model
from benchmarks.footage import small_pictures, storm_1080p
from benchmarks.measure import ROOT

FOLDER = Path(__file__).parent / "profiles"
MOST_ROWS = 15
SECONDS, PICTURES, EMBEDDED = 60, 10_000, 400
HotPath: TypeAlias = tuple[str, Callable[[], Any]]
"""what is run, and what runs it"""
_PLACE = re.compile(r"^.*?((?:site-packages|core|benchmarks|python3\.\d+)/.*)$")


def main() -> None:
    """Profile each path in a process of its own, and print its table."""
    if len(sys.argv) > 1 and sys.argv[1] in PATHS:
        print(table_of(PATHS[sys.argv[1]]))
        return
    for name in PATHS:
        command = [sys.executable, "-m", "benchmarks.hot_paths", name]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        text = f"# Profile: {name}\n\n{done.stdout}"
        print(text)
        if "--write" in sys.argv:
            FOLDER.mkdir(exist_ok=True)
            (FOLDER / f"{name}.md").write_text(text)


def table_of(path: Callable[[], HotPath]) -> str:
    """Run a path and return what was run, when, and where its time went."""
    what, work = path()
    # A command prints what it finds; the report is all that belongs on standard output.
    with redirect_stdout(io.StringIO()), every_thread() as profiles:
        work()
    statistics = pstats.Stats(*profiles)
    total = sum(row[2] for row in statistics.stats.values())  # type: ignore[attr-defined]
    lines = [
        f"{what} {datetime.now(UTC).date()}, {total:.2f} CPU s in all threads of Python.", "",
        "| own s | share | with callees s | calls | function |", "|---|---|---|---|---|",
    ]  # fmt: skip
    return "\n".join([*lines, *_rows(statistics, total)]) + "\n"


@contextmanager
def every_thread() -> Iterator[list[cProfile.Profile]]:
    """Profile this thread and those that start meanwhile."""
    own, profiles, run = cProfile.Profile(time.thread_time), [], threading.Thread.run

    def profiled(thread: threading.Thread) -> None:
        profile = cProfile.Profile(time.thread_time)
        profiles.append(profile)
        profile.runcall(run, thread)

    threading.Thread.run = profiled  # type: ignore[method-assign, assignment]
    profiles.append(own)
    own.enable()
    try:
        yield profiles
    finally:
        own.disable()
        threading.Thread.run = run  # type: ignore[method-assign]


def _rows(statistics: pstats.Stats, total: float) -> Iterator[str]:
    found: dict[Any, Any] = statistics.stats  # type: ignore[attr-defined]
    for place, (_, calls, own, together, _) in sorted(found.items(), key=lambda row: -row[1][2])[
        :MOST_ROWS
    ]:
        yield f"| {own:.3f} | {own / total:.1%} | {together:.3f} | {calls} | {_name(place)} |"


def _name(place: tuple[str, int, str]) -> str:
    file, line, function = place
    if file == "~":
        return f"`{function}`"
    found = _PLACE.match(file)
    return f"`{found[1] if found else Path(file).name}:{line} {function}`"


def _scan(*arguments: str) -> list[dict[str, Any]]:
    """Scan in this process; return the requests that its readers were sent."""
    from core.cli import main as command_line
    from core.sources import wire

    sent: list[dict[str, Any]] = []
    send = wire.send

    def noted(handle: int, header: dict[str, Any], payload: Any = b"") -> None:
        sent.append(header)
        send(handle, header, payload)

    wire.send = noted  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as scratch, suppress(SystemExit):
        sys.argv = ["sightline", "--library", f"{scratch}/library", "--quiet", "scan", *arguments]
        command_line.main()
    wire.send = send
    return sent


def screening_engine() -> HotPath:
    """The engine while a 1080p video is screened."""
    clip = str(storm_1080p(SECONDS))
    what = f"Engine process, `scan --profile storm`, {SECONDS} s of 1080p."
    return what, lambda: _scan(clip, "--profile", "storm")


def screening_reader() -> HotPath:
    """A reader process while a 1080p video is screened."""
    from core.sources.child_requests import OPERATIONS

    (request,) = _video_requests(str(storm_1080p(SECONDS)))
    what = f"Reader process, {SECONDS} s of 1080p decoded and reduced to luma."
    return what, lambda: OPERATIONS["video"](request, lambda *_arguments, **_named: None)


def _video_requests(clip: str) -> list[dict[str, Any]]:
    """Return what a scan asks its reader for, found out in a process of its own."""
    import json

    program = (
        "import json, sys; from benchmarks.hot_paths import _scan; "
        f"sent = _scan({clip!r}, '--profile', 'storm'); "
        "print(json.dumps([r for r in sent if r.get('do') == 'video']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def pictures() -> HotPath:
    """The engine while a folder of small pictures is screened."""
    folder = str(small_pictures(PICTURES))
    what = f"Engine process, `scan --profile quick`, {PICTURES} small JPEGs."
    return what, lambda: _scan(folder, "--profile", "quick")


def embedding() -> HotPath:
    """The engine while pictures are embedded."""
    folder, model = jpegs(EMBEDDED), saved_model(ARCHITECTURE)
    what = f"Engine process, {EMBEDDED} JPEGs embedded with {ARCHITECTURE} in batches of 16."
    arguments = ("--stages", "embed", "--set", f"embed.model={model}",
                 "--set", "models.batch_size=16")  # fmt: skip
    return what, lambda: _scan(str(folder), *arguments)


PATHS: dict[str, Callable[[], HotPath]] = {
    "screening_engine": screening_engine,
    "screening_reader": screening_reader,
    "pictures": pictures,
    "embedding": embedding,
}

if __name__ == "__main__":
    main()
