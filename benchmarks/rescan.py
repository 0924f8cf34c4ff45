"""Scanning an unchanged folder of 10,000 pictures again, against walking it."""

from __future__ import annotations

import sys
import tempfile

from benchmarks.footage import small_pictures
from benchmarks.measure import SIGHTLINE, in_turn, medians, run, table

PICTURES = 10_000
RUNS = 5
WALK = """
import os, sys
print(sum(entry.stat().st_size > 0 for folder, _, names in os.walk(sys.argv[1])
          for entry in os.scandir(folder) if entry.is_file()))
"""


def main() -> None:
    """Print what a re-scan takes beyond the directory walk."""
    folder = small_pictures(PICTURES)
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


if __name__ == "__main__":
    main()
