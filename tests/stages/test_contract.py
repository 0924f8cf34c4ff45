"""What every stage in the table promises, whatever it measures."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from core.config.screening_settings import Regions
from core.config.spec import Spec
from core.config.stages import STAGES, declaration
from core.screening.cells import cell_means
from core.screening.registry import create
from core.screening.stage import Window
from tests.workbench import STORM, luma_of, measured

ALL = sorted(name for name in STAGES.names() if declaration(name).role == "screening")


@cache
def footage() -> NDArray[np.uint8]:
    return luma_of(STORM)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("size", [1, 16, 37, 128])
def test_the_size_of_a_microbatch_changes_nothing(name: str, size: int) -> None:
    luma = footage()[:120] if size == 1 else footage()
    whole = measured(name, luma, size=len(luma))
    assert whole.dtype == np.float32 and whole.shape == (len(luma), len(create(name).columns))
    np.testing.assert_array_equal(measured(name, luma, size=size), whole)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("start", [1, 16, 34, 128, 199])
def test_going_on_in_the_middle_equals_the_whole(name: str, start: int) -> None:
    luma = footage()
    whole = measured(name, luma)
    np.testing.assert_array_equal(measured(name, luma, size=16, start=start), whole[start:])


@pytest.mark.parametrize("name", ALL)
def test_a_region_does_not_break_the_promise(name: str) -> None:
    spec = Spec(stages=(name,), regions=Regions(include=((0.2, 0.1, 0.5, 0.6),)))
    whole = measured(name, footage(), size=200, spec=spec)
    np.testing.assert_array_equal(measured(name, footage(), size=37, spec=spec), whole)


@pytest.mark.parametrize("name", ALL)
def test_odd_sizes_and_single_frames_are_measured(name: str) -> None:
    shapes = [(1, 1), (1, 500), (3, 2), (12, 20), (480, 3)]
    for frames, shape in product((1, 2, 60), shapes):
        luma = np.random.default_rng(1).integers(0, 256, (frames, *shape), np.uint8)
        values = measured(name, luma)
        assert len(values) == frames, shape
        assert not np.isinf(values).any(), (frames, shape)


@pytest.mark.parametrize("name", [n for n in ALL if "picture" in create(n).kinds])
def test_a_picture_is_a_microbatch_of_one(name: str) -> None:
    luma = footage()[:1]
    stage = create(name)
    window = Window((luma,), cell_means(luma), 0, 1, np.zeros(1, np.int64), np.zeros(1), 1.0, 0)
    values = stage.finish(stage.infer(stage.prepare(window)))
    assert values.shape == (1, len(stage.columns)) and np.isfinite(values).all()
