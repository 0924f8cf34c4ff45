"""What a synthetic storm clip shows besides lightning: recipe, scenery, camera and distractors.

All pictures here are linear light, float32, 1.0 = sensor white. Positions are (x, y) pixels. The
canvas is the scenery with a margin around the frame, so that the camera can move over it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
MARGIN = 20
DAYLIGHT = 80.0  # sky luma above which lamps and windows are off
BACKDROPS = ("city", "hills", "forest")
WARM, WHITE, RED = (1.0, 0.72, 0.38), (1.0, 0.96, 0.88), (1.0, 0.10, 0.06)


@dataclass(frozen=True, slots=True)
class Lightning:
    """A group of alike flashes; ranges are drawn from uniformly. Area (0, 0) is a bare channel."""

    kind: str  # "bolt" | "sheet" | "distant"
    count: int
    strength: tuple[float, float]  # luma levels, mean over the affected area
    area: tuple[float, float] = (0.0, 0.0)  # fraction of the frame
    frames: tuple[int, ...] = (1, 2, 3, 4, 5, 6)  # lengths of one stroke
    restrikes: int = 0  # further strokes of the same flash, after gaps of 1 to 3 dark frames


@dataclass(frozen=True, slots=True)
class Scene:
    """Recipe of one clip. The same recipe always gives the same frames."""

    name: str
    seed: int
    seconds: float = 20.0
    fps: Fraction = Fraction(30000, 1001)
    width: int = 640
    height: int = 360
    backdrop: str = "city"  # one of BACKDROPS
    sky: float = 26.0  # luma level of the sky: 15 to 40 is night, above DAYLIGHT is day
    noise: float = 2.0  # sensor noise, standard deviation in luma levels
    distractors: tuple[str, ...] = ()
    lightning: tuple[Lightning, ...] = ()

    @property
    def frames(self) -> int:
        """Return how many frames the clip has."""
        return round(self.seconds * self.fps)


@dataclass(frozen=True, slots=True)
class Scenery:
    """One place, on the canvas (H, W)."""

    base: Floats  # (H, W, 3) light without lightning
    clouds: Floats  # (H, W) 0..1
    sky: Floats  # (H, W) 1 where the sky is seen
    response: Floats  # (H, W, 3) light returned for one unit of lightning light


@dataclass(frozen=True, slots=True)
class View:
    """What a distractor may know when it draws itself on one frame."""

    scene: Scene
    frame: int
    origin: tuple[float, float]  # canvas position of the frame's top left corner
    ground: Floats  # (h, w) 1 where no sky is seen

    def place(self, across: float, down: float) -> tuple[float, float]:
        """Frame position in pixels of a place given in fractions of the unmoved frame."""
        x = MARGIN + across * self.scene.width - self.origin[0]
        return x, MARGIN + down * self.scene.height - self.origin[1]


def generator(scene: Scene, *purpose: str | int) -> np.random.Generator:
    """A random generator of its own for each purpose, so that one more car moves no raindrop."""
    return np.random.default_rng([scene.seed, *(crc32(str(item).encode()) for item in purpose)])


def linear_of(level: float) -> float:
    """Linear light of an sRGB level 0..255."""
    share = level / 255.0
    return float(share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4)


def fractal(
    rng: np.random.Generator, shape: tuple[int, int], slope: float, stretch: float
) -> Floats:
    """(H, W) cloudy texture 0..1; a larger slope is smoother, stretch lengthens it sideways."""
    down, across = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :]
    frequency = np.maximum(np.hypot(across * stretch, down), 0.6 / max(shape))
    spectrum = np.fft.rfft2(rng.standard_normal(shape)) / frequency**slope
    spectrum[0, 0] = 0.0
    field = np.fft.irfft2(spectrum, shape)
    low, high = np.percentile(field, (2, 98))
    return np.asarray(np.clip((field - low) / (high - low), 0, 1), dtype=np.float32)


def spot(
    shape: tuple[int, ...], centre: tuple[float, float], radius: tuple[float, float]
) -> Floats:
    """(h, w) round glow of height 1 at `centre`, with Gaussian radii (across, down) in pixels."""
    across = np.exp(-0.5 * ((np.arange(shape[1], dtype=np.float32) - centre[0]) / radius[0]) ** 2)
    down = np.exp(-0.5 * ((np.arange(shape[0], dtype=np.float32) - centre[1]) / radius[1]) ** 2)
    return np.asarray(down[:, None] * across[None, :], dtype=np.float32)


def shine(picture: Floats, field: Floats, colour: tuple[float, float, float]) -> None:
    """Add light of one colour to a picture (h, w, 3), in place."""
    for channel, share in enumerate(colour):
        picture[..., channel] += np.float32(share) * field


# --- scenery ---------------------------------------------------------------------------------


def canvas_shape(scene: Scene) -> tuple[int, int]:
    """(H, W): a panning camera needs more scenery to its right."""
    extra = scene.width if "pan" in scene.distractors else 0
    return scene.height + 2 * MARGIN, scene.width + extra + 2 * MARGIN


def build_scenery(scene: Scene, number: int) -> Scenery:
    """The scene's own place (number 0) or another one to cut or dissolve to."""
    rng = generator(scene, "scenery", number)
    height, width = canvas_shape(scene)
    clouds = fractal(rng, (height, width), 1.7, 2.2)
    sky_level = linear_of(scene.sky) * (1.0, 2.5, 0.6)[number]
    base = _sky(clouds, sky_level, scene.sky > DAYLIGHT)
    sky = np.ones((height, width), np.float32)
    response = np.repeat((0.25 + 0.75 * clouds**1.5)[..., None], 3, axis=2)
    backdrop = BACKDROPS[(BACKDROPS.index(scene.backdrop) + number) % 3]
    for depth in range(3):
        _paint_layer(rng, scene, backdrop, depth, sky_level, base, sky, response)
    return Scenery(base, clouds, sky, response)


