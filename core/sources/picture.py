"""Reading pictures with Pillow: probe, reduced luma, upright thumbnails.

Runs inside the reader process (see `reader.py`).
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtra, TooLarge, Unreadable
from ..records import SourceInfo
from .colour import fitted, rough_factor, shown_size
from .find import RAW_SUFFIXES
from .metadata import picture_metadata

if TYPE_CHECKING:
    from PIL.Image import Image

LUMA_LONGEST_SIDE = 640
_ORIENTATION_TAG = 274
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
    from PIL import Image, UnidentifiedImageError

    _register_formats()
    Image.MAX_IMAGE_PIXELS = None  # our own check below says what to do about it
    if os.path.splitext(path)[1].lower() in RAW_SUFFIXES:
        yield _develop_raw(path, max_pixels)
        return
    try:
        image = Image.open(path)
    except FileNotFoundError:
        raise
    except UnidentifiedImageError as error:
        raise Unreadable("not a picture Pillow can open; check that the file is whole") from error
    except MemoryError:
        raise
    except Exception as error:  # header parsers raise nearly anything on damaged data
        raise Unreadable(
            f"damaged picture ({_words(error)}); copy it again from its origin"
        ) from error
    with image:
        _check_size(image.width, image.height, max_pixels)
        yield image


def probe_picture(image: Image, path: str, content: str, size_bytes: int) -> SourceInfo:
    """Return what the header and the metadata of an open picture say."""
    metadata, warnings = picture_metadata(image)
    try:
        frames = int(getattr(image, "n_frames", 1))
    except Exception:
        frames = 1
        warnings.append("later frames cannot be counted")
    if frames > 1:
        metadata["frames"] = frames
    width, height = _upright_size(image)
    return SourceInfo(
        path=path,
        kind="picture",
        content=content,
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
    )


def picture_luma(image: Image) -> tuple[NDArray[np.uint8], float]:
    """Return (reduced luma, scale): uint8 (height, width), longest side at most 640, upright.

    16-bit and floating-point pictures are scaled to 8 bits, transparency is laid over black.
    Raises Unreadable for a picture that is cut off or damaged.
    """
    from PIL import Image as Pillow

    longest = max(image.size)
    scale = max(longest / LUMA_LONGEST_SIDE, 1.0)
    size = (max(round(image.width / scale), 1), max(round(image.height / scale), 1))
    try:
        # JPEG can be decoded at 1/2, 1/4 or 1/8, which costs a fraction of the whole.
        image.draft("L", size)
        _load(image)
        small = _flat(image).convert("L").resize(size, Pillow.Resampling.BOX, reducing_gap=2.0)
    except Exception as error:  # decoders raise nearly anything on damaged data
        raise _failed(error) from error
    return _turned(np.asarray(small, np.uint8), _orientation(image)), scale


def picture_colour(image: Image, longest_side: int) -> NDArray[np.uint8]:
    """Return RGB as models are shown it, uint8 (height, width, 3), upright; see `colour.py`.

    Raises Unreadable for a picture that is cut off or damaged.
    """
    size = shown_size(*image.size, longest_side)
    try:
        image.draft("RGB", size)
        return _upright(fitted(_rgb(image), size), image)
    except Exception as error:  # decoders raise nearly anything on damaged data
        raise _failed(error) from error


def picture_roughly(image: Image) -> NDArray[np.uint8]:
    """Return RGB reduced by a power of two only, uint8 (height, width, 3), upright.

    See `rough_size`. Raises Unreadable for a picture that is cut off or damaged.
    """
    by = rough_factor(*image.size)
    whole = image.size
    try:
        # JPEG rounds a drafted side up: asked for that, it would decode the next larger one.
        image.draft("RGB", (whole[0] // by, whole[1] // by))
        shown = _rgb(image)
        return _upright(shown.reduce(by) if shown.size == whole else shown, image)
    except Exception as error:  # decoders raise nearly anything on damaged data
        raise _failed(error) from error


def upright_jpeg(image: Image, longest_side: int, quality: int = 85) -> bytes:
    """Return the picture as a JPEG, orientation applied. Raises Unreadable if it is damaged."""
    from PIL import Image as Pillow

    try:
        image.draft("RGB", (longest_side, longest_side))
        _load(image)
        small = _flat(image).convert("RGB")
        small.thumbnail((longest_side, longest_side))
        turned = np.ascontiguousarray(_turned(np.asarray(small), _orientation(image)))
        return jpeg(Pillow.fromarray(turned), quality)
    except Exception as error:
        raise _failed(error) from error


def jpeg(image: Image, quality: int = 85) -> bytes:
    """Return an RGB image as JPEG bytes."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def is_animated_gif(path: str) -> bool:
    """Tell whether the file is a GIF of several frames, which is read as a video."""
    from PIL import Image

    with open(path, "rb") as file:
        if file.read(4) != b"GIF8":
            return False
    try:
        with Image.open(path) as image:
            return int(getattr(image, "n_frames", 1)) > 1
    except Exception:
        return False


def _load(image: Image) -> None:
    try:
        image.load()
    except Exception:
        # A PNG may be cut off behind its pixels, in notes: then nothing is left to decode.
        if image.format != "PNG" or getattr(image, "tile", None):
            raise


def _rgb(image: Image) -> Image:
    """Return the decoded picture as RGB; one that is RGB already is not copied."""
    _load(image)
    flat = _flat(image)
    return flat if flat.mode == "RGB" else flat.convert("RGB")


def _upright(shown: Image, image: Image) -> NDArray[np.uint8]:
    turned = _turned(np.asarray(shown, np.uint8), _orientation(image))
    return np.ascontiguousarray(turned)


def _flat(image: Image) -> Image:
    """Return the picture at 8 bits and opaque: what is deeper is scaled, transparency is black."""
    from PIL import Image as Pillow

    if image.mode.startswith("I") or image.mode == "F":
        return Pillow.fromarray(_eight_bits(np.asarray(image)))
    if image.mode == "LAB":
        return image.getchannel(0)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        black = Pillow.new("RGBA", image.size, (0, 0, 0, 255))
        straight = image.convert("LA") if image.mode == "La" else image
        return Pillow.alpha_composite(black, straight.convert("RGBA"))
    return image.convert("RGB") if image.mode == "HSV" else image


def _eight_bits(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    if pixels.dtype.itemsize == 2:
        return np.asarray(pixels >> 8, np.uint8)
    if np.issubdtype(pixels.dtype, np.floating):
        return _stretched(pixels)
    # 32 bits seldom hold more than a camera's 16.
    top = 255 if pixels.max() <= 255 else 65535
    return np.asarray(np.clip(pixels, 0, top).astype(np.int64) * 255 // top, np.uint8)


def _stretched(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    finite = np.isfinite(pixels)
    known = pixels[finite]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    even = (np.where(finite, pixels, low) - low) * (255.0 / max(high - low, 1e-9))
    return np.clip(even, 0, 255).astype(np.uint8)


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


def _register_formats() -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()


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
