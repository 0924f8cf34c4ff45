"""Opening an image that an export names: a picture, or `video.mp4#frame=123`.

from core.sources.frame_address import open_frame

rgb = open_frame(image["file_name"], image["seconds"])
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..config.screening_settings import Limits, Sampling
from ..errors import Unreadable
from ..protocol.addresses import absolute, split_frame_address
from ..records import LumaBatch, SourceInfo
from .reader import Reader

_BATCH = 64
_ROUNDED = 1e-6
"""seconds that a time of six decimals may lie before its frame"""


def open_frame(
    address: str, seconds: float | None = None, limits: Limits | None = None
) -> NDArray[np.uint8]:
    """Return RGB, uint8 (height, width, 3), upright and of the source's own size.

    `address` is a `file_name` or `uri` of the `coco` export. With `seconds`, the frame's time, the
    video is sought in; without, it is read up to that frame. Raises SourceError.
    """
    path, frame, stream = split_frame_address(address)
    reader = Reader(limits or Limits())
    try:
        info = reader.probe(absolute(path), luma=False, stream=stream).info
        at = _seconds(reader, info, frame, stream) if seconds is None else seconds + _ROUNDED
        side = max(info.width, info.height)
        for _, rgb in reader.shown(info, [at], side):
            return rgb
    finally:
        reader.close()
    raise Unreadable(f"there is no frame {frame} at {at:g} s")


def _seconds(reader: Reader, info: SourceInfo, frame: int | None, stream: int | None) -> float:
    """Return the time of a frame, as it is found by counting. Raises Unreadable past the end."""
    if not frame:
        return 0.0
    every = Sampling(mode="every", stream="auto" if stream is None else stream)
    for batch in reader.video(info.path, every, _BATCH):
        if isinstance(batch, LumaBatch) and frame <= batch.indices[-1]:
            rows = np.flatnonzero(batch.indices == frame)
            if len(rows):
                return float(batch.pts_seconds[rows[0]])
    raise Unreadable(f"there is no frame {frame}")