def _sky(clouds: Floats, level: float, day: bool) -> Floats:
    """(H, W, 3) sky light: town glow under night clouds, flat grey by day."""
    fall = np.linspace(0.7, 1.3, len(clouds), dtype=np.float32)[:, None] ** (0.5 if day else 2.0)
    light = level * fall * (0.7 + 0.6 * clouds)
    tint = (0.97, 1.0, 1.04) if day else (0.92, 0.95, 1.3)
    warmth = 0.0 if day else 0.6 * np.linspace(0, 1.3, len(clouds))[:, None] ** 4
    town = (light * warmth)[..., None] * np.array(WARM)
    return np.asarray(light[..., None] * np.array(tint) + town, dtype=np.float32)


def _paint_layer(
    rng: np.random.Generator,
    scene: Scene,
    backdrop: str,
    depth: int,
    sky_level: float,
    base: Floats,
    sky: Floats,
    response: Floats,
) -> None:
    """Paint one ridge or row of houses over the canvas, in place; depth 2 is the nearest."""
    height, width = sky.shape
    horizon = MARGIN + scene.height * (0.62, 0.72, 0.86)[depth]
    top = horizon - scene.height * _outline(rng, backdrop if depth < 2 else "road", width)
    rows = np.arange(height, dtype=np.float32)[:, None]
    mask = np.clip(rows - top[None, :] + 0.5, 0, 1)[..., None]
    albedo = ((0.22, 0.3, 0.4)[depth] * (0.3 + fractal(rng, sky.shape, 0.9, 1.0)))[..., None]
    paint = np.float32(sky_level) * albedo * np.array([0.95, 1.0, 0.9], np.float32)
    if backdrop == "city" and depth < 2 and scene.sky <= DAYLIGHT:
        paint = paint + _windows(rng, sky.shape, scene.height / 180)
    base += mask * (paint - base)
    response += mask * (0.45 * albedo - response)
    sky *= 1 - mask[..., 0]


def _outline(rng: np.random.Generator, backdrop: str, width: int) -> Floats:
    """(W,) height of a layer above its horizon, in fractions of the frame height."""
    smooth = fractal(rng, (8, width), 1.6, 1.0)[0]
    if backdrop == "city":
        edges = np.cumsum(rng.uniform(0.02, 0.07, 200) * 320)
        house = np.searchsorted(edges, np.arange(width) * 320 / max(320, width / 2))
        return np.asarray(rng.uniform(-0.06, 0.16, 201)[house], dtype=np.float32)
    if backdrop == "forest":
        smooth = 0.36 * smooth + 0.36 * fractal(rng, (8, width), 0.6, 1.0)[3]
    return np.asarray(smooth * (0.01 if backdrop == "road" else 0.14), dtype=np.float32)


