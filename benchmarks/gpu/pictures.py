"""Pictures for the GPU checks: many distinct JPEGs, drawn in seconds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SCENES = 16
Pixels = NDArray[np.uint8]


def jpegs(folder: Path, count: int, width: int, height: int) -> Path:
    """Return a folder of so many different JPEGs, drawn on first use."""
    place = folder / f"jpegs-{count}-{width}x{height}"
    if not place.is_dir():
        fresh = place.with_name(f"{place.name}.new")
        fresh.mkdir(parents=True, exist_ok=True)
        scenes = [scene(seed, width, height) for seed in range(min(SCENES, count))]
        with ThreadPoolExecutor() as threads:
            list(threads.map(partial(_write, fresh, scenes), range(count)))
        fresh.rename(place)
    return place


def scene(seed: int, width: int, height: int) -> Pixels:
    """Return a picture with coarse and fine detail: uint8 (height, width, 3)."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(30, 226, (9, 12, 3), np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    noise = random.integers(-20, 21, (height, width, 1), np.int16)
    pixels: Pixels = np.clip(smooth + noise, 0, 255).astype(np.uint8)
    return pixels


def _write(folder: Path, scenes: list[Pixels], number: int) -> None:
    """Write a scene, shifted and with a mark of its own, so that no two files are equal."""
    pixels = np.roll(scenes[number % len(scenes)], number, axis=1)
    pixels[:8, :8] = number % 256, number // 256 % 256, 128
    Image.fromarray(pixels).save(folder / f"IMG_{number:05d}.jpg", quality=88)
