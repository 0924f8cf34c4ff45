"""The synthetic storm footage is repeatable, and its labels say what its pixels show."""

import json
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from core.synthetic.distractors import DISTRACTORS
from core.synthetic.lightning import APART, LUMA, plan_flashes
from core.synthetic.scenery import DAYLIGHT
from core.synthetic.storm import Lightning, Scene, demo_scene, render, scenes, truth, write

SMALL = Scene(
    "small",
    5,
    5.0,
    Fraction(30000, 1001),
    160,
    90,
    noise=0.0,
    lightning=(
        Lightning("bolt", 1, (60, 90), (0.3, 0.5)),
        Lightning("bolt", 1, (60, 90)),
        Lightning("sheet", 1, (30, 60), (0.4, 0.8), frames=(2,), restrikes=2),
        Lightning("distant", 2, (8, 12), (0.05, 0.15)),
    ),
)
CAMERA = {"shake", "bump", "pan", "drift", "auto-exposure", "fade-black", "dissolve", "cuts"}


def test_same_recipe_gives_same_frames_and_another_seed_does_not() -> None:
    scene = replace(SMALL, seconds=3.5, noise=2.0, distractors=("rain", "trees", "shake"))
    first, again = list(render(scene)), list(render(scene))
    other = list(render(replace(scene, seed=6)))
    assert len(first) == scene.frames
    assert first[0].shape == (90, 160, 3) and first[0].dtype == np.uint8
    assert all(np.array_equal(one, two) for one, two in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_labels_are_exactly_the_frames_that_brighten() -> None:
    lumas = np.array([frame @ LUMA for frame in render(SMALL)])
    dark = np.median(lumas, axis=0)
    bright = {frame for frame, luma in enumerate(lumas) if (luma - dark).max() > 3}
    flashes = truth(SMALL)
    labelled = [set(range(f.first_frame, f.last_frame + 1)) for f in flashes]
    assert len(flashes) == 5
    # Only the gaps between the strokes of one flash are labelled and dark.
    assert bright <= set().union(*labelled)
    for flash, frames in zip(flashes, labelled, strict=True):
        assert {flash.first_frame, flash.peak_frame, flash.last_frame} <= bright
        assert len(frames - bright) <= 6
        change = lumas[flash.peak_frame] - dark
        seen = change[change >= 4]
        assert seen.mean() == pytest.approx(flash.strength, abs=1.0)
        assert seen.size / change.size == pytest.approx(flash.area, abs=0.03)


def test_written_file_has_every_frame_and_the_labels_agree_with_its_clock(tmp_path: Path) -> None:
    labels = json.loads(write(SMALL, tmp_path / "storm.mp4").read_text())
    assert (tmp_path / "storm.mp4.truth.json").exists()
    with av.open(str(tmp_path / "storm.mp4")) as container:
        times = [frame.time for frame in container.decode(video=0)]
        codec = container.streams.video[0].codec_context.name
    assert codec == "h264"
    assert len(times) == labels["frames"] == SMALL.frames
    assert (labels["format"], labels["version"]) == ("sightline.truth", 1)
    assert labels["video"] == "storm.mp4" and labels["fps"] == pytest.approx(29.97003)
    for event in labels["events"]:
        for name in ("first_frame/start_s", "peak_frame/peak_s", "last_frame/end_s"):
            frame, second = name.split("/")
            assert times[event[frame]] == pytest.approx(event[second], abs=1e-4)


def test_exam_has_every_condition() -> None:
    exam = scenes()
    storms = [scene for scene in exam if scene.lightning]
    quiet = [scene for scene in exam if not scene.lightning]
    for group in (storms, quiet):
        shown = {name for scene in group for name in scene.distractors}
        assert shown >= {"tower", "aircraft", "fireworks", "rain", "window", "pan", "cuts", "trees"}
        assert max(scene.noise for scene in group) >= 6
        assert any(scene.sky > DAYLIGHT for scene in group)
    assert {name for scene in storms for name in scene.distractors} == CAMERA | set(DISTRACTORS)
    assert len(quiet) >= 6 and len({scene.name for scene in exam}) == len(exam)
    assert sum(scene.frames for scene in exam) <= 10_000


def test_exam_has_enough_flashes_of_every_sort_and_they_can_be_counted() -> None:
    plans = {scene.name: plan_flashes(scene) for scene in scenes()}
    everyone = [plan for clip in plans.values() for plan in clip]
    single = [plan for plan in everyone if not plan.group.restrikes]
    assert len(everyone) >= 150
    assert {len(plan.profile) for plan in single} == {1, 2, 3, 4, 5, 6}
    assert {plan.group.kind for plan in everyone} == {"bolt", "sheet", "distant"}
    assert any(plan.shutter for plan in everyone)
    assert min(plan.strength for plan in everyone) >= 8
    assert max(plan.strength for plan in everyone) >= 100
    for clip in plans.values():
        for one, two in pairwise(clip):
            assert two.first - (one.first + len(one.profile)) >= APART


def test_weak_flashes_can_be_seen_by_a_person() -> None:
    weak = next(scene for scene in scenes() if scene.name == "weak")
    assert all(flash.strength >= 7 and flash.area >= 0.04 for flash in truth(weak))


def test_demo_is_a_short_clip_with_a_handful_of_strokes() -> None:
    flashes = truth(demo_scene())
    assert 5 <= len(flashes) <= 6
    assert min(flash.strength for flash in flashes) < 13
