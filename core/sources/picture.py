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
from .find import RAW_SUFFIXES
from .metadata import picture_metadata

if TYPE_CHECKING:
    from PIL.Image import Image

LUMA_LONGEST_SIDE = 640
_ORIENTATION_TAG = 274


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
    except UnidentifiedImageError as error:
        raise Unreadable("not a picture Pillow can open; check that the file is whole") from error
    except (OSError, ValueError, SyntaxError, EOFError, ZeroDivisionError, OverflowError) as error:
        raise Unreadable(f"damaged picture ({_words(error)}); copy it again from its origin") from error
    with image:
        _check_size(image.width, image.height, max_pixels)
        yield image


def probe_picture(image: Image, path: str, content: str, size_bytes: int) -> SourceInfo:
    """Return what the header and the metadata of an open picture say."""
    metadata, warnings = picture_metadata(image)
    frames = int(getattr(image, "n_frames", 1))
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
        small = _gray(image).resize(size, Pillow.Resampling.BOX, reducing_gap=2.0)
    except Exception as error:  # decoders raise nearly anything on damaged data
        raise Unreadable(
            f"damaged or cut off ({_words(error)}); copy it again from its origin"
        ) from error
    return _turned(np.asarray(small, np.uint8), image), scale


def upright_jpeg(image: Image, longest_side: int, quality: int = 85) -> bytes:
    """Return the picture as a JPEG, orientation applied. Raises Unreadable if it is damaged."""
    from PIL import ImageOps

    try:
        image.draft("RGB", (longest_side, longest_side))
        small = ImageOps.exif_transpose(image)
        small.thumbnail((longest_side, longest_side))
        return jpeg(small.convert("RGB"), quality)
    except Exception as error:
        raise Unreadable(f"damaged or cut off ({_words(error)})") from error


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


def _gray(image: Image) -> Image:
    from PIL import Image as Pillow

    if image.mode in ("I;16", "I;16L", "I;16B", "I;16N", "I", "F"):
        return Pillow.fromarray(_eight_bits(np.asarray(image)))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        flat = Pillow.new("RGBA", image.size, (0, 0, 0, 255))
        return Pillow.alpha_composite(flat, image.convert("RGBA")).convert("L")
    return image.convert("L")


def _eight_bits(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    if np.issubdtype(pixels.dtype, np.floating):
        pixels = np.nan_to_num(pixels)
        low, high = float(pixels.min()), float(pixels.max())
        return ((pixels - low) * (255.0 / max(high - low, 1e-9))).astype(np.uint8)
    top = 255 if pixels.max() <= 255 else 65535
    return (np.clip(pixels.astype(np.int64), 0, top) * 255 // top).astype(np.uint8)


def _turned(luma: NDArray[np.uint8], image: Image) -> NDArray[np.uint8]:
    match _orientation(image):
        case 2:
            return luma[:, ::-1]
        case 3:
            return luma[::-1, ::-1]
        case 4:
            return luma[::-1]
        case 5:
            return luma.T
        case 6:
            return np.rot90(luma, 3)
        case 7:
            return luma[::-1, ::-1].T
        case 8:
            return np.rot90(luma, 1)
    return luma


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
        raise MissingExtra("RAW pictures need one more package: pip install 'sightline[raw]'") from error
    try:
        with rawpy.imread(path) as raw:
            _check_size(raw.sizes.width, raw.sizes.height, max_pixels)
            image = Image.fromarray(raw.postprocess(use_camera_wb=True))
    except rawpy.LibRawError as error:
        raise Unreadable(f"not a RAW picture LibRaw can develop ({error})") from error
    image.format = "RAW"
    return image


def _words(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__)[:160]
