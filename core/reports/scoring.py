"""A scan against a truth file."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..errors import UsageError
from ..judge.score import Score, Truth, score
from ..storage.library import Library
from ..text import counted
from .documents import documents


def scored(
    library: Library, scan: int, truth: Truth, kinds: Sequence[str], stage_kinds: Sequence[str],
    tolerance_seconds: float,
) -> Score:  # fmt: skip
    """Score the one video of a scan that a truth file speaks of. Raises UsageError."""
    found = [filed.document for filed in documents(library, scan)]
    named = [d for d in found if os.path.basename(d.source.path) == truth.video] or found
    if len(named) != 1:
        raise UsageError(
            f"scan {scan} has {counted(len(named), 'source')} with results and the truth "
            'file names none of them; give it a "video": "<file name>"'
        )
    moments = [m for m in named[0].moments if not stage_kinds or m.kind in stage_kinds]
    return score(moments, truth.events, kinds, tolerance_seconds)
