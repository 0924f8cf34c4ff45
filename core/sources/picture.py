"""Reading pictures with Pillow: probe, reduced luma, upright thumbnails.

Runs inside the reader process (see `reader.py`).
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtra, TooLarge, Unreadable
from ..records import PICTURE_READING, SourceInfo, content_as_read
from .claimed import claimed_size, is_turned
from .colour import fitted, rough_factor, shown_size
from .depth import eight_bits, eight_bits_of_colour, is_deep, may_hide_depth
from .find import RAW_SUFFIXES
from .formats import open_listed
from .metadata import picture_metadata
from .salvage import LEFT_OUT, without_notes
from .to_srgb import Conversion, conversion_of

if TYPE_CHECKING:
    from PIL.Image import Image

LUMA_LONGEST_SIDE = 640
_ORIENTATION_TAG = 274
_MP_ENTRIES = 0xB002
_SEVERAL = {"TIFF": ("pages", "first"), "HEIF": ("pictures", "primary one")}
# EXIF orientation: quarter turns against the clock, then whether left and right change places.
_TURNS = {
    2: (0, True),
    3: (2, False),
    4: (2, True),
    5: (3, True),
    6: (3, False),
    7: (1, True),
    8: (1, False),
}


@contextmanager
def open_picture(path: str, max_pixels: float) -> Iterator[Image]:
    """Open a picture without decoding it. Raises Unreadable, TooLarge or MissingExtra."""
    if os.path.splitext(path)[1].lower() in RAW_SUFFIXES:
        yield _develop_raw(path, max_pixels)
        return
    with _opened(path, max_pixels) as image:
        _check_size(image.width, image.height, max_pixels)
        yield image


def check_claimed(path: str, max_pixels: float) -> None:
    """Raise TooLarge if a picture's header says so; what is no picture passes."""
    _check_size(*claimed_size(path), max_pixels)


def _opened(path: str, max_pixels: float) -> Image:
    check_claimed(path, max_pixels)
    try:
        return open_listed(path)
    except (FileNotFoundError, MemoryError):
        raise
    except Exception as error:  # header parsers raise nearly anything on damaged data
        try:
            found = without_notes(path)
        except Exception:  # the picture is damaged as well
            found = None
        if found is None:
            raise _not_opened(error) from error
        return found


def _not_opened(error: Exception) -> Unreadable:
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return Unreadable("not a picture Pillow can open; check that the file is complete")
    return Unreadable(f"damaged picture ({_words(error)}); copy it again from its origin")


def probe_picture(image: Image, path: str, content: str, size_bytes: int) -> SourceInfo:
    """Return what the header and the metadata of an open picture say.

    A deep picture is decoded: how it is scaled depends on its pixels. Raises Unreadable.
    """
    metadata, warnings = picture_metadata(image)
    conversion, complaint = conversion_of(image, path)
    scaled = _depth(image, path)
    warnings += [line for line in (complaint, *_left_out(image, metadata, path)) if line]
    if conversion is not None:
        metadata["colour"] = f"converted to sRGB from {conversion.name}"
    if scaled:
        metadata["depth"] = scaled
    width, height = _upright_size(image)
    return SourceInfo(
        path=path,
        kind="picture",
        content=content_as_read(content, differs=bool(conversion or scaled)),
        size_bytes=size_bytes,
        width=width,
        height=height,
        container=str(image.format or "").lower(),
        codec=str(image.format or "").lower(),
        pixel_format=image.mode,
        rotation_degrees=0,
        frame_count=1,
        metadata=metadata,
        warnings=tuple(warnings),
        reading=PICTURE_READING,
    )


def told_beside(path: str, max_pixels: float, info: SourceInfo) -> SourceInfo:
    """Return what is known of an animated picture, with what its video frames do not contain."""
    with open_picture(path, max_pixels) as image:
        metadata, warnings = picture_metadata(image)
        name = str(image.format or "").lower()
    return replace(
        info,
        container=name,
        codec=name,
        metadata=info.metadata | metadata,
        warnings=(*info.warnings, *warnings),
    )


