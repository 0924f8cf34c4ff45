"""Clips with flashes of every shape and length, and with changes that are none, as real videos."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np

from core.synthetic import storm
from core.synthetic.lightning import FlashPlan
from core.synthetic.storm import Lightning, Scene, StormScene

RATES = (Fraction(25), Fraction(30), Fraction(60))
SHAPES = ("flat", "decay", "ramp", "multi-stroke")
LENGTHS = (2, 3, 5, 8, 12, 16, 20, 25, 30)
LASTING_FRAMES = (1, 8, 30)
"""how long a brightness takes to change for good"""
OTHERS = (
    "drift", "headlights-approach", "headlights-fast", "headlights-cross", "headlights-sweep",
    "headlights-on",
)  # fmt: skip
SECONDS_APART = 2.5
WHOLE = Lightning("sheet", 1, (60, 60), (0.9, 0.9))


def profile(shape: str, length: int) -> tuple[float, ...]:
    """Return the light in each frame of a flash, its greatest 1."""
    step = np.arange(length)
    light = np.ones(length)
    if shape == "decay":
        light = np.exp(-2.3 * step / max(length - 1, 1))
    if shape == "ramp":
        light = (step + 1) / length
    if shape == "multi-stroke":
        light = np.full(length, 0.25)
        light[::4] = np.resize([0.8, 0.6, 0.7, 0.5], len(light[::4]))
        light[0] = 1.0
    return tuple(light.tolist())


def flash_clips(folder: Path) -> list[Path]:
    """Draw a clip for each shape and rate with a flash of every length, and their truth files."""
    return [_flashes(folder, shape, rate) for shape in SHAPES for rate in RATES]


def other_clips(folder: Path) -> list[Path]:
    """Draw clips without a flash: lasting changes, wavering exposure and passing headlights."""
    lasting = [_lasting(folder, rate, frames) for rate in RATES for frames in LASTING_FRAMES]
    return lasting + [_other(folder, name, rate) for name in OTHERS for rate in RATES]


def _scene(name: str, rate: Fraction, seconds: float, distractors: tuple[str, ...] = ()) -> Scene:
    return Scene(name, 1, seconds, rate, 320, 180, "hills", 26.0, 1.5, distractors)


def _flashes(folder: Path, shape: str, rate: Fraction) -> Path:
    stage = StormScene(_scene(shape, rate, SECONDS_APART * (len(LENGTHS) + 1)))
    stage.plans = tuple(
        FlashPlan(number, WHOLE, round(SECONDS_APART * (number + 1) * rate), profile(shape, length),
             0.0, 60.0, 0.9)
        for number, length in enumerate(LENGTHS)
    )  # fmt: skip
    return _written(stage, folder / f"{shape}-{rate}.mp4")


def _lasting(folder: Path, rate: Fraction, frames: int) -> Path:
    stage = StormScene(_scene("lasting", rate, 8.0))
    first = stage.scene.frames // 2
    rise = np.clip(np.arange(1, stage.scene.frames - first + 1) / frames, 0, 1)
    stage.plans = (FlashPlan(0, WHOLE, first, tuple(rise.tolist()), 0.0, 60.0, 0.9),)
    return _written(stage, folder / f"lasting-{frames}-{rate}.mp4", flashes=False)


def _other(folder: Path, name: str, rate: Fraction) -> Path:
    return _written(StormScene(_scene(name, rate, 12.0, (name,))), folder / f"{name}-{rate}.mp4")


def _written(stage: StormScene, path: Path, *, flashes: bool = True) -> Path:
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"unfinished-{path.name}")
        storm.encode(stage.scene, storm.frames(stage), unfinished)
        found = tuple(stage.flash(plan) for plan in stage.plans) if flashes else ()
        body = storm.document(stage.scene, found, path.name)
        path.with_name(f"{path.name}.truth.json").write_text(json.dumps(body), "utf-8")
        unfinished.replace(path)
    return path
