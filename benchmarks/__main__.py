"""`python -m benchmarks [NAME...]`: run all benchmarks, or those named.

`python -m benchmarks gpu` takes options of its own: see `gpu/checks.py`.
"""

from __future__ import annotations

import sys
from importlib import import_module

NAMES = ("startup", "finding", "screening", "several", "batching", "rivals", "rescan", "images",
         "killing", "downloads", "embedding", "rclip", "real_weights", "generation", "app",
         "judging", "comparing", "tones", "exports", "duplicates", "hot_paths", "vectors",
         "indexing", "searching", "index_kills", "gpu")  # fmt: skip


def main() -> None:
    """Run each benchmark in turn."""
    if sys.argv[1:2] == ["gpu"]:
        import_module("benchmarks.gpu").main(sys.argv[2:])
        return
    for name in sys.argv[1:] or NAMES:
        print(f"\n== {name}", flush=True)
        import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
