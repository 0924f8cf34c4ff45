"""Labelled synthetic storm footage: for the demo, for tests, and as an exam for the flash finder.

A label is measured, not promised: each flash is rendered with and without its light, free of
noise, and the frames in which the difference can be seen are the frames of the event.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .distractors import DISTRACTORS
from .exam import demo_scene, scenes
from .lightning import LUMA, VISIBLE, FlashPlan, flash_light, mean_rise, plan_flashes, to_display
from .scenery import (
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
)

__all__ = ["DrawnFlash", "Lightning", "Scene", "demo_scene", "render", "scenes", "truth", "write"]


@dataclass(frozen=True, slots=True)
class DrawnFlash:
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


def _crop(canvas: Floats, origin: NDArray[np.float64], height: int, width: int) -> Floats:
    """(h, w, ...) part of the canvas at a position between pixels, as a new array."""
    (left, top), (x, y) = origin.astype(int), origin % 1
    part = canvas[top : top + height + 1, left : left + width + 1]
    if x > 0:
        part = part[:, :-1] * np.float32(1 - x) + part[:, 1:] * np.float32(x)
    if y > 0:
        part = part[:-1] * np.float32(1 - y) + part[1:] * np.float32(y)
    return part[:height, :width].copy()


class StormScene:
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

    def _flash(self, plan: FlashPlan, frame: int) -> Floats:
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

    def flash(self, plan: FlashPlan) -> DrawnFlash:
        """Measure where a planned flash can really be seen."""
        frames = range(plan.first, plan.first + len(plan.profile))
        changes = [self._change(frame) for frame in frames]
        areas = np.array([float((change >= VISIBLE).mean()) for change in changes])
        peak = int(np.argmax([change.sum() for change in changes]))
        seen = plan.first + np.flatnonzero(areas >= max(0.05 * areas[peak], 1e-9))
        first, last, rate = int(seen[0]), int(seen[-1]), self.scene.fps
        start, middle, end = (float(f / rate) for f in (first, plan.first + peak, last))
        return DrawnFlash(
            plan.group.kind, first, plan.first + peak, last, start, middle, end,
            round(mean_rise(changes[peak]), 2), round(float(areas[peak]), 4),
        )  # fmt: skip


def frames(stage: StormScene) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames of a scene made ready, rgb24 (h, w, 3)."""
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
    return frames(StormScene(scene))


def truth(scene: Scene) -> tuple[DrawnFlash, ...]:
    """The flashes that are really in the clip, in the order of time."""
    stage = StormScene(scene)
    return tuple(stage.flash(plan) for plan in stage.plans)


# --- files -----------------------------------------------------------------------------------


def write(scene: Scene, path: Path, options: Mapping[str, str] | None = None) -> Path:
    """Write the clip as H.264 to `path` and its labels beside it; returns the labels' path.

    `options` go to the encoder (libx264) besides ours.
    """
    stage = StormScene(scene)
    encode(scene, frames(stage), path, options or {})
    labels = path.with_name(path.name + ".truth.json")
    flashes = tuple(stage.flash(plan) for plan in stage.plans)
    labels.write_text(json.dumps(document(scene, flashes, path.name), indent=1) + "\n", "utf-8")
    return labels


def encode(
    scene: Scene,
    pictures: Iterator[NDArray[np.uint8]],
    path: Path,
    options: Mapping[str, str] | None = None,
) -> None:
    """Write frames as H.264; `options` go to the encoder (libx264) besides ours."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=scene.fps)
        stream.width, stream.height, stream.pix_fmt = scene.width, scene.height, "yuv420p"
        stream.codec_context.time_base = 1 / scene.fps
        stream.options = {"crf": "20", "preset": "veryfast", **(options or {})}
        for number, pixels in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, 1 / scene.fps
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def document(scene: Scene, flashes: tuple[DrawnFlash, ...], video: str) -> dict[str, object]:
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
