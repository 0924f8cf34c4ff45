"""`python -m benchmarks [NAME...]`: run all benchmarks, or those named."""

from __future__ import annotations

import sys
from importlib import import_module

NAMES = ("startup", "finding", "screening", "batching", "rivals", "rescan", "images", "killing",
         "downloads", "embedding", "rclip", "real_weights", "generation", "app", "tones",
         "exports")  # fmt: skip


def main() -> None:
    """Run each benchmark in turn."""
    for name in sys.argv[1:] or NAMES:
        print(f"\n== {name}", flush=True)
        import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main()
