"""Several instants of a source as pictures, read from its file in one pass."""

from __future__ import annotations

import io
import math

from ..errors import SourceError, UsageError
from ..protocol.requests.pictures import MOST_STILL_PIXELS, GetStills
from ..records import Region, SourceInfo
from ..scans.stored_spec import spec_of
from ..sources.reader import again_if_killed
from ..storage.library import Library
from ..text import clean_path
from ..times import WrittenTime
from .instant import located, naming
from .still_readers import StillReaders

JPEG_QUALITY = 90


def stills(library: Library, readers: StillReaders, request: GetStills) -> list[bytes]:
    """Return a JPEG for each time, in the order of the request.

    Raises UnknownName for a source the library does not know, UsageError for a crop outside of it,
    SourceError.
    """
    if not all(math.isfinite(seconds) for seconds in request.seconds):
        raise UsageError("times must be finite numbers of seconds")
    path, _, scan, result = located(library, request.path, WrittenTime(request.seconds[0]))
    info = library.results.info(result.content, path)
    crop = None if request.crop is None else _inside(request.crop, info)
    side = request.longest_side if crop is None else _whole_side(request.longest_side, crop, info)
    wanted = sorted(set(request.seconds)) if info.kind == "video" else [0.0]
    with readers.lent(spec_of(library, scan).limits) as reader, naming(path):
        found = again_if_killed(lambda: list(reader.stills(info, wanted, side)))
    made = {each.wanted_seconds: each.jpeg for each in found}
    if crop is not None:
        made = {at: _cropped(jpeg, crop, request.longest_side, info) for at, jpeg in made.items()}
    try:
        return [made[at if info.kind == "video" else 0.0] for at in request.seconds]
    except KeyError as error:
        raise SourceError(f"{clean_path(path)}: no frame at {error.args[0]:g} s") from error


def _inside(crop: Region, info: SourceInfo) -> Region:
    """Return the part of a crop that is inside of a source. Raises UsageError for none."""
    x, y, width, height = crop
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + width, info.width), min(y + height, info.height)
    if right <= left or bottom <= top:
        raise UsageError(f"the crop lies outside of the picture, {info.width} x {info.height}")
    return left, top, right - left, bottom - top


def _whole_side(longest_side: int, crop: Region, info: SourceInfo) -> int:
    """Return how large the whole picture must be for its part to have the size asked for."""
    largest = max(info.width, info.height)
    wanted = math.ceil(longest_side * largest / max(crop[2:]))
    return max(1, min(wanted, largest, MOST_STILL_PIXELS))


def _cropped(jpeg: bytes, crop: Region, longest_side: int, info: SourceInfo) -> bytes:
    from PIL import Image

    with Image.open(io.BytesIO(jpeg)) as image:
        across, down = image.width / info.width, image.height / info.height
        x, y, width, height = crop
        left, top = math.floor(x * across), math.floor(y * down)
        right = max(math.ceil((x + width) * across), left + 1)
        bottom = max(math.ceil((y + height) * down), top + 1)
        part = image.crop((left, top, right, bottom))
        part.thumbnail((longest_side, longest_side))
        out = io.BytesIO()
        part.save(out, "JPEG", quality=JPEG_QUALITY)
    return out.getvalue()
