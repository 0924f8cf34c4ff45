"""Bringing pictures of other colour spaces to sRGB, which is what models and screens expect.

The space is what the file says: an ICC profile, PNG's cICP, gAMA and cHRM chunks, the `nclx` box of
HEIF and AVIF, or EXIF's Adobe RGB. LittleCMS converts, relative colorimetric with black point
compensation, after the picture was reduced; a profile that amounts to sRGB costs nothing.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..text import counted
from . import profile

if TYPE_CHECKING:
    from PIL.Image import Image

KNOWN_PROFILES = 16
"""how many conversions are kept: most folders hold pictures of one or two cameras"""
ALIKE_LEVELS = 3
"""a conversion that changes no colour by more than this many of 255 levels is left out"""
MAX_PROFILE_BYTES = 16 * 2**20
_HEADER_BYTES = 256 * 1024
_GREY = ("1", "L", "LA", "La", "F")


@dataclass(frozen=True, slots=True)
class Conversion:
    """How a picture's colours become sRGB: `mode` is what goes in, `name` where it comes from."""

    mode: str
    name: str
    transform: Any

    def apply(self, image: Image) -> Image:
        """Return the picture, opaque and 8 bits a channel, as sRGB in mode RGB."""
        shown = image if image.mode == self.mode else image.convert(self.mode)
        converted: Image = self.transform.apply(shown)
        return converted


def conversion_of(image: Image, path: str) -> tuple[Conversion | None, str]:
    """Return how an open picture becomes sRGB (None: it is), and a warning or an empty string."""
    mode = _mode_of(image)
    try:
        icc = _profile_of(image, path)
        if mode == "LAB":
            return _from_lab(), ""
        if not icc:
            return None, ""
        if len(icc) > MAX_PROFILE_BYTES:
            return (
                None,
                f"colour profile of {counted(len(icc), 'byte')} ignored; colours "
                "are treated as sRGB",
            )
        return _conversion(icc, mode)
    except MemoryError:
        raise
    except Exception as error:  # parsers and LittleCMS raise anything on damaged data
        words = " ".join(str(error).split())[:100] or type(error).__name__
        return None, f"colour profile cannot be used ({words}); colours are treated as sRGB"


def _mode_of(image: Image) -> str:
    """Return the mode a picture has once it is opaque and has 8 bits."""
    if image.mode in _GREY or image.mode.startswith("I"):
        return "L"
    return image.mode if image.mode in ("CMYK", "LAB") else "RGB"


@lru_cache(maxsize=KNOWN_PROFILES)
def _conversion(icc: bytes, mode: str) -> tuple[Conversion | None, str]:
    from PIL import ImageCms

    opened = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    space = str(opened.profile.xcolor_space).strip()
    # Grey pictures may carry an RGB profile: its curve is meant.
    wanted = "RGB" if (mode, space) == ("L", "RGB") else mode
    if {"GRAY": "L"}.get(space, space) != wanted:
        return None, f"colour profile is for {space}, the picture is {mode}; it is ignored"
    name = str(opened.profile.profile_description or "a profile without a name")[:100]
    conversion = Conversion(wanted, name, _transform(opened, wanted))
    return (None if _is_srgb(conversion) else conversion), ""


@lru_cache(maxsize=1)
def _from_lab() -> Conversion:
    from PIL import ImageCms

    return Conversion("LAB", "CIE L*a*b*", _transform(ImageCms.createProfile("LAB"), "LAB"))


