"""Labelled synthetic storm footage: for the demo, for tests, and as an exam for the flash finder.

A label is measured, not promised: each flash is rendered with and without its light, free of
noise, and the frames in which the difference can be seen are the frames of the event.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import cycle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .storm_scenes import (
    BACKDROPS,
    DAYLIGHT,
    DISTRACTORS,
    MARGIN,
    Floats,
    Lightning,
    Scene,
    Scenery,
    View,
    build_scenery,
    camera_path,
    exposure,
    generator,
    schedule,
    spot,
)

__all__ = ["Flash", "Lightning", "Scene", "demo_scene", "render", "scenes", "truth", "write"]

APART = 12  # dark frames between two flashes, so that they can be counted
VISIBLE = 4.0  # luma levels: a pixel brightened by less does not count as lit
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
Window = tuple[slice, slice]
FLASH_COLOUR = np.array([0.86, 0.90, 1.0], np.float32)


@dataclass(frozen=True, slots=True)
class Flash:
    """One true flash. Frames count from 0 and the last frame is still bright."""

    kind: str  # "bolt" | "sheet" | "distant"
    first_frame: int
    peak_frame: int
    last_frame: int
    start_seconds: float
    peak_seconds: float
    end_seconds: float
    strength: float  # luma levels 0..255, mean over the affected area in the peak frame
    area: float  # fraction of the frame brightened visibly in the peak frame


# --- the exam --------------------------------------------------------------------------------

WEAK = Lightning("distant", 5, (8, 12), (0.05, 0.15))
MIDDLE = Lightning("distant", 4, (14, 30), (0.06, 0.2))
FAINT_SHEET = Lightning("sheet", 4, (10, 18), (0.2, 0.6))
SHEET = Lightning("sheet", 4, (25, 70), (0.4, 0.9))
STRONG = Lightning("sheet", 4, (80, 150), (0.8, 1.0))
BOLT = Lightning("bolt", 4, (20, 70), (0.2, 0.6))
THIN = Lightning("bolt", 4, (60, 110))
FLICKER = Lightning("sheet", 4, (25, 80), (0.3, 0.9), frames=(1, 2, 3), restrikes=2)
FLICKER_BOLT = Lightning("bolt", 3, (30, 70), (0.2, 0.5), frames=(1, 2), restrikes=3)
SINGLE = Lightning("sheet", 4, (15, 60), (0.3, 0.9), frames=(1,))
DAY = Lightning("sheet", 4, (12, 20), (0.15, 0.5))
DAY_BOLT = Lightning("bolt", 3, (12, 30), (0.1, 0.4))

# name, sky luma, noise sigma, distractors, lightning
EXAM: tuple[tuple[str, float, float, str, tuple[Lightning, ...]], ...] = (
    ("weak", 24, 1.5, "", (WEAK, MIDDLE)),
    ("weak-noisier", 20, 3, "tower", (WEAK, FAINT_SHEET)),
    ("strong", 26, 2, "", (STRONG, SHEET, BOLT)),
    ("thin-bolts", 28, 2, "", (THIN, THIN)),
    ("bolts-with-glow", 22, 2, "tower", (BOLT, BOLT)),
    ("restrikes", 24, 2, "", (FLICKER, FLICKER_BOLT)),
    ("single-frames", 30, 3, "aircraft", (SINGLE, SINGLE)),
    ("noise", 30, 6, "", (SHEET, BOLT, MIDDLE)),
    ("shake", 26, 2, "shake bump", (SHEET, BOLT, MIDDLE)),
    ("shake-weak", 24, 1.5, "shake", (WEAK, THIN)),
    ("pan", 32, 2, "pan", (SHEET, BOLT, MIDDLE)),
    ("headlights", 24, 2, "headlights-approach headlights-fast", (SHEET, BOLT, MIDDLE)),
    ("headlights-2", 24, 2, "headlights-cross headlights-on", (SHEET, FAINT_SHEET)),
    ("headlights-3", 26, 2, "headlights-sweep headlights-fast", (BOLT, MIDDLE)),
    ("exposure", 30, 2, "drift auto-exposure", (SHEET, BOLT, MIDDLE)),
    ("rain", 28, 2.5, "rain", (SHEET, THIN, MIDDLE)),
    ("fireworks", 22, 2, "fireworks", (SHEET, BOLT)),
    ("fades", 30, 2, "fade-black", (SHEET, BOLT)),
    ("dissolves", 30, 2, "dissolve window", (SHEET, BOLT)),
    ("cuts", 30, 2, "cuts", (SHEET, BOLT)),
    ("trees", 30, 2, "trees window", (SHEET, BOLT, FAINT_SHEET)),
    ("day", 150, 1.5, "", (DAY, DAY_BOLT)),
    ("day-trees", 160, 2, "trees shake", (DAY, DAY_BOLT)),
    ("quiet-noise", 30, 6, "tower aircraft", ()),
    ("quiet-shake", 28, 2, "shake bump pan", ()),
    ("quiet-lights", 24, 2, "headlights-approach headlights-on headlights-sweep window", ()),
    ("quiet-fast-cars", 24, 2, "headlights-fast headlights-cross rain", ()),
    ("quiet-fireworks", 22, 2, "fireworks tower", ()),
    ("quiet-cuts", 32, 2, "cuts fade-black", ()),
    ("quiet-dissolve", 30, 2, "dissolve drift auto-exposure", ()),
    ("quiet-day", 155, 2, "trees pan", ()),
)


def scenes(seed: int = 0) -> tuple[Scene, ...]:
    """The exam: every condition with flashes, and the tempting ones without any."""
    rates = cycle((Fraction(30000, 1001), Fraction(25), Fraction(30), Fraction(24000, 1001)))
    sizes = cycle(((320, 180), (320, 180), (426, 240), (320, 180), (320, 180)))
    made = []
    for number, (name, sky, noise, distractors, lightning) in enumerate(EXAM):
        width, height = next(sizes)
        made.append(Scene(
            name, seed * 1000 + number, 11.6, next(rates), width, height, BACKDROPS[number % 3],
            sky, noise, tuple(distractors.split()), lightning,
        ))  # fmt: skip
    return tuple(made)


def demo_scene() -> Scene:
    """Twelve seconds over a city at night: six strokes, one of them faint, rain and a car."""
    lightning = (
        Lightning("bolt", 2, (45, 70), (0.4, 0.6), frames=(4, 6)),
        Lightning("bolt", 1, (90, 110), frames=(2,)),
        Lightning("sheet", 1, (60, 70), (0.7, 0.9), frames=(1,)),
        Lightning("sheet", 1, (40, 50), (0.4, 0.6), frames=(1, 2), restrikes=2),
        Lightning("distant", 1, (9, 12), (0.08, 0.12), frames=(5,)),
    )
    return Scene(
        "demo", 3, 12.0, Fraction(25), 640, 360, "city", 26.0, 1.5,
        ("rain", "headlights-cross", "tower"), lightning,
    )  # fmt: skip


# --- when it flashes -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """One flash before it is rendered: light per frame from `first`, 1.0 at its peak."""

    number: int
    group: Lightning
    first: int
    profile: tuple[float, ...]
    shutter: float  # share of the rows that the first frame misses (rolling shutter), mostly 0
    strength: float
    area: float


def plan_flashes(scene: Scene) -> tuple[Plan, ...]:
    """Flashes in the order of time, away from cuts and dark fades, APART from each other."""
    rng = generator(scene, "flashes")
    groups = [group for group in scene.lightning for _ in range(group.count)]
    drawn = [_draw(rng, group, number) for number, group in enumerate(groups)]
    order = [drawn[index] for index in rng.permutation(len(drawn))]
    firsts = _place(rng, [len(plan.profile) for plan in order], _blocked(scene))
    return tuple(
        Plan(plan.number, plan.group, first, plan.profile, plan.shutter, plan.strength, plan.area)
        for plan, first in zip(order, firsts, strict=True)
    )


def _draw(rng: np.random.Generator, group: Lightning, number: int) -> Plan:
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
    return Plan(number, group, 0, profile, shutter, strength, float(rng.uniform(*group.area)))


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


def _strength(change: Floats) -> float:
    """Mean brightening where it is visible, 0 if nowhere."""
    seen = change[change >= VISIBLE]
    return float(seen.mean()) if seen.size else 0.0


def flash_light(scene: Scene, plan: Plan, place: Scenery, origin: tuple[int, int]) -> Floats:
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
    return _bisect(lambda scale: _strength(_brightening(base, light, scale)), strength, 1e-4, 20)


def _glow(
    scene: Scene, plan: Plan, place: Scenery, centre: tuple[float, float], window: Window
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


# --- frames ----------------------------------------------------------------------------------


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


def _crop(canvas: Floats, origin: NDArray[np.float64], height: int, width: int) -> Floats:
    """(h, w, ...) part of the canvas at a position between pixels, as a new array."""
    (left, top), (x, y) = origin.astype(int), origin % 1
    part = canvas[top : top + height + 1, left : left + width + 1]
    if x > 0:
        part = part[:, :-1] * np.float32(1 - x) + part[:, 1:] * np.float32(x)
    if y > 0:
        part = part[:-1] * np.float32(1 - y) + part[1:] * np.float32(y)
    return part[:height, :width].copy()


class Stage:
    """A scene made ready: any frame of it can be taken, with or without its lightning."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.plans = scene, plan_flashes(scene)
        self.path, self.gain = camera_path(scene), exposure(scene)
        self.place, self.share, self.fade = schedule(scene)
        self.sceneries = [build_scenery(scene, number) for number in range(self.place.max() + 1)]
        self._lights: dict[int, Floats] = {}

    def display(self, frame: int, lit: bool = True) -> Floats:
        """(h, w, 3) levels 0..255 of one frame without noise."""
        place, share = int(self.place[frame]), np.float32(self.share[frame])
        picture = self._see(self.sceneries[place].base, frame)
        if share > 0:
            picture += share * (self._see(self.sceneries[place + 1].base, frame) - picture)
        for plan in self.plans if lit else ():
            if 0 <= frame - plan.first < len(plan.profile):
                picture += self._flash(plan, frame)
        self._distract(picture, frame, self.sceneries[place])
        return to_display(picture * np.float32(self.gain[frame] * self.fade[frame]))

    def _see(self, canvas: Floats, frame: int) -> Floats:
        return _crop(canvas, self.path[frame], self.scene.height, self.scene.width)

    def _flash(self, plan: Plan, frame: int) -> Floats:
        """(h, w, 3) light of one flash in one frame."""
        if plan.number not in self._lights:
            x, y = self.path[plan.first].astype(int)
            place = self.sceneries[int(self.place[plan.first])]
            self._lights[plan.number] = flash_light(self.scene, plan, place, (int(x), int(y)))
        light = self._see(self._lights[plan.number], frame)
        if frame == plan.first:
            light[: round(plan.shutter * len(light))] = 0
        return light * np.float32(plan.profile[frame - plan.first])

    def _distract(self, picture: Floats, frame: int, place: Scenery) -> None:
        """Draw everything that is neither scenery nor lightning, in place."""
        names = [name for name in DISTRACTORS if name in self.scene.distractors]
        if names:
            origin = (float(self.path[frame, 0]), float(self.path[frame, 1]))
            view = View(self.scene, frame, origin, 1 - self._see(place.sky, frame))
            for name in names:
                DISTRACTORS[name](view, picture)

    def _change(self, frame: int) -> Floats:
        """(h, w) luma levels by which lightning brightens one frame."""
        change = (self.display(frame) - self.display(frame, lit=False)) @ LUMA
        return np.asarray(change, dtype=np.float32)

    def flash(self, plan: Plan) -> Flash:
        """Measure where a planned flash can really be seen."""
        frames = range(plan.first, plan.first + len(plan.profile))
        changes = [self._change(frame) for frame in frames]
        areas = np.array([float((change >= VISIBLE).mean()) for change in changes])
        peak = int(np.argmax([change.sum() for change in changes]))
        seen = plan.first + np.flatnonzero(areas >= max(0.05 * areas[peak], 1e-9))
        first, last, rate = int(seen[0]), int(seen[-1]), self.scene.fps
        start, middle, end = (float(f / rate) for f in (first, plan.first + peak, last))
        return Flash(
            plan.group.kind, first, plan.first + peak, last, start, middle, end,
            round(_strength(changes[peak]), 2), round(float(areas[peak]), 4),
        )  # fmt: skip


