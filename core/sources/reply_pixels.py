"""The pixels in the replies of a reader process."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..records import ColourBatch, LumaBatch


def rgb(header: dict[str, Any], payload: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return one picture, uint8 (height, width, 3)."""
    return payload.reshape(header["height"], header["width"], 3)


def colour_batch(header: dict[str, Any], payload: NDArray[np.uint8]) -> ColourBatch:
    """Return frames in colour."""
    return ColourBatch(
        np.array(header["indices"], np.int64),
        np.array(header["seconds"], np.float64),
        payload.reshape(len(header["indices"]), header["height"], header["width"], 3),
        float(header["scale"]),
    )


def batch(header: dict[str, Any], payload: NDArray[np.uint8]) -> LumaBatch:
    """Return frames as reduced luma."""
    return LumaBatch(
        np.array(header["indices"], np.int64),
        np.array(header["seconds"], np.float64),
        payload.reshape(len(header["indices"]), header["height"], header["width"]),
        float(header["scale"]),
    )
