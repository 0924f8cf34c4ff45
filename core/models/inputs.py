"""Asks on their way into a model: pictures as processors want them, and whose fault it was."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from ..device.memory import is_out_of_memory
from ..errors import ImageRejected
from ..text import clean

T = TypeVar("T")


def picture_of(picture: Any, index: int) -> Any:
    """Return a picture as PIL's; raises ImageRejected, naming the ask, for what is none."""
    from PIL import Image

    if not isinstance(picture, np.ndarray) or picture.dtype != np.uint8:
        raise ImageRejected("a picture must be uint8 (height, width, 3)", index)
    if picture.ndim != 3 or picture.shape[2] != 3 or not picture.size:
        shape = "x".join(map(str, picture.shape))
        raise ImageRejected(f"a picture must be uint8 (height, width, 3), not {shape}", index)
    return Image.fromarray(picture)


def together(asks: Sequence[T], encode: Callable[[Sequence[T]], Any]) -> Any:
    """Encode asks as one batch.

    Where that fails, each is tried alone, to raise ImageRejected with the index of the first
    that cannot be taken; fails all the same if every one can.
    """
    try:
        return encode(asks)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        for index, ask in enumerate(asks):
            _alone(ask, index, encode)
        raise


def _alone(ask: T, index: int, encode: Callable[[Sequence[T]], Any]) -> None:
    try:
        encode([ask])
    except Exception as error:
        if is_out_of_memory(error):
            raise
        why = clean(str(error).strip() or type(error).__name__, limit=160)
        raise ImageRejected(f"the model cannot take this question: {why}", index) from error
