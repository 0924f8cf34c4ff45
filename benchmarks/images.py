"""Folders of small pictures: speed beside bare decoding, size of the database, bytes written.

The bare side decodes each picture with Pillow in as many processes as there are cores, and does
nothing else. All sides are whole processes, start-up included. `SIGHTLINE_BEFORE` may name a
checkout of an earlier state: it scans the same pictures in turn with the present one.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from benchmarks.footage import small_pictures
from benchmarks.measure import ROOT, SIGHTLINE, Taken, medians, run, table

COUNTS = (1_000, 10_000, 60_000)
COMPARED = 10_000
RUNS = 3
BARE = """
import multiprocessing, os, sys
from pathlib import Path
from PIL import Image

def decode(path):
    with Image.open(path) as image:
        image.draft("L", image.size)
        image.load()
    return 1

if __name__ == "__main__":
    paths = sorted(Path(sys.argv[1]).rglob("*.jpg"))
    with multiprocessing.Pool(len(os.sched_getaffinity(0))) as pool:
        print(sum(pool.imap_unordered(decode, paths, 64)))
"""


def main() -> None:
    """Print speeds side by side, then how size and bytes written grow."""
    before = os.environ.get("SIGHTLINE_BEFORE")
    folder = small_pictures(COMPARED)
    sides = {"bare decoding": None, "scan --profile quick": ROOT}
    if before:
        sides["the state before"] = Path(before)
    taken: dict[str, list[Taken]] = {side: [] for side in sides}
    for _ in range(RUNS):
        for side, code in sides.items():
            taken[side].append(_scan(folder, code)[0] if code else _bare(folder))
    _compared({side: medians(runs) for side, runs in taken.items()})
    _grown()


def _compared(sides: dict[str, Taken]) -> None:
    bare = sides["bare decoding"]
    table(
        (f"side, {COMPARED} pictures", "wall s", "pictures/s", "CPU ms a picture", "peak MiB",
         "share of bare speed"),
        [
            (side, t.wall_seconds, COMPARED / t.wall_seconds, 1000 * t.cpu_seconds / COMPARED,
             t.peak_mib, bare.wall_seconds / t.wall_seconds)
            for side, t in sides.items()
        ],
    )  # fmt: skip
    former = sides.get("the state before")
    if former:
        now = sides["scan --profile quick"]
        ratio, cpu = (
            former.wall_seconds / now.wall_seconds, former.cpu_seconds / now.cpu_seconds
        )  # fmt: skip
        table(
            ("figure", "value", "wanted"),
            [("pictures a second, against before", ratio, ">= 1.8"), ("CPU time, before", cpu, "")],
        )


def _grown() -> None:
    rows = []
    for count in COUNTS:
        took, size = _scan(small_pictures(count), ROOT)
        written = took.written_bytes / size if took.written_bytes else float("nan")
        rows.append(
            (count, count / took.wall_seconds, 1000 * took.cpu_seconds / count, size / count,
             written, took.peak_mib)
        )  # fmt: skip
    table(
        ("pictures", "a second", "CPU ms each", "database, bytes each (<= 1600)",
         "written, times the size (<= 3)", "peak MiB"),
        rows,
    )  # fmt: skip


def _bare(folder: Path) -> Taken:
    with tempfile.TemporaryDirectory() as scratch:
        script = Path(scratch) / "bare.py"
        script.write_text(BARE)
        return run([sys.executable, str(script), str(folder)])


def _scan(folder: Path, code: Path) -> tuple[Taken, int]:
    """Return what a first scan took, and the bytes of its database."""
    with tempfile.TemporaryDirectory() as scratch:
        library = Path(scratch) / "library"
        words = ["--library", str(library), "--quiet", "scan", str(folder), "--profile", "quick"]
        took = run([*SIGHTLINE, *words], folder=code)
        return took, (library / "library.db").stat().st_size


if __name__ == "__main__":
    main()
