"""What converting HDR frames for models and people costs, beside reducing SDR frames."""

from __future__ import annotations

import time

import numpy as np

from core.sources.colour import colour_frame

SIZES = ((1920, 1080), (3840, 2160))
SIDES = (640, 1024, 0)
TIMES = 10
KINDS = {"SDR, 10 bits": (1, 1, 1), "PQ": (9, 16, 9), "HLG": (9, 18, 9)}
"""matrix, transfer, primaries as ITU-T H.273 numbers them"""


def main() -> None:
    """Print milliseconds of CPU a frame, all threads together; side 0 shows frames whole."""
    import av

    drawn = np.random.default_rng(0)
    for width, height in SIZES:
        frame = av.VideoFrame(width, height, "yuv420p10le")
        for plane in frame.planes:
            values = drawn.integers(64, 940, plane.buffer_size // 2)
            plane.update(values.astype(np.uint16).tobytes())
        frame.color_range = 1
        for name, (matrix, transfer, primaries) in KINDS.items():
            frame.colorspace, frame.color_trc = matrix, transfer
            frame.color_primaries = primaries
            costs = ", ".join(f"{_milliseconds(frame, side):.0f} ms at {side}" for side in SIDES)
            print(f"{width}x{height} {name}: {costs}")


def _milliseconds(frame: object, side: int) -> float:
    colour_frame(frame, side)  # type: ignore[arg-type]
    began = time.process_time()
    for _ in range(TIMES):
        colour_frame(frame, side)  # type: ignore[arg-type]
    return (time.process_time() - began) / TIMES * 1000
