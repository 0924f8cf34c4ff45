"""What a synthetic storm clip shows besides lightning: recipe, scenery, camera and distractors.

All pictures here are linear light, float32, 1.0 = sensor white. Positions are (x, y) pixels. The
canvas is the scenery with a margin around the frame, so that the camera can move over it.
"""

from dataclasses import dataclass
from fractions import Fraction
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
