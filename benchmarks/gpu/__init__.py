"""Checks and figures that need a GPU: `python -m benchmarks gpu` (see docs/gpu.md)."""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] = ()) -> None:
    """Run all parts, or those that are named."""
    from benchmarks.gpu import checks

    checks.main(arguments)
