"""Flashes of every shape and length, and changes that are none, on the same grid.

Drawn as cells, which is what the stage measures: reading files is tested elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from core.config.screening_settings import Events
from core.config.spec import Spec
from core.records import Candidate, Event, SourceInfo
from core.scans.events import moments
from core.screening.flash import FlashStage
from core.screening.flash_score import (
    AT_THE_END,
    AT_THE_START,
    REASONS,
    SAMPLED_TOO_RARELY,
    STROKE_RANGE,
    TOO_LONG,
)
from core.screening.stage import Series
from core.screening.strokes import stroke_rows

Floats = NDArray[np.float32]
ROWS, COLUMNS = 22, 40
RATES = (25.0, 30.0, 60.0)
LENGTHS = (2, 3, 5, 8, 12, 16, 20, 25, 30)
SHAPES = ("flat", "decay", "ramp", "multi-stroke")
SECONDS = 6


def profile(shape: str, length: int) -> Floats:
    """Light in each frame of a flash, its greatest 1."""
    step = np.arange(length)
    if shape == "decay":
        return np.exp(-2.3 * step / max(length - 1, 1)).astype(np.float32)
    if shape == "ramp":
        return ((step + 1) / length).astype(np.float32)
    if shape == "multi-stroke":
        light = np.full(length, 0.2)
        light[::4] = np.resize([0.8, 0.6, 0.7, 0.5], len(light[::4]))
        light[0] = 1.0
        return light.astype(np.float32)
    return np.ones(length, np.float32)


def scene(rate: float, seed: int) -> tuple[Floats, Floats]:
    """A quiet scene with sensor noise, float32 (frames, rows, columns), and what light it takes."""
    rng = np.random.default_rng(seed)
    frames = round(SECONDS * rate)
    place = np.kron(rng.random((6, 10)), np.ones((4, 4)))[:ROWS, :COLUMNS]
    takes = np.kron(0.4 + 0.6 * rng.random((6, 10)), np.ones((4, 4)))[:ROWS, :COLUMNS]
    grid = 40 + 20 * place + rng.normal(0, 0.7, (frames, ROWS, COLUMNS))
    return grid.astype(np.float32), takes.astype(np.float32)


def lit(shape: str, length: int, rate: float, lift: float = 40.0) -> tuple[Floats, int]:
    grid, takes = scene(rate, length)
    at = round(2.5 * rate)
    grid[at : at + length] += profile(shape, length)[:, None, None] * takes * lift
    return grid, at


def found(
    grid: Floats, rate: float, max_seconds: float | None = None, sensitivity: float = 0.5
) -> tuple[list[Candidate], tuple[Event, ...]]:
    """Measure and decide over a whole video drawn as cells."""
    flash = {"sensitivity": sensitivity} | ({"max_seconds": max_seconds} if max_seconds else {})
    spec = Spec.model_validate({"stages": ("flash",), "flash": flash})
    stage = FlashStage()
    source = SourceInfo("/v", "video", "b2:0", 1, 640, 360, "mp4", "h264", frame_rate=rate)
    stage.open(source, spec)
    indices = np.arange(len(grid), dtype=np.int64)
    values = stage._measure(grid, slice(0, len(grid)))
    candidates = stage.decide(Series(stage.columns, indices, indices / rate, values))
    return candidates, moments(candidates, Events(), len(grid) / rate)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rate", RATES)
def test_a_flash_of_any_shape_and_length_is_one_event(shape: str, rate: float) -> None:
    for length in LENGTHS:
        grid, at = lit(shape, length, rate)
        candidates, events = found(grid, rate)
        assert len(events) == 1, (length, candidates)
        (event,) = events
        brightest = at + int(profile(shape, length).argmax())
        assert shape == "flat" or abs(event.peak_frame - brightest) <= 1, length
        # A tenth of the light at either end may be lost in the noise, and what glows on weakly
        # after the last stroke.
        lost = 3 if shape == "multi-stroke" else 1 + length // 8
        assert 0 <= event.start_frame - at <= lost, length
        assert 0 <= at + length - 1 - event.end_frame <= lost, length
        assert 0.5 < event.score <= 1 and event.energy > 1000 and event.strokes
        assert event.facts["simultaneity"] > 0.9


def _changes(rate: float) -> Iterator[tuple[str, Floats]]:
    for length, lift in product((2, 8, 16, 30), (15.0, 60.0)):
        grid, takes = scene(rate, length)
        frame = np.arange(len(grid))
        at = round(2.5 * rate)
        light = takes * np.float32(lift)
        yield f"step {length}", grid + (frame >= at)[:, None, None] * light
        ramp = np.clip((frame - at) / length, 0, 1)[:, None, None]
        yield f"lasting ramp {length}", (grid + ramp * light).astype(np.float32)
        yield f"lasting fall {length}", np.clip(grid - 0.5 * ramp * light, 0, None).astype("f4")
        dip = ((frame >= at) & (frame < at + length))[:, None, None]
        yield f"dip {length}", np.clip(grid - 0.5 * dip * light, 0, None).astype(np.float32)
        period = max(2 * length, rate)
        waver = 1 + 0.004 * lift * np.sin(2 * np.pi * frame / period)
        yield f"waver {length}", (grid * waver[:, None, None]).astype(np.float32)
        bump = max(length, round(0.7 * rate))
        inside = (frame >= at) & (frame < at + bump)
        course = np.where(inside, np.sin(np.pi * (frame - at) / bump) ** 2, 0)
        yield f"slow bump {length}", (grid + course[:, None, None] * light).astype(np.float32)
        yield f"headlight {length}", _headlight(grid.copy(), at, max(length, 8), lift)


def _headlight(grid: Floats, at: int, frames: int, lift: float) -> Floats:
    """A pair of headlamps crosses the picture in `frames` frames."""
    down, across = np.mgrid[:ROWS, :COLUMNS]
    for step in range(frames):
        x = -5 + 50 * step / frames
        lamp = np.exp(-(((across - x) ** 2) / 18 + (down - 16) ** 2 / 8))
        grid[at + step] += (2 * lift * lamp).astype(np.float32)
    return grid


@pytest.mark.parametrize("rate", RATES)
def test_what_changes_otherwise_is_no_flash(rate: float) -> None:
    for name, grid in _changes(rate):
        candidates, events = found(grid, rate)
        assert not events, (name, [c for c in candidates if c.accepted])


def test_a_larger_max_seconds_never_finds_less() -> None:
    """Glows of several lengths and a group of strokes that lasts longer than any one of them."""
    rate = 25.0
    grid, takes = scene(rate, 1)
    grid = np.concatenate([grid, grid[:, ::-1], grid])
    for at, length in ((40, 3), (90, 12), (150, 40), (260, 90)):
        grid[at : at + length] += takes * 40
    for stroke in range(380, 430, 5):
        grid[stroke] += takes * 50
    covered: set[int] = set()
    counts = []
    for max_seconds in (0.1, 0.5, 1.0, 1.8, 3.0, 5.0):
        _, events = found(grid, rate, max_seconds)
        frames = {n for e in events for n in range(e.start_frame, e.end_frame + 1)}
        assert covered <= frames, max_seconds
        covered = frames
        counts.append(len(events))
    assert counts[0] < counts[3] < counts[-1]
    group = next(e for e in events if e.start_frame >= 375)
    assert len(group.strokes) == 10
    assert [s.frame for s in group.strokes] == list(range(380, 430, 5))


def test_rejected_candidates_have_their_true_reason_and_a_score_to_rank_them_by() -> None:
    rate = 25.0
    grid, takes = scene(rate, 2)
    long = grid.copy()
    long[40:100] += takes * 40
    (glow,), _ = found(long, rate)
    assert glow.reason == TOO_LONG and glow.score > 0.9 and glow.facts["glow_seconds"] == 2.4
    for frames, reason in (
        (slice(0, 12), AT_THE_START), (slice(-12, None), AT_THE_END),
    ):  # fmt: skip
        edge = grid.copy()
        edge[frames] += takes * 40
        (at_edge,), events = found(edge, rate)
        assert at_edge.reason == reason and not events
    course = np.sin(np.pi * np.clip(np.arange(len(grid)) - 50, 0, 30) / 30) ** 2
    slow = (grid + course[:, None, None] * takes * 30).astype(np.float32)
    (bump,), _ = found(slow, rate)
    assert bump.reason in (REASONS["attack"], REASONS["brevity"]) and 0 < bump.score < 0.05


@pytest.mark.parametrize("rate", RATES)
def test_a_short_bright_flash_is_found_at_either_end_of_a_file(rate: float) -> None:
    """Also in a video so short that the lit frames are a large part of it."""
    grid, takes = scene(rate, 3)
    for seconds, length in product((1, 3, SECONDS), (1, 2, 4, 6)):
        dark = grid[: round(seconds * rate)]
        for lit in (range(length), range(len(dark) - length, len(dark))):
            frames = dark.copy()
            frames[list(lit)] += takes * 60
            _, events = found(frames, rate)
            assert [(each.start_frame, each.end_frame) for each in events] == [(lit[0], lit[-1])]
            assert events[0].peak_frame in lit


def test_a_weaker_stroke_before_a_stronger_one_is_named_by_its_own_brightest_frame() -> None:
    for rate, lift in product((25.0, 60.0, 120.0), (25, 60)):
        grid, takes = scene(rate, 5)
        apart = max(3, round(0.1 * rate))
        rows = [40 + apart * number for number in range(4)]
        for row, light in zip(rows, (0.66, 0.93, 0.7, 0.85), strict=True):
            grid[row] += takes * lift * light
            grid[row + 1] += takes * lift * light * 0.35
        _, events = found(grid, rate)
        assert [[stroke.frame for stroke in each.strokes] for each in events] == [rows]


def test_a_step_of_a_few_levels_at_the_end_is_kept_as_rejected() -> None:
    """Encoders make up for a slow change by one at a keyframe."""
    grid, takes = scene(25.0, 4)
    grid[-3:] += takes * 4
    (step,), events = found(grid, 25.0)
    assert step.reason == AT_THE_END and not events


def test_the_ratio_furthest_below_its_floor_is_the_reason() -> None:
    names = STROKE_RANGE.names
    ratios = [0.65, 0.9, 0.3, 0.6, 0.9, 0.9]  # three below their floors, brevity the furthest
    assert STROKE_RANGE.reason(ratios) == REASONS["brevity"]
    assert STROKE_RANGE.reason([1.0] * len(names)).startswith("too faint")


def test_a_long_flash_in_a_short_video() -> None:
    grid, at = lit("flat", 25, 30.0)
    (event,) = found(grid[at - 12 : at + 40], 30.0)[1]
    assert (event.start_frame, event.end_frame) == (12, 36)


def test_sampled_too_rarely() -> None:
    grid, at = lit("flat", 1, 4.0, 60.0)
    candidates, events = found(grid, 4.0)
    assert not events
    assert [(c.peak_frame, c.reason) for c in candidates] == [(at, SAMPLED_TOO_RARELY)]
    assert candidates[0].score > 0.5


def test_strokes_are_maxima_with_a_dip_between_them() -> None:
    light = np.array([0, 9, 3, 8, 7.5, 8, 1, 1, 0.2, 5, 5, 0], np.float32)
    assert stroke_rows(light, 0.9) == [1, 3, 9]
    assert stroke_rows(np.array([1, 2, 3, 2, 1], np.float32), 0.3) == [2]
    assert stroke_rows(np.zeros(3, np.float32), 0.0) == [0]