def _windows(rng: np.random.Generator, shape: tuple[int, int], unit: float) -> Floats:
    """(H, W, 3) light of lit windows in a regular grid, about one in five lit."""
    step_x, step_y, size = round(4 * unit), round(5 * unit), round(2 * unit)
    rows, columns = np.arange(shape[0])[:, None], np.arange(shape[1])[None, :]
    pane = (rows % step_y < size) & (columns % step_x < max(1, size - 1))
    cells = (shape[0] // step_y + 1, shape[1] // step_x + 1)
    lit = (rng.random(cells) < 0.2) * rng.uniform(0.04, 0.5, cells)
    light = pane * lit[rows // step_y, columns // step_x]
    return np.asarray(light[..., None] * np.array(WARM), dtype=np.float32)


# --- camera ----------------------------------------------------------------------------------


def camera_path(scene: Scene) -> NDArray[np.float64]:
    """(frames, 2) canvas position (x, y) of the frame's top left corner."""
    rng, count = generator(scene, "camera"), scene.frames
    path = np.full((count, 2), float(MARGIN))
    if "pan" in scene.distractors:
        turn = np.linspace(0, 1, count)
        path[:, 0] += scene.width * (3 * turn**2 - 2 * turn**3)
    if "shake" in scene.distractors:
        path += _handheld(rng, count)
    if "bump" in scene.distractors:
        for start in range(count // 4, count, count // 3):
            after = np.arange(count - start)
            swing = np.cos(after * 1.3) * np.exp(-after / 4.0)
            path[start:] += swing[:, None] * rng.choice([-1, 1], 2) * rng.uniform(4, 8, 2)
    path[:, 1] = np.clip(path[:, 1], 0, 2 * MARGIN)
    path[:, 0] = np.clip(path[:, 0], 0, canvas_shape(scene)[1] - scene.width)
    return path


def _handheld(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    """(frames, 2) random walk pulled back to its middle: a few pixels of slow sway and tremor."""
    walk = np.zeros((count, 2))
    speed = np.zeros(2)
    for frame in range(1, count):
        speed = 0.8 * speed - 0.02 * walk[frame - 1] + rng.normal(0, 0.22, 2)
        walk[frame] = walk[frame - 1] + speed
    return walk


def exposure(scene: Scene) -> NDArray[np.float64]:
    """(frames,) gain of the camera: slow drift, and steps of its automatic exposure."""
    time = np.arange(scene.frames) / float(scene.fps)
    gain = np.ones(scene.frames)
    if "drift" in scene.distractors:
        gain *= 1 + 0.3 * np.sin(time * 2 * np.pi / 7)
    if "auto-exposure" in scene.distractors:
        steps = generator(scene, "exposure").permutation([1.0, 1.2, 0.85, 1.1, 1.3, 0.9])
        gain *= steps[(time / 2.3).astype(int) % len(steps)]
    return gain


def schedule(scene: Scene) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """(frames,) each: place shown, share of the place that follows it, brightness of the fade."""
    time, count = np.arange(scene.frames) / float(scene.fps), scene.frames
    place, share, fade = np.zeros(count, np.int64), np.zeros(count), np.ones(count)
    if "cuts" in scene.distractors:
        place = (time / 2.1).astype(np.int64) % 3
    if "dissolve" in scene.distractors:
        first, second = scene.seconds / 3, scene.seconds * 2 / 3
        place = (time >= first + 1).astype(np.int64) + (time >= second + 2)
        share = np.clip(time - first, 0, 1) * (place == 0) + np.clip((time - second) / 2, 0, 1) * (
            place == 1
        )
    if "fade-black" in scene.distractors:
        middle = scene.seconds / 2
        if "cuts" not in scene.distractors:
            place = (time >= middle).astype(np.int64)
        fade = np.minimum.reduce(
            [time / 1.0, np.abs(time - middle) / 0.5, (scene.seconds - time) / 2.0, fade]
        )
    return place, share, fade


# --- distractors: each draws itself on a linear picture (h, w, 3), in place --------------------


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
