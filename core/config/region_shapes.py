"""Regions as profiles write them: rectangles, polygons, and mask pictures.

A mask picture is reduced to black and white of at most 512 pixels a side and written into the spec
as a `data:` URI, so that a scan can be resumed, and an engine elsewhere can run it, without the
file.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..text import clean_path
from .named_files import read_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Rectangle = tuple[float, float, float, float]
Polygon = tuple[tuple[float, float], ...]
Shape = Rectangle | Polygon
URI = "data:image/png;base64,"
LONGEST_MASK = 512
MOST_PIXELS = 200_000_000
MOST_BYTES = 256 * 2**20
WHITE = 128
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
_WRONG = (
    "a region is a rectangle [x, y, width, height] with x, y >= 0 and a size > 0, or a polygon "
    "[[x, y], [x, y], [x, y], ...] of at least three corners with x, y >= 0 and an area > 0"
)


def shape(value: Any) -> Shape:
    """Return a rectangle or a polygon. Raises ValueError for what is neither."""
    if not isinstance(value, (list, tuple)):
        raise ValueError(_WRONG)
    if value and isinstance(value[0], (list, tuple)):
        return _polygon(value)
    numbers = _numbers(value, 4)
    x, y, width, height = numbers
    if x < 0 or y < 0 or width <= 0 or height <= 0:
        raise ValueError(_WRONG)
    return x, y, width, height


def is_polygon(found: Shape) -> bool:
    """Return whether a shape is a polygon, else it is a rectangle."""
    return isinstance(found[0], tuple)


def mask_uri(value: Any) -> str:
    """Return a mask picture as a `data:` URI; empty for none.

    White is searched, black is not; transparent pixels count as black. Raises ValueError.
    """
    if not isinstance(value, (str, Path, type(None))):
        raise ValueError("must be text: the path of a picture")
    given = str(value or "")
    if not given:
        return ""
    bits = mask_bits(given) if given.startswith(URI) else _reduced(given)
    if not bits.any():
        raise ValueError("the mask is completely black, so nothing would be searched")
    return given if given.startswith(URI) else URI + base64.b64encode(_png(bits)).decode("ascii")


@lru_cache(maxsize=8)
def mask_bits(uri: str) -> NDArray[np.bool_]:
    """Return a mask as bool (height, width). Raises ValueError for what is no such URI."""
    import numpy as np
    from PIL import Image

    try:
        data = base64.b64decode(uri.removeprefix(URI), validate=True)
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if max(image.size) > LONGEST_MASK:
                raise ValueError("the mask is too large")
            return np.asarray(image.convert("L")) >= WHITE
    except (OSError, binascii.Error, SyntaxError) as error:
        raise ValueError("regions.mask does not contain a PNG picture") from error


@lru_cache(maxsize=8)
def mask_digest(uri: str) -> str:
    """Return what identifies a mask: its size and pixels, not how they are compressed."""
    bits = mask_bits(uri)
    height, width = bits.shape
    digest = hashlib.blake2b(f"{width}x{height}".encode() + bits.tobytes(), digest_size=16)
    return f"blake2b:{digest.hexdigest()}"


def _polygon(value: Sequence[Any]) -> Polygon:
    points = []
    for point in value:
        if not isinstance(point, (list, tuple)):
            raise ValueError(_WRONG)
        x, y = _numbers(point, 2)
        points.append((x, y))
    if len(points) < 3 or min(min(point) for point in points) < 0 or _area(points) <= 0:
        raise ValueError(_WRONG)
    return tuple(points)


def _area(points: Sequence[tuple[float, float]]) -> float:
    """Return the area of a polygon (the shoelace formula)."""
    following = [*points[1:], points[0]]
    cross = (a[0] * b[1] - b[0] * a[1] for a, b in zip(points, following, strict=True))
    return abs(sum(cross)) / 2


def _numbers(value: Sequence[Any], count: int) -> tuple[float, ...]:
    numeric = all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in value)
    if len(value) != count or not numeric or not all(map(math.isfinite, value)):
        raise ValueError(_WRONG)
    return tuple(float(x) for x in value)


def _reduced(path: str) -> NDArray[np.bool_]:
    import numpy as np
    from PIL import Image

    where = clean_path(path)
    try:
        data = io.BytesIO(read_file(Path(path).expanduser(), MOST_BYTES))
        with Image.open(data, formats=_FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"{where} is too large for a mask")
            image.thumbnail((LONGEST_MASK, LONGEST_MASK), Image.Resampling.BOX)
            both = image.convert("RGBA")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        why = getattr(error, "strerror", None) or "it is not a picture"
        raise ValueError(f"{where} cannot be read: {why}") from error
    opaque = np.asarray(both.getchannel("A")) >= WHITE
    return (np.asarray(both.convert("L")) >= WHITE) & opaque


def _png(bits: NDArray[np.bool_]) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(bits).save(out, "PNG", optimize=True)
    return out.getvalue()