def picture_luma(image: Image, path: str) -> tuple[NDArray[np.uint8], float]:
    """Return (reduced luma, scale): uint8 (height, width), longest side at most 640, upright.

    16-bit and floating-point pictures are scaled to 8 bits, transparency is laid over black; the
    luma of other colour spaces is that of the picture in sRGB.
    Raises Unreadable for a picture that is cut off or damaged.
    """
    from PIL import Image as Pillow

    longest = max(image.size)
    scale = max(longest / LUMA_LONGEST_SIDE, 1.0)
    size = (max(round(image.width / scale), 1), max(round(image.height / scale), 1))
    conversion, _ = conversion_of(image, path)
    try:
        # JPEG can be decoded at 1/2, 1/4 or 1/8, which costs a fraction of the whole.
        image.draft("RGB" if conversion else "L", size)
        _load(image)
        flat = _flat(image, path) if conversion else _flat(image, path).convert("L")
        small = flat.resize(size, Pillow.Resampling.BOX, reducing_gap=2.0)
        small = conversion.apply(small).convert("L") if conversion else small
    except Exception as error:  # decoders raise nearly anything on damaged data
        raise _failed(error) from error
    return _turned(np.asarray(small, np.uint8), _orientation(image)), scale


def picture_colour(image: Image, path: str, longest_side: int) -> NDArray[np.uint8]:
    """Return sRGB as models are shown it, uint8 (height, width, 3), upright; see `colour.py`.

    Raises Unreadable for a picture that is cut off or damaged.
    """
    size = shown_size(*image.size, longest_side)
    conversion, _ = conversion_of(image, path)
    try:
        image.draft("RGB", size)
        shown = fitted(_channels(image, path, conversion), size)
        return _upright(conversion.apply(shown) if conversion else shown, image)
    except Exception as error:  # decoders raise nearly anything on damaged data
        raise _failed(error) from error


