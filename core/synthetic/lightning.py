"""When it flashes in a storm clip, and what a flash lights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .scenery import DAYLIGHT, MARGIN, Floats, Lightning, Scene, Scenery, generator, schedule, spot

APART = 12  # dark frames between two flashes, so that they can be counted
VISIBLE = 4.0  # luma levels: a pixel brightened by less does not count as lit
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
Window = tuple[slice, slice]
FLASH_COLOUR = np.array([0.86, 0.90, 1.0], np.float32)


@dataclass(frozen=True, slots=True)
class FlashPlan:
    """One flash before it is rendered: light per frame from `first`, 1.0 at its peak."""

    number: int
    group: Lightning
    first: int
    profile: tuple[float, ...]
    shutter: float  # share of the rows that the first frame misses (rolling shutter), mostly 0
    strength: float
    area: float


def plan_flashes(scene: Scene) -> tuple[FlashPlan, ...]:
    """Flashes in the order of time, away from cuts and dark fades, APART from each other."""
    rng = generator(scene, "flashes")
    groups = [group for group in scene.lightning for _ in range(group.count)]
    drawn = [_draw(rng, group, number) for number, group in enumerate(groups)]
    order = [drawn[index] for index in rng.permutation(len(drawn))]
    firsts = _place(rng, [len(plan.profile) for plan in order], _blocked(scene))
    return tuple(
        FlashPlan(
            plan.number, plan.group, first, plan.profile, plan.shutter, plan.strength, plan.area
        )
        for plan, first in zip(order, firsts, strict=True)
    )


def _draw(rng: np.random.Generator, group: Lightning, number: int) -> FlashPlan:
    """Draw strength, area and light per frame of one flash."""
    strength = float(rng.uniform(*group.strength))
    # Lengths take turns instead of being drawn, so that every length is in the exam.
    length = group.frames[(number + int(strength)) % len(group.frames)]
    floor = 0.6 if strength < 20 else 0.4 if strength < 40 else 0.2
    profile = _stroke(length, 1.0, floor)
    for _ in range(group.restrikes):
        profile += (0.0,) * int(rng.integers(1, 4))
        profile += _stroke(int(rng.choice(group.frames)), float(rng.uniform(0.6, 1.0)), floor)
    rolls = strength > 25 and len(profile) > 1 and rng.random() < 0.25
    shutter = float(rng.uniform(0.3, 0.6)) if rolls else 0.0
    return FlashPlan(number, group, 0, profile, shutter, strength, float(rng.uniform(*group.area)))


def _stroke(length: int, power: float, floor: float) -> tuple[float, ...]:
    """Full at once, then decaying to `floor` in the last of `length` frames."""
    return tuple(power * floor ** (step / max(1, length - 1)) for step in range(length))


def _blocked(scene: Scene) -> NDArray[np.bool_]:
    """(frames,) True where no flash may be: in the dark of a fade, and within 8 frames of a cut."""
    place, share, fade = schedule(scene)
    blocked = (fade < 0.7) | (share > 0)
    for cut in np.flatnonzero(np.diff(place)):
        blocked[max(0, cut - 8) : cut + 9] = True
    blocked[:APART] = blocked[-APART:] = True
    return np.asarray(blocked)


def _place(rng: np.random.Generator, lengths: list[int], blocked: NDArray[np.bool_]) -> list[int]:
    """First frames, in order; the slack between flashes is shared out at random."""
    for _ in range(5000):
        slack = len(blocked) - sum(lengths) - APART * (len(lengths) + 1)
        if slack < 0:
            break
        gaps = np.diff(np.sort(rng.integers(0, slack + 1, len(lengths))), prepend=0) + APART
        ends = np.cumsum(gaps + np.array(lengths, dtype=np.int64))
        firsts = [int(end) - length for end, length in zip(ends, lengths, strict=True)]
        if not any(blocked[a : a + n].any() for a, n in zip(firsts, lengths, strict=True)):
            return firsts
    raise ValueError(f"{len(lengths)} flashes do not fit into {len(blocked)} frames")


# --- what a flash lights ---------------------------------------------------------------------


def _display_table() -> Floats:
    """(65536,) sRGB level 0..255 of each 16-bit linear value."""
    light = np.arange(65536) / 65535
    curve = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(255 * curve, dtype=np.float32)


_TABLE = _display_table()


def to_display(light: Floats) -> Floats:
    """Linear light, any shape, to sRGB levels 0..255 (float, not rounded)."""
    codes = (np.clip(light, 0, 1) * np.float32(65535)).astype(np.uint16)
    return np.asarray(_TABLE[codes])


def _bisect(measure: Callable[[float], float], wanted: float, low: float, high: float) -> float:
    """The x in low..high at which a rising `measure` reaches `wanted`, on a logarithmic scale."""
    for _ in range(14):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if measure(middle) < wanted else (low, middle)
    return high


def _brightening(base: Floats, field: Floats, scale: float) -> Floats:
    """(h, w) luma levels added to the display by `scale` times the light `field` (h, w, 3)."""
    change = to_display(base + np.float32(scale) * field) - to_display(base)
    return np.asarray(change @ LUMA, dtype=np.float32)


def mean_rise(change: Floats) -> float:
    """Mean brightening where it is visible, 0 if nowhere."""
    seen = change[change >= VISIBLE]
    return float(seen.mean()) if seen.size else 0.0


def flash_light(scene: Scene, plan: FlashPlan, place: Scenery, origin: tuple[int, int]) -> Floats:
    """(H, W, 3) canvas of linear light of a flash at its peak, seen from `origin` (x, y)."""
    rng = generator(scene, "light", plan.number)
    heights = (0.42, 0.52) if plan.group.kind == "distant" else (0.1, 0.3)
    across, down = rng.uniform(0.15, 0.85), rng.uniform(*heights)
    centre = (origin[0] + across * scene.width, origin[1] + down * scene.height)
    window = np.s_[origin[1] : origin[1] + scene.height, origin[0] : origin[0] + scene.width]
    if plan.group.kind != "bolt":
        return _glow(scene, plan, place, centre, window)
    channel = _channel(rng, scene, centre, place)
    if plan.area == 0:
        scale = _scale(place.base[window], channel[window], plan.strength)
        return channel * np.float32(scale)
    bright = np.float32(0.8 if scene.sky > DAYLIGHT else 0.3)
    return channel * bright + _glow(scene, plan, place, centre, window)


def _scale(base: Floats, light: Floats, strength: float) -> float:
    """How much of `light` brightens what it visibly lights by `strength` luma levels."""
    return _bisect(lambda scale: mean_rise(_brightening(base, light, scale)), strength, 1e-4, 20)


def _glow(
    scene: Scene, plan: FlashPlan, place: Scenery, centre: tuple[float, float], window: Window
) -> Floats:
    """(H, W, 3) cloud-shaped light as strong and as large as planned."""
    surface = place.response * FLASH_COLOUR + 0.3 * np.minimum(place.base, 0.2)
    base, flat = place.base[window][::4, ::4], 0.55 if plan.group.kind == "distant" else 0.8
    # Light goes farther in thick cloud, which gives the glow a ragged edge instead of a round one.
    reach = (1.8 - 1.4 * place.clouds).astype(np.float32)

    def field(radius: float) -> Floats:
        size = radius * scene.height
        shape = spot(surface.shape, centre, (size, flat * size)) ** reach
        return np.asarray(shape[..., None] * surface, dtype=np.float32)

    def area(radius: float) -> float:
        light = field(radius)[window][::4, ::4]
        change = _brightening(base, light, _scale(base, light, plan.strength))
        return float((change >= VISIBLE).mean())

    light = field(_bisect(area, plan.area, 0.05, 4.0))
    scale = _scale(base, light[window][::4, ::4], plan.strength)
    return np.asarray(light * np.float32(scale))


def _channel(
    rng: np.random.Generator, scene: Scene, top: tuple[float, float], place: Scenery
) -> Floats:
    """(H, W, 3) branching lightning channel, 1 to 3 pixels wide, hidden behind what is near."""
    drawn = np.zeros_like(place.sky)
    reach = MARGIN + 0.8 * scene.height - top[1]
    trunk = _path(rng, np.array(top), np.array([rng.normal(0, 0.25) * reach, reach]))
    _stamp(drawn, trunk, 1.0)
    for _ in range(int(rng.integers(3, 7))):
        start = int(rng.integers(10, 100))
        aim = np.array([rng.choice([-1, 1]) * rng.uniform(0.15, 0.4), rng.uniform(0.1, 0.4)])
        _stamp(drawn, _path(rng, trunk[start], aim * reach), float(rng.uniform(0.2, 0.6)))
    for _ in range(int(rng.integers(0, 2 if scene.height < 300 else 3))):
        drawn = np.maximum(drawn, 0.9 * np.roll(drawn, 1, axis=1))
    # Cloud hides the upper end of the channel, so it does not start at a point in mid-air.
    rows = np.arange(len(drawn), dtype=np.float32)[:, None] - top[1]
    drawn *= place.sky * np.clip(rows / (0.12 * scene.height), 0, 1)
    return np.asarray(drawn[..., None] * np.array([0.9, 0.92, 1.0], np.float32))


def _path(
    rng: np.random.Generator, start: NDArray[np.float64], aim: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(129, 2) crooked way from `start` by `aim`, made by displacing midpoints."""
    points = np.array([start, start + aim])
    bend = 0.09 * float(np.hypot(*aim))
    for _ in range(7):
        middle = (points[1:] + points[:-1]) / 2 + rng.normal(0, bend, (len(points) - 1, 2))
        mixed = np.empty((2 * len(points) - 1, 2))
        mixed[::2], mixed[1::2] = points, middle
        points, bend = mixed, bend * 0.52
    return points


def _stamp(drawn: Floats, path: NDArray[np.float64], weight: float) -> None:
    """Draw a path on (H, W) in place, one pixel wide, without adding where it crosses itself."""
    dense = np.linspace(0, len(path) - 1, 12 * len(path))
    columns, rows = (
        np.round(np.interp(dense, np.arange(len(path)), path[:, axis])).astype(int)
        for axis in (0, 1)
    )
    inside = (rows >= 0) & (rows < drawn.shape[0]) & (columns >= 0) & (columns < drawn.shape[1])
    fade = (weight * np.linspace(1.0, 0.6, len(dense)))[inside].astype(np.float32)
    np.maximum.at(drawn, (rows[inside], columns[inside]), fade)
