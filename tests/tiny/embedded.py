"""Vectors in a library as the stage `embed` stores them, without a model."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.sources.content import content_hash
from core.storage.library import Library
from core.stores.answers import Annotation, AnswerKey

IDENTITY = {
    "version": 1, "model": "org/tiny-clip", "revision": "0123456789abcdef", "family": "clip",
    "dtype": "float32", "attn": "sdpa", "quantize": "none", "preprocessing": "p1",
}  # fmt: skip


def keep_vectors(
    library: Path, vectors: Mapping[Path, NDArray[np.float32]], *, model: str = "org/tiny-clip",
    frames: Mapping[Path, int] | None = None,
) -> None:  # fmt: skip
    """Keep a vector of a frame, by default the first, of each file."""
    with closing(Library(library)) as opened:
        key = opened.annotations.register(AnswerKey("embed", IDENTITY | {"model": model}, {}))
        rows = []
        for path, vector in vectors.items():
            frame = (frames or {}).get(path, 0)
            note = Annotation("embed", frame, frame / 5, "", {}, np.asarray(vector, np.float32))
            rows.append((content_hash(str(path)), note))
        opened.annotations.keep(key, rows)
