"""What the screening stages find, and what they leave alone and why."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from core.config.screening_settings import Regions
from core.config.spec import Spec
from core.judge.score import TrueEvent, score
from core.records import Candidate
from core.scans.events import moments
from core.screening.cut import Cut
from core.screening.flash import Flash
from core.screening.motion import Motion
from core.synthetic.storm import Lightning, Scene, truth
from tests.workbench import (
    STORM,
    accepted,
    as_luma,
    candidates,
    luma_of,
    measured,
    still_scene,
)

FLASH_AT = 70


def one_flash(frames: int = 1, lift: float = 40.0, seed: int = 0) -> NDArray[np.uint8]:
    """A still scene with a flash in x 60..110, y 20..50 of 160 x 90, at frame FLASH_AT."""
    pixels = still_scene()
    pixels[FLASH_AT : FLASH_AT + frames, 20:50, 60:110] += lift
    return as_luma(pixels)


def overlap(candidate: Candidate, box: tuple[int, int, int, int]) -> float:
    """Return intersection over union."""
    assert candidate.region is not None
    x, y, width, height = candidate.region
    across = min(x + width, box[0] + box[2]) - max(x, box[0])
    down = min(y + height, box[1] + box[3]) - max(y, box[1])
    both = max(across, 0) * max(down, 0)
    return both / (width * height + box[2] * box[3] - both)


@pytest.mark.parametrize("frames", [1, 2, 5])
@pytest.mark.parametrize("lift", [12.0, 40.0, 200.0])
def test_a_flash_is_found_at_its_frame_and_place(frames: int, lift: float) -> None:
    (found,) = accepted(candidates("flash", one_flash(frames, lift)))
    assert found.start_frame == FLASH_AT
    assert found.end_frame == FLASH_AT + frames - 1
    assert found.peak_seconds == found.peak_frame / 25.0
    assert FLASH_AT <= found.peak_frame < FLASH_AT + frames
    assert overlap(found, (240, 80, 200, 120)) > 0.7
    assert found.score > found.threshold and found.reason == ""


@pytest.mark.parametrize("at", [0, 1, 148, 149])
def test_a_flash_at_an_end_of_the_footage_does_no_harm(at: int) -> None:
    pixels = still_scene()
    pixels[at, 20:50, 60:110] += 60
    assert all(abs(c.peak_frame - at) <= 1 for c in accepted(candidates("flash", as_luma(pixels))))


@cache
def other_place() -> NDArray[Any]:
    rng = np.random.default_rng(99)
    place: NDArray[Any] = 70 + 60 * np.kron(rng.random((9, 16)), np.ones((10, 10)))
    return place


def changed(what: str) -> NDArray[np.uint8]:  # noqa: C901
    """150 frames in which one thing happens around frame 70 that is no flash."""
    pixels: NDArray[Any] = still_scene()
    ramp = np.clip((np.arange(150) - 45) / 50, 0, 1)[:, None, None]
    if what == "step":
        pixels[FLASH_AT:] += 40
    elif what == "fade in":
        pixels *= 0.2 + 0.8 * ramp
    elif what == "fade out and back":
        pixels *= 1 - np.sin(np.pi * ramp)
    elif what == "cut":
        pixels[FLASH_AT:] += other_place() - pixels[0]
    elif what == "dissolve":
        pixels += ramp * (other_place() - pixels[0])
    elif what == "light left on":
        pixels[FLASH_AT:, 20:50, 60:110] += 60
    elif what == "slow glow":
        pixels[:, 20:50, 60:110] += (
            60 * np.exp(-(((np.arange(150) - 70) / 12.0) ** 2))[:, None, None]
        )
    elif what == "dark blink":
        pixels[FLASH_AT : FLASH_AT + 2] -= 30
    elif what == "car":
        for frame in range(40, 110):
            left = 2 * (frame - 40)
            pixels[frame, 60:70, left : left + 12] += 120
    return as_luma(pixels)


CHANGES = (
    "nothing", "step", "fade in", "fade out and back", "cut", "dissolve", "light left on",
    "slow glow", "dark blink", "car",
)  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_no_flash_where_the_picture_changes_otherwise(what: str) -> None:
    found = candidates("flash", changed(what))
    assert not accepted(found)
    assert all(candidate.reason for candidate in found)


@pytest.mark.parametrize("what", CHANGES)
def test_a_cut_where_there_is_one_and_nowhere_else(what: str) -> None:
    found = [candidate.peak_frame for candidate in accepted(candidates("cut", changed(what)))]
    assert found == ([FLASH_AT] if what == "cut" else [])


def test_a_flash_is_no_cut_and_no_motion() -> None:
    whole = still_scene()
    whole[FLASH_AT : FLASH_AT + 2] += 60
    for luma in (as_luma(whole), one_flash(3, 60)):
        assert not accepted(candidates("cut", luma))
    assert not accepted(candidates("motion", as_luma(whole)))


def test_rejected_candidates_say_why() -> None:
    for what, reason in (
        ("slow glow", "brightens and fades slowly"),
        ("car", ("moves", "brightens")),
    ):
        found = candidates("flash", changed(what))
        assert any(candidate.reason.startswith(reason) for candidate in found), what
        assert all(candidate.facts and candidate.region for candidate in found)


def test_motion_is_found_with_its_place_and_length() -> None:
    (found,) = accepted(candidates("motion", changed("car")))
    assert 39 <= found.start_frame <= 42 and 108 <= found.end_frame <= 111
    assert found.region is not None
    x, y, width, height = found.region
    assert x <= 16 and width > 500 and 224 <= y <= 256 and height <= 72
    jump = still_scene()
    jump[:70, 60:70, 20:40] += 100
    jump[70:, 60:70, 60:80] += 100
    (short,) = candidates("motion", as_luma(jump))
    assert not short.accepted and "min_seconds" in short.reason


LEFT, RIGHT = (0.0, 0.0, 0.3, 1.0), (0.7, 0.0, 0.3, 1.0)
PLACE = (0.3, 0.15, 0.5, 0.6)


@pytest.mark.parametrize(
    ("regions", "seen"),
    [
        (Regions(), True),
        (Regions(include=(PLACE,)), True),
        (Regions(include=((192, 54, 320, 216),)), True),
        (Regions(include=(LEFT, RIGHT)), False),
        (Regions(exclude=(PLACE,)), False),
        (Regions(exclude=(LEFT, RIGHT)), True),
        (Regions(include=((0.0, 0.0, 1.0, 1.0),), exclude=(PLACE,)), False),
    ],
)
def test_only_the_regions_asked_for_are_looked_at(regions: Regions, seen: bool) -> None:
    found = accepted(candidates("flash", one_flash(2), Spec(stages=("flash",), regions=regions)))
    assert len(found) == seen
    moving = still_scene()
    for frame in range(40, 110):
        moving[frame, 25:35, 60 + frame % 40 : 70 + frame % 40] += 120
    spec = Spec(stages=("motion",), regions=regions)
    assert len(accepted(candidates("motion", as_luma(moving), spec))) == seen


DIALS = [step / 10 for step in range(11)]
MIXED = Scene(
    "mixed", 11, 12.0, STORM.fps, 160, 90, "hills", 24.0, 2.0, ("headlights-fast", "tower"),
    (Lightning("sheet", 2, (25, 60), (0.3, 0.8)), Lightning("distant", 4, (8, 20), (0.05, 0.2))),
)  # fmt: skip


@cache
def mixed() -> NDArray[np.uint8]:
    return luma_of(MIXED)


@pytest.mark.parametrize("name", ["flash", "motion", "cut"])
def test_a_higher_sensitivity_never_finds_less(name: str) -> None:
    values = measured(name, mixed())
    sections = {"flash": Flash, "motion": Motion, "cut": Cut}
    before: set[int] = set()
    for dial in DIALS:
        section = sections[name](sensitivity=dial)
        spec = Spec.model_validate({"stages": (name,), name: section.model_dump()})
        found = accepted(candidates(name, mixed(), spec, values))
        frames = {n for c in found for n in range(c.start_frame, c.end_frame + 1)}
        assert before <= frames, dial
        before = frames


@pytest.mark.parametrize("distractors", [(), ("rain",), ("headlights-approach",), ("shake",)])
def test_strokes_of_a_drawn_storm_are_found_and_nothing_else(distractors: tuple[str, ...]) -> None:
    scene = replace(STORM, distractors=distractors)
    strokes = [
        TrueEvent(f.kind, f.start_seconds, f.end_seconds, f.peak_seconds) for f in truth(scene)
    ]
    spec = Spec()
    found = moments(candidates("flash", luma_of(scene), spec), spec.events, scene.seconds)
    result = score(found, strokes)
    assert result.recall == 1.0, result.misses
    assert result.precision == 1.0, result.false_alarms
    assert result.timing_worst_seconds is not None and result.timing_worst_seconds <= 0.08


@pytest.mark.parametrize("distractors", [("cuts",), ("dissolve", "drift"), ("fade-black", "trees")])
def test_a_scene_without_lightning_has_no_flash(distractors: tuple[str, ...]) -> None:
    scene = replace(STORM, lightning=(), distractors=distractors)
    luma = luma_of(scene)
    assert not accepted(candidates("flash", luma))
    cuts = accepted(candidates("cut", luma))
    assert bool(cuts) == ("cuts" in distractors)
