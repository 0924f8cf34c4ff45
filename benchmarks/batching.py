"""What microbatching costs: the same scan with microbatches of different sizes."""

from __future__ import annotations

import tempfile

from benchmarks.footage import storm_1080p
from benchmarks.measure import SIGHTLINE, in_turn, medians, table

SIZES = (1, 4, 16, 64, 128, 512)
RUNS = 3
SECONDS = 60


def main() -> None:
    """Print speed and memory for each size, and speed as a share of the fastest."""
    clip = storm_1080p(SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        commands = [
            [*SIGHTLINE, "--library", f"{folder}/library", "--quiet", "scan", str(clip), "--redo",
             "--profile", "quick", "--set", f"run.batch_size={size}"]
            for size in SIZES
        ]  # fmt: skip
        taken = [medians(runs) for runs in in_turn(commands, RUNS)]
    fastest = min(each.wall_seconds for each in taken)
    table(
        ("frames a microbatch", "frames/s", "share of the fastest", "CPU s", "peak MiB"),
        [
            (size, SECONDS * 30 / each.wall_seconds, fastest / each.wall_seconds,
             each.cpu_seconds, each.peak_mib)
            for size, each in zip(SIZES, taken, strict=True)
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