def picture_roughly(image: Image, path: str) -> NDArray[np.uint8]:
    """Return sRGB reduced by a power of two only, uint8 (height, width, 3), upright.

    See `rough_size`. Raises Unreadable for a picture that is cut off or damaged.
    """
    by = rough_factor(*image.size)
    whole = image.size
    conversion, _ = conversion_of(image, path)
    try:
        # JPEG rounds a drafted side up: asked for that, it would decode the next larger one.
        image.draft("RGB", (whole[0] // by, whole[1] // by))
        shown = _channels(image, path, conversion)
        shown = shown.reduce(by) if shown.size == whole else shown
        return _upright(conversion.apply(shown) if conversion else shown, image)
    except Exception as error:  # decoders raise nearly anything on damaged data
        raise _failed(error) from error


def upright_jpeg(image: Image, path: str, longest_side: int, quality: int = 85) -> bytes:
    """Return the picture as a JPEG in sRGB, orientation applied. Raises Unreadable if damaged."""
    from PIL import Image as Pillow

    conversion, _ = conversion_of(image, path)
    try:
        image.draft("RGB", (longest_side, longest_side))
        small = _channels(image, path, conversion)
        small.thumbnail((longest_side, longest_side))
        shown = conversion.apply(small) if conversion else small
        turned = np.ascontiguousarray(_turned(np.asarray(shown), _orientation(image)))
        return jpeg(Pillow.fromarray(turned), quality)
    except Exception as error:
        raise _failed(error) from error


def jpeg(image: Image, quality: int = 85) -> bytes:
    """Return an RGB image as JPEG bytes."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def _load(image: Image) -> None:
    try:
        image.load()
    except Exception:
        # A PNG may be cut off behind its pixels, in notes: then nothing is left to decode.
        if image.format != "PNG" or getattr(image, "tile", None):
            raise


def _channels(image: Image, path: str, conversion: Conversion | None) -> Image:
    """Return the decoded picture as RGB, or as what is converted; not copied where it need not."""
    _load(image)
    flat = _flat(image, path)
    wanted = conversion.mode if conversion else "RGB"
    return flat if flat.mode == wanted else flat.convert(wanted)


def _upright(shown: Image, image: Image) -> NDArray[np.uint8]:
    turned = _turned(np.asarray(shown, np.uint8), _orientation(image))
    return np.ascontiguousarray(turned)


def _flat(image: Image, path: str) -> Image:
    """Return the picture at 8 bits and opaque: what is deeper is scaled, transparency is black."""
    from PIL import Image as Pillow

    if is_deep(image):
        return Pillow.fromarray(eight_bits(image)[0])
    if may_hide_depth(image) and (deep := eight_bits_of_colour(image, path)):
        return Pillow.fromarray(np.ascontiguousarray(_turned(deep[0], _turn_of(path))))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        black = Pillow.new("RGBA", image.size, (0, 0, 0, 255))
        straight = image.convert("LA") if image.mode == "La" else image
        return Pillow.alpha_composite(black, straight.convert("RGBA"))
    return image.convert("RGB") if image.mode == "HSV" else image


def _depth(image: Image, path: str) -> str:
    """Return how a deep picture is scaled, if not as a matter of course."""
    hidden = may_hide_depth(image)
    if not hidden and not is_deep(image):
        return ""
    try:
        _load(image)
        found = eight_bits_of_colour(image, path) if hidden else eight_bits(image)
    except Exception as error:  # decoders raise nearly anything on damaged data
        raise _failed(error) from error
    return found[1] if found else ""


def _turn_of(path: str) -> int:
    """Return the orientation a TIFF was stored with, which Pillow forgets when it is loaded."""
    with open_listed(path, ("TIFF",)) as image:
        return int(getattr(image, "tag_v2", {}).get(_ORIENTATION_TAG, 1))


def _left_out(image: Image, metadata: dict[str, Any], path: str) -> Iterator[str]:
    """Yield what of a file is not looked at, and what it says that is not followed."""
    yield str(image.info.get(LEFT_OUT, ""))
    try:
        frames = int(getattr(image, "n_frames", 1))
    except Exception:
        yield "later frames cannot be counted"
        return
    if frames > 1:
        metadata["frames"] = frames
        what, which = _SEVERAL.get(str(image.format), ("pictures", "first"))
        if image.format != "MPO" or _is_burst(image):
            yield f"holds {frames} {what}; only the {which} is read"
    turn = image.info.get("original_orientation")
    if image.format == "HEIF" and turn and turn > 1:
        metadata.setdefault("exif", {})["Orientation"] = turn
        if not is_turned(path):
            yield (
                f"EXIF orientation {turn} is not applied: in HEIF only the file's own rotation "
                "counts (ISO/IEC 23008-12), and it has none"
            )


def _is_burst(image: Image) -> bool:
    """Return whether an MPO's later pictures are photographs, not previews or a gain map."""
    entries = getattr(image, "mpinfo", {}).get(_MP_ENTRIES, ())
    types = [str(entry.get("Attribute", {}).get("MPType", "")) for entry in entries[1:]]
    return any(kind.startswith("Multi-Frame") for kind in types)


def _turned(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    turns, mirrored = _TURNS.get(orientation, (0, False))
    turned = np.rot90(pixels, turns)
    return turned[:, ::-1] if mirrored else turned


def _orientation(image: Image) -> int:
    # Pillow applies it itself for TIFF on load, and pillow-heif on open.
    if image.format in ("HEIF", "TIFF"):
        return 1
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:
        return 1


def _upright_size(image: Image) -> tuple[int, int]:
    turned = _orientation(image) in (5, 6, 7, 8)
    return (image.height, image.width) if turned else (image.width, image.height)


def _check_size(width: int, height: int, max_pixels: float) -> None:
    if width * height > max_pixels:
        raise TooLarge(
            f"{width}x{height} is over limits.max_megapixels = {max_pixels / 1e6:g}; "
            "raise it if you trust the file"
        )


def _develop_raw(path: str, max_pixels: float) -> Image:
    from PIL import Image

    try:
        import rawpy
    except ImportError as error:
        raise MissingExtra(
            "RAW pictures need one more package: pip install 'sightline[raw]'"
        ) from error
    try:
        with rawpy.imread(path) as raw:
            _check_size(raw.sizes.width, raw.sizes.height, max_pixels)
            image = Image.fromarray(raw.postprocess(use_camera_wb=True))
    except rawpy.LibRawError as error:
        raise Unreadable(f"not a RAW picture LibRaw can develop ({error})") from error
    image.format = "RAW"
    return image


def _failed(error: Exception) -> Exception:
    words = _words(error)
    if isinstance(error, MemoryError) or "emory alloc" in words:
        return MemoryError(words)
    return Unreadable(f"damaged or cut off ({words}); copy it again from its origin")


def _words(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:160]
