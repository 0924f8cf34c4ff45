"""Keeps what is imported out of garbage collection.

Closing a model collects garbage, as it must to give memory back. Beside all that pytest, torch and
transformers hold (two million objects) one collection takes 0.8 s of a core, and the tests of
models close hundreds.
"""

from __future__ import annotations

import gc
import sys

MANY = 100
_modules = 0


def freeze_imports() -> None:
    """Exempt all objects there are from collection, if many modules were imported since."""
    if len(sys.modules) > _modules + MANY:
        freeze()


def freeze() -> None:
    """Collect what is garbage by now, and exempt all else from collection for good."""
    global _modules  # noqa: PLW0603
    _modules = len(sys.modules)
    gc.collect()
    gc.freeze()
