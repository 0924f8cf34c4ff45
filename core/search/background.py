"""Background sentences, and how images score against them: the scale that a cut-off needs.

A cosine alone says little: some images lean towards every text, and queries differ in how strongly
they are worded. Measured against sentences that have nothing to do with it, a score becomes a
number of standard deviations that is comparable between images.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..config.spec import tagged_hash

_FILE = Path(__file__).with_name("background.txt")
TEMPLATE = "{label}"
"""under which the vectors of the sentences are kept (see `inference.text_vectors.embedded`)"""
NORMAL = 1.4826
"""the median absolute deviation of a normal distribution times this is its standard deviation"""
_LEAST_SPREAD = 1e-4


@cache
def sentences() -> tuple[str, ...]:
    """Return the background sentences, one a line; none where the file is not installed."""
    if not _FILE.is_file():
        return ()
    lines = (line.strip() for line in _FILE.read_text(encoding="utf-8").splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def key() -> str:
    """Return what identifies the sentences that are installed; empty without any."""
    texts = sentences()
    return tagged_hash("background", [TEMPLATE, *texts]) if texts else ""


def mean_and_spread(
    vectors: NDArray[np.float32], background: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return float32 (images,) twice: centre and spread of each image's cosines with sentences.

    `vectors` is float32 (images, dimension), `background` (sentences, dimension), both of unit
    length. The centre is the median and the spread 1.4826 times the median absolute deviation: a
    few sentences that do describe the image change neither. Without sentences 0 and 1.
    """
    if not len(background):
        return np.zeros(len(vectors), np.float32), np.ones(len(vectors), np.float32)
    cosines = vectors @ background.T
    mean = np.median(cosines, axis=1)
    spread = NORMAL * np.median(np.abs(cosines - mean[:, None]), axis=1)
    return mean.astype(np.float32), np.maximum(spread, _LEAST_SPREAD).astype(np.float32)
