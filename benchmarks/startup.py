"""What `sightline --help` costs: CPU seconds of the whole process."""

from __future__ import annotations

import sys

from benchmarks.measure import SIGHTLINE, in_turn, medians, table

RUNS = 11


def main() -> None:
    """Print the CPU time of --help beside that of an empty Python."""
    empty, ours = in_turn([[sys.executable, "-c", ""], [*SIGHTLINE, "--help"]], RUNS)
    table(
        ("command", "CPU s", "wall s", "wanted"),
        [
            ("python -c ''", medians(empty).cpu_seconds, medians(empty).wall_seconds, ""),
            ("sightline --help", medians(ours).cpu_seconds, medians(ours).wall_seconds, "< 0.2"),
        ],
    )


if __name__ == "__main__":
    main()