def _transform(source: Any, mode: str) -> Any:
    from PIL import ImageCms

    return ImageCms.buildTransform(
        source,
        ImageCms.createProfile("sRGB"),
        mode,
        "RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )


def _is_srgb(conversion: Conversion) -> bool:
    """Return whether the conversion leaves colours as they are, on a grid of all of them."""
    from PIL import Image

    if conversion.mode == "CMYK":
        return False
    levels = np.linspace(0, 255, 9 if conversion.mode == "RGB" else 256).astype(np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    pixels = grid if conversion.mode == "RGB" else levels[None]
    before = Image.fromarray(np.ascontiguousarray(pixels))
    after = np.asarray(conversion.apply(before), np.int16)
    return bool(np.abs(after - np.asarray(before.convert("RGB"), np.int16)).max() <= ALIKE_LEVELS)


def _profile_of(image: Image, path: str) -> bytes:
    """Return the ICC profile of a picture, or one made of what else the file says; empty: none."""
    icc = image.info.get("icc_profile") or b""
    if image.format == "PNG":
        return _of_png(image, path, icc)
    if icc:
        return bytes(icc)
    if image.format in ("HEIF", "AVIF"):
        return _of_nclx(path)
    return _adobe() if _says_adobe(image) else b""


def _of_png(image: Image, path: str, icc: bytes) -> bytes:
    """Go by PNG's third edition, section 11.3.2: cICP before iCCP before sRGB before gAMA, cHRM."""
    coded = next((body for kind, body in _png_chunks(path) if kind == b"cICP"), b"")
    if len(coded) == 4:
        return _coded(coded[0], coded[1])
    if icc or "srgb" in image.info:
        return icc
    gamma = float(image.info.get("gamma") or 0.0)
    primaries = image.info.get("chromaticity") or profile.SRGB_PRIMARIES
    if not gamma and primaries == profile.SRGB_PRIMARIES:
        return b""
    usual = not 0.01 <= gamma <= 10 or abs(gamma - 1 / 2.2) < 0.01  # written for sRGB as well
    return profile.named_profile(tuple(primaries), gamma=0.0 if usual else 1 / gamma)


def _png_chunks(path: str) -> Iterator[tuple[bytes, bytes]]:
    """Yield the chunks before the pixels; Pillow leaves out those it does not know."""
    with open(path, "rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            size, kind = struct.unpack(">I4s", head)
            if kind in (b"IDAT", b"IEND"):
                return
            if size > 64:
                file.seek(size + 4, io.SEEK_CUR)
            else:
                yield kind, file.read(size + 4)[:size]


def _of_nclx(path: str) -> bytes:
    """Read the first `nclx` box (ISO/IEC 23008-12, 6.5.5) of a HEIF or AVIF's header."""
    with open(path, "rb") as file:
        head = file.read(_HEADER_BYTES)
    at = head.find(b"colrnclx")
    if at < 0 or len(head) < at + 12:
        return b""
    primaries, transfer = struct.unpack_from(">HH", head, at + 8)
    return _coded(primaries, transfer)


def _coded(primaries: int, transfer: int) -> bytes:
    """Return a profile for codes of ITU-T H.273; empty for those that stand for sRGB."""
    known = profile.PRIMARIES_BY_CODE.get(primaries)
    if known is None and transfer not in (*profile.GAMMA_BY_CODE, profile.PQ, profile.HLG):
        return b""
    return profile.named_profile(known or profile.SRGB_PRIMARIES, transfer)


def _says_adobe(image: Image) -> bool:
    """Return whether EXIF says Adobe RGB: interoperability R03 (DCF 2.0, option file)."""
    from PIL import ExifTags

    try:
        exif = image.getexif()
        if not exif:
            return False
        details = exif.get_ifd(ExifTags.IFD.Exif)
        if details.get(ExifTags.Base.ColorSpace) not in (2, 0xFFFF):
            return False
        index = exif.get_ifd(ExifTags.IFD.Interop).get(1, "")
    except Exception:  # damaged EXIF says nothing
        return False
    said = index.decode("ascii", "replace") if isinstance(index, bytes) else str(index)
    return said.strip("\x00 ") == "R03" or details.get(ExifTags.Base.ColorSpace) == 2


def _adobe() -> bytes:
    return profile.named_profile(profile.ADOBE_PRIMARIES, gamma=profile.ADOBE_GAMMA)
