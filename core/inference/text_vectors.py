"""Vectors of texts, embedded once per library, model and template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from ..config.spec import tagged_hash
from ..models.protocols import Embedder
from ..stores.answers import TextVectorStore

MOST_OTHERS = 20_000
"""so many words are kept before those that are not asked about are left out"""


def embedded(
    model: Embedder, template: str, words: Sequence[str], store: TextVectorStore | None
) -> NDArray[np.float32]:
    """Return float32 (words, dimension) of the words in a template, each row of unit length.

    Only words that the store lacks are embedded, and kept. Raises OutOfMemory, DiskFull.
    """
    key = tagged_hash("texts", [asdict(model.identity), template])
    known = store.get(key, model.dimension) if store else {}
    lacking = [word for word in dict.fromkeys(words) if word not in known]
    if lacking:
        rows = model.embed_texts([template.replace("{label}", word) for word in lacking])
        if len(known) > MOST_OTHERS:  # of lists that were edited since
            known = {word: known[word] for word in words if word in known}
        known = {**known, **dict(zip(lacking, rows, strict=True))}
        if store:
            store.put(key, known)
    return np.stack([known[word] for word in words])
