"""What else comes and goes in a storm clip: each draws itself on a linear picture, in place."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from .scenery import (
    DAYLIGHT,
    RED,
    WARM,
    WHITE,
    Floats,
    Scene,
    View,
    fractal,
    generator,
    linear_of,
    shine,
    spot,
)


def _lamps(
    view: View, picture: Floats, centre: tuple[float, float], size: float, power: float
) -> None:
    """A pair of headlamps `size` pixels in radius, with the halo that wet air gives them."""
    for side in (-3.0, 3.0):
        lamp = (centre[0] + side * size, centre[1])
        shine(picture, np.float32(4 * power) * spot(picture.shape, lamp, (size, size)), WHITE)
    halo = spot(picture.shape, centre, (11 * size, 8 * size))
    shine(picture, np.float32(0.05 * power) * halo, WHITE)
    pool = spot(picture.shape, (centre[0], centre[1] + 5 * size), (12 * size, 2.5 * size))
    shine(picture, np.float32(0.1 * power) * pool * view.ground, WHITE)


def _approach(view: View, picture: Floats) -> None:
    """A car comes nearer for four seconds and leaves the picture at the bottom; every 5.5 s."""
    progress = (view.frame / float(view.scene.fps) + 2.0) % 5.5 / 4.0
    if progress < 1:
        near = 0.08 / (1.08 - progress)
        centre = view.place(0.5 - 0.3 * near, 0.78 + 0.35 * near)
        size = view.scene.height * (0.003 + 0.045 * near)
        # Seen from the side of its beam, a lamp that is about to pass is dimmer.
        _lamps(view, picture, centre, size, min(1.0, progress * 4, 2 * (1 - near) ** 2))


def _cross(view: View, picture: Floats, frames: int, every: float, size: float) -> None:
    """A car crosses the picture in `frames` frames, its beam running ahead of it."""
    step = (view.frame + frames) % round(every * view.scene.fps)
    if step <= frames:
        x, y = view.place(-0.8 + 2.2 * step / frames, 0.9)
        radius = size * view.scene.height
        shine(picture, 2 * spot(picture.shape, (x, y), (1.3 * radius, radius)), WHITE)
        tail = spot(picture.shape, (x - 14 * radius, y), (radius, radius))
        shine(picture, np.float32(0.3) * tail, RED)
        halo = spot(picture.shape, (x, y), (9 * radius, 7 * radius))
        shine(picture, np.float32(0.03) * halo, WHITE)
        beam = spot(picture.shape, (x + 14 * radius, y + radius), (11 * radius, 2 * radius))
        shine(picture, np.float32(0.1) * beam * view.ground, WHITE)


def _turn_on(view: View, picture: Floats) -> None:
    """A parked car's lamps come up over 12 frames, stay for 2.5 s and go down again; every 5 s."""
    period, shining = round(5 * view.scene.fps), round(2.5 * view.scene.fps)
    step = (view.frame + shining) % period
    power = min(step / 12, 1.0, (shining - step) / 12)
    if power > 0:
        size = 0.014 * view.scene.height
        _lamps(view, picture, view.place(0.3, 0.87), size, power)


def _sweep(view: View, picture: Floats) -> None:
    """The beam of a turning car runs over the foreground in 1.3 s; every 4 s."""
    progress = view.frame / float(view.scene.fps) % 4.0 / 1.3
    if progress < 1:
        width, height = view.scene.width, view.scene.height
        centre = view.place(-0.5 + 2 * progress, 0.8)
        beam = spot(picture.shape, centre, (0.16 * width, 0.12 * height)) * view.ground
        picture += 7 * beam[..., None] * picture
        shine(picture, np.float32(0.01) * beam, WHITE)


