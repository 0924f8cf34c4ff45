"""Masks resized as run lengths, against the same done with arrays."""

from __future__ import annotations

import numpy as np
import pytest

from core.inference.objects import runs
from core.storage.export.masks import area, decoded, resized


def test_resized_runs_are_those_of_the_nearest_pixels() -> None:
    numbers = np.random.default_rng(1)
    for density in (0.0, 0.1, 0.5, 0.9, 1.0) * 30:
        height, width, tall, wide = (int(each) for each in numbers.integers(1, 40, 4))
        mask = numbers.random((height, width)) < density
        rows = ((np.arange(tall) + 0.5) * height / tall).astype(int)
        columns = ((np.arange(wide) + 0.5) * width / wide).astype(int)
        found = resized(runs(mask), tall, wide)
        assert found == runs(mask[rows][:, columns])
        assert (decoded(found) == mask[rows][:, columns]).all()
        assert area(found) == mask[rows][:, columns].sum()


def test_runs_that_do_not_fill_their_size_are_refused() -> None:
    for counts in ([3], [7], [-1, 7], []):
        with pytest.raises(ValueError, match="3 x 2"):
            decoded({"size": [2, 3], "counts": counts})
