"""Frames as a VLM is shown them: after JPEG, so that a kept frame is the very same frame."""

from __future__ import annotations

import io

import numpy as np

from ..models.protocols import Pixels

QUALITY = 95


def as_jpeg(pixels: Pixels) -> bytes:
    """Return RGB as JPEG without colour subsampling."""
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=QUALITY, subsampling=0)
    return out.getvalue()


def from_jpeg(jpeg: bytes) -> Pixels:
    """Return the RGB of a JPEG of our own."""
    from PIL import Image

    with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
        return np.asarray(image.convert("RGB"), np.uint8)