def _rain(view: View, picture: Floats) -> None:
    """Streaks of drops that cross in one frame's exposure, so each frame has new ones."""
    rng = generator(view.scene, "rain", view.frame)
    height, width = picture.shape[:2]
    length = max(6, height // 16)
    along = np.arange(length)
    rows = rng.integers(-length, height, 130)[:, None] + along
    columns = rng.integers(0, width, 130)[:, None] + along // 5
    light = rng.uniform(0.2, 1.0, 130)[:, None] * np.ones(length)
    inside = (rows >= 0) & (rows < height) & (columns < width)
    rows, columns = rows[inside], columns[inside]
    around = picture[rows, columns]
    picture[rows, columns] = around + (light[inside, None] * (0.6 * around + 0.012))


@cache
def _sparks(seed: int, shell: int) -> tuple[NDArray[np.float64], ...]:
    """Place (2,), colour (3,) and velocities (110, 2) of one shell, in frame heights per second."""
    rng = np.random.default_rng([seed, 77, shell])
    angle, speed = rng.uniform(0, 2 * np.pi, 110), 0.28 * np.sqrt(rng.uniform(0.2, 1, 110))
    velocity = np.stack([np.cos(angle) * speed, np.sin(angle) * speed], axis=1)
    colour = np.array([(1.0, 0.35, 0.2), (0.4, 1.0, 0.45), (1.0, 0.8, 0.35)])[shell % 3]
    return rng.uniform((0.2, 0.16), (0.8, 0.36)), colour, velocity


def _fireworks(view: View, picture: Floats) -> None:
    """A shell every 2.4 s: 0.8 s of rising trail, then 1.8 s of falling sparks."""
    time = view.frame / float(view.scene.fps) + 1.0
    for shell in (int(time / 2.4) - 1, int(time / 2.4)):
        age = time - shell * 2.4 - 0.8
        if shell >= 0 and age < 0:
            _trail(view, picture, shell, -age / 0.8)
        elif shell >= 0 and age < 1.8:
            _burst(view, picture, shell, age)


def _trail(view: View, picture: Floats, shell: int, left: float) -> None:
    """The rising shell, `left` (1..0) of its climb to go, with eight fading points behind it."""
    place, _, _ = _sparks(view.scene.seed, shell)
    behind = np.clip(left + np.arange(8) * 0.012, 0, 1)
    down = place[1] + behind**2 * (0.85 - place[1])
    points = np.stack([np.full(8, place[0]), down], axis=1)
    _points(view, picture, points, np.linspace(0.4, 0.03, 8), np.array(WARM))


def _burst(view: View, picture: Floats, shell: int, age: float) -> None:
    """Sparks slowed by the air and falling, and the glow they leave on the sky around them."""
    place, colour, velocity = _sparks(view.scene.seed, shell)
    aspect = np.array([view.scene.height / view.scene.width, 1.0])
    for lag in range(5):
        past = max(age - lag * 0.03, 0.0)
        flown = velocity * (1 - np.exp(-2.2 * past)) / 1.3 + np.array([0, 0.07 * past**2])
        power = 0.9 * np.exp(-1.4 * age) * (1 - age / 1.8) * 0.65**lag
        _points(view, picture, place + flown * aspect, np.full(len(flown), power), colour)
    glow = 0.025 * min(1.0, age * 8) * np.exp(-2.5 * age) * (1 - age / 1.8)
    radius = 0.22 * view.scene.height
    field = spot(picture.shape, view.place(place[0], place[1]), (radius, radius))
    shine(picture, np.float32(glow) * field, (colour[0], colour[1], colour[2]))


def _points(
    view: View,
    picture: Floats,
    points: NDArray[np.float64],
    power: NDArray[np.float64],
    colour: NDArray[np.float64],
) -> None:
    """Add points (n, 2), in fractions of the frame, shared among the four pixels around each."""
    x, y = view.place(0, 0)
    across, down = points[:, 0] * view.scene.width + x, points[:, 1] * view.scene.height + y
    left, top = np.floor(across).astype(int), np.floor(down).astype(int)
    for column, row in ((0, 0), (1, 0), (0, 1), (1, 1)):
        weight = (1 - np.abs(across - left - column)) * (1 - np.abs(down - top - row)) * power
        rows, columns = top + row, left + column
        inside = (rows >= 0) & (rows < picture.shape[0])
        inside &= (columns >= 0) & (columns < picture.shape[1])
        light = (2.0 * weight[inside, None] * colour).astype(np.float32)
        np.add.at(picture, (rows[inside], columns[inside]), light)


@cache
def _foliage(scene: Scene) -> tuple[Floats, Floats]:
    """Cover (h, 2w) 0..1 and light (h, 2w) of two leafy trees that frame the picture."""
    rng, height, width = generator(scene, "trees"), scene.height, scene.width
    shape = (height, width)
    crown = spot(shape, (0.08 * width, 0.5 * height), (0.11 * width, 0.24 * height))
    crown += spot(shape, (0.94 * width, 0.62 * height), (0.09 * width, 0.2 * height))
    leaves = fractal(rng, shape, 0.7, 1.0)
    cover = np.clip((crown * 1.3 + leaves * 0.9 - 0.95) * 6, 0, 1)
    bright = 0.6 if scene.sky > DAYLIGHT else 2.0
    light = linear_of(scene.sky) * bright * (0.12 + fractal(rng, shape, 0.6, 1.0) ** 2)
    return cover.astype(np.float32), light.astype(np.float32)


def _trees(view: View, picture: Floats) -> None:
    """Trees bend in the wind: each row is shifted by a gust, more so the higher it is."""
    cover, light = _foliage(view.scene)
    height, width = cover.shape
    time = view.frame / float(view.scene.fps)
    high = 1 - np.arange(height) / height
    gust = 0.6 + np.sin(time * 2.1) + 0.5 * np.sin(time * 5.3 + 4 * high)
    shift = 0.035 * height * gust * high
    columns = np.arange(width)[None, :] + shift[:, None]
    left = np.floor(columns).astype(int)
    part, rows = (columns - left).astype(np.float32), np.arange(height)[:, None]
    one, two = np.clip(left, 0, width - 1), np.clip(left + 1, 0, width - 1)
    alpha = cover[rows, one] * (1 - part) + cover[rows, two] * part
    shade = light[rows, one] * (1 - part) + light[rows, two] * part
    picture += alpha[..., None] * (shade[..., None] - picture)


def _blink(
    view: View, picture: Floats, across: float, down: float, colour: tuple[float, float, float]
) -> None:
    """A small lamp that is on for 0.6 s of every 1.5 s, never fewer than 8 frames."""
    shining = max(8, round(0.6 * view.scene.fps))
    if view.frame % (shining + round(0.9 * view.scene.fps)) < shining:
        radius = 0.006 * view.scene.height
        place = view.place(across, down)
        shine(picture, np.float32(0.8) * spot(picture.shape, place, (radius, radius)), colour)
        halo = spot(picture.shape, place, (5 * radius, 5 * radius))
        shine(picture, np.float32(0.01) * halo, colour)


def _tower(view: View, picture: Floats) -> None:
    """A radio mast's red light."""
    _blink(view, picture, 0.72, 0.42, RED)


def _aircraft(view: View, picture: Floats) -> None:
    """An aircraft's light, crossing the sky slowly."""
    _blink(view, picture, 0.1 + 0.05 * view.frame / float(view.scene.fps), 0.2, (1.0, 0.6, 0.5))


def _window(view: View, picture: Floats) -> None:
    """Three near windows are lit one after another and stay lit."""
    height = view.scene.height
    for number, across in enumerate((0.55, 0.18, 0.83)):
        if view.frame >= view.scene.frames * (number + 1) // 4:
            x, y = (round(value) for value in view.place(across, 0.78))
            pane = picture[max(y, 0) : y + height // 20, max(x, 0) : x + height // 24]
            pane[:] = np.array(WARM, np.float32) * np.float32(0.35)


DISTRACTORS: dict[str, Callable[[View, Floats], None]] = {
    "fireworks": _fireworks,
    "tower": _tower,
    "aircraft": _aircraft,
    "window": _window,
    "headlights-approach": _approach,
    "headlights-cross": lambda view, picture: _cross(view, picture, 90, 9.0, 0.012),
    "headlights-fast": lambda view, picture: _cross(view, picture, 18, 3.1, 0.025),
    "headlights-on": _turn_on,
    "headlights-sweep": _sweep,
    "trees": _trees,
    "rain": _rain,
}