def _frames(stage: Stage) -> Iterator[NDArray[np.uint8]]:
    scene = stage.scene
    # Noise differs between colours; this makes its luma as noisy as the recipe says.
    sigma = np.float32(scene.noise / np.sqrt(np.square(LUMA).sum()))
    for frame in range(scene.frames):
        picture = stage.display(frame)
        if sigma > 0:
            noise = generator(scene, "noise", frame).standard_normal(picture.shape, np.float32)
            picture += sigma * noise
        yield np.clip(picture + np.float32(0.5), 0, 255).astype(np.uint8)


def render(scene: Scene) -> Iterator[NDArray[np.uint8]]:
    """The clip's frames, rgb24 (h, w, 3), the same for the same recipe."""
    return _frames(Stage(scene))


def truth(scene: Scene) -> tuple[Flash, ...]:
    """The flashes that are really in the clip, in the order of time."""
    stage = Stage(scene)
    return tuple(stage.flash(plan) for plan in stage.plans)


# --- files -----------------------------------------------------------------------------------


def write(scene: Scene, path: Path) -> Path:
    """Write the clip as H.264 to `path` and its labels beside it; returns the labels' path."""
    stage = Stage(scene)
    _encode(scene, _frames(stage), path)
    labels = path.with_name(path.name + ".truth.json")
    flashes = tuple(stage.flash(plan) for plan in stage.plans)
    labels.write_text(json.dumps(_document(scene, flashes, path.name), indent=1) + "\n", "utf-8")
    return labels


def _encode(scene: Scene, frames: Iterator[NDArray[np.uint8]], path: Path) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=scene.fps)
        stream.width, stream.height, stream.pix_fmt = scene.width, scene.height, "yuv420p"
        stream.codec_context.time_base = 1 / scene.fps
        stream.options = {"crf": "20", "preset": "veryfast"}
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, 1 / scene.fps
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _document(scene: Scene, flashes: tuple[Flash, ...], video: str) -> dict[str, object]:
    """The labels as they are stored."""
    events = [
        {
            "kind": flash.kind,
            "first_frame": flash.first_frame,
            "last_frame": flash.last_frame,
            "peak_frame": flash.peak_frame,
            "start_s": flash.start_seconds,
            "end_s": flash.end_seconds,
            "peak_s": flash.peak_seconds,
            "strength": flash.strength,
            "area": flash.area,
        }
        for flash in flashes
    ]
    return {
        "format": "sightline.truth", "version": 1, "video": video, "fps": float(scene.fps),
        "frames": scene.frames, "events": events,
    }  # fmt: skip
