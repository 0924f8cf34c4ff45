"""Vectors of the words that tags are chosen from, so that a second scan embeds none of them.

One file per model and template, `texts/KEY.npz`, holds words and vectors. It is only a cache: a
file that is damaged or missing is made anew, and those used longest ago are removed.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import EnvironmentFault
from .whole_file import write_whole

MOST_FILES = 16


class KeptTextVectors:
    """Reads and writes vectors of texts under one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str, dimension: int) -> dict[str, NDArray[np.float32]]:
        """Return float32 (dimension,) by word; nothing where no usable file was kept."""
        path = self._path(key)
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
                words = json.loads(arrays["words"].tobytes())
                vectors = arrays["vectors"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return {}
        if not _fit(words, vectors, dimension):
            return {}
        with suppress(OSError):
            os.utime(path)
        return dict(zip(words, vectors, strict=True))

    def put(self, key: str, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        """Keep all vectors of a key; the file appears whole or not at all.

        A disk that takes none is no reason to stop: the words are embedded again next time.
        """
        file = io.BytesIO()
        words = np.frombuffer(json.dumps(list(vectors)).encode(), np.uint8)
        np.savez(file, words=words, vectors=np.stack(list(vectors.values())))
        with suppress(EnvironmentFault):
            write_whole(self._path(key), file.getvalue(), self._folder.parent)
            self._tidy()

    def _tidy(self) -> None:
        """Remove the files used longest ago beyond `MOST_FILES`."""
        with suppress(OSError):
            files = sorted(self._folder.glob("*.npz"), key=lambda each: -each.stat().st_mtime_ns)
            for path in files[MOST_FILES:]:
                path.unlink()

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.npz"


def _fit(words: object, vectors: NDArray[np.float32], dimension: int) -> bool:
    """Return whether words and vectors are what `put` wrote for a model."""
    texts = isinstance(words, list) and all(isinstance(word, str) for word in words)
    shape = (len(words), dimension) if isinstance(words, list) else ()
    right = vectors.dtype == np.float32 and vectors.shape == shape
    return texts and right and bool(np.isfinite(vectors).all())
