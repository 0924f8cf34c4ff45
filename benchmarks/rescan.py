"""Scanning an unchanged folder of 10,000 pictures again, against walking it."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.measure import CACHE, SIGHTLINE, in_turn, medians, run, table

PICTURES = 10_000
RUNS = 5
WALK = """
import os, sys
print(sum(entry.stat().st_size > 0 for folder, _, names in os.walk(sys.argv[1])
          for entry in os.scandir(folder) if entry.is_file()))
"""


def main() -> None:
    """Print what a re-scan takes beyond the directory walk."""
    folder = _pictures()
    with tempfile.TemporaryDirectory() as scratch:
        scan = [*SIGHTLINE, "--library", f"{scratch}/library", "--quiet", "scan", str(folder),
                "--profile", "quick"]  # fmt: skip
        first = run(scan)
        walks, again = in_turn([[sys.executable, "-c", WALK, str(folder)], scan], RUNS)
    walk, ours = medians(walks).wall_seconds, medians(again).wall_seconds
    table(
        ("what", "wall s", "wanted"),
        [
            (f"first scan of {PICTURES} pictures", first.wall_seconds, ""),
            ("walking the folder", walk, ""),
            ("scanning it again", ours, ""),
            ("again, less the walk", ours - walk, "<= 2"),
        ],
    )


def _pictures() -> Path:
    import numpy as np
    from PIL import Image

    folder = CACHE / f"pictures-{PICTURES}"
    if not folder.is_dir():
        scratch = folder.with_suffix(".new")
        random = np.random.default_rng(0)
        for number in range(PICTURES):
            part = scratch / f"{number // 500:02d}"
            part.mkdir(parents=True, exist_ok=True)
            coarse = Image.fromarray(random.integers(0, 255, (6, 8, 3), np.uint8))
            coarse.resize((160, 120)).save(part / f"IMG_{number:05d}.jpg")
        scratch.rename(folder)
    return folder


if __name__ == "__main__":
    main()
