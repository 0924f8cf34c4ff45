"""EXIF, GPS, XMP and container fields as bounded, plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_FIELDS = 200
MAX_CHARACTERS = 500


def plain_text_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields as strings, numbers and lists of them, bounded in number and length.

    Values stay as they are written in the file (no screen has seen them): cleaning happens where
    text is shown.
    """
    return {str(key)[:100]: _plain(value) for key, value in list(fields.items())[:MAX_FIELDS]}


def picture_metadata(image: Any) -> tuple[dict[str, Any], list[str]]:
    """Return EXIF (with GPS) and XMP of an open Pillow image, and what could not be read."""
    metadata: dict[str, Any] = {}
    warnings: list[str] = []
    for name, read in (("exif", _exif), ("gps", _gps), ("xmp", _xmp)):
        try:
            found = read(image)
        except Exception as error:  # a damaged block raises anything, and costs only itself
            warnings.append(f"{name} cannot be read ({type(error).__name__})")
            continue
        if found:
            metadata[name] = found
    return metadata, warnings


def _exif(image: Any) -> dict[str, Any]:
    from PIL import ExifTags

    exif = image.getexif()
    named = {**dict(exif), **exif.get_ifd(ExifTags.IFD.Exif)}
    fields = {ExifTags.TAGS.get(tag, str(tag)): value for tag, value in named.items()}
    fields.pop("MakerNote", None)
    fields.pop("GPSInfo", None)
    return plain_text_fields({key: v for key, v in fields.items() if not isinstance(v, bytes)})


def _gps(image: Any) -> dict[str, Any]:
    from PIL import ExifTags

    raw = image.getexif().get_ifd(ExifTags.IFD.GPSInfo)
    if not raw:
        return {}
    fields = {ExifTags.GPSTAGS.get(tag, str(tag)): value for tag, value in raw.items()}
    place = plain_text_fields({key: v for key, v in fields.items() if not isinstance(v, bytes)})
    for axis, negative in (("Latitude", "S"), ("Longitude", "W")):
        degrees = _degrees(fields.get(f"GPS{axis}"), fields.get(f"GPS{axis}Ref") == negative)
        if degrees is not None:
            place[axis.lower()] = degrees
    return place


def _degrees(parts: Any, negative: bool) -> float | None:
    try:
        degrees, minutes, seconds = (float(part) for part in parts)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    value = round(degrees + minutes / 60 + seconds / 3600, 7)
    if not -180 <= value <= 180:
        return None
    return -value if negative else value


def _xmp(image: Any) -> dict[str, Any]:
    if "xmp" not in image.info:
        return {}
    import defusedxml  # noqa: F401  (Pillow would go without it, silently)

    found: dict[str, Any] = {}
    _flatten(image.getxmp(), "", found)
    return plain_text_fields(found)


def _flatten(node: Any, name: str, found: dict[str, Any]) -> None:
    if len(found) >= MAX_FIELDS:
        return
    if isinstance(node, Mapping):
        for key, value in node.items():
            _flatten(value, key if key not in ("xmpmeta", "RDF", "Description") else name, found)
    elif isinstance(node, list):
        for value in node:
            _flatten(value, name, found)
    elif node not in (None, ""):
        found.setdefault(name, node)


def _plain(value: Any) -> Any:
    if isinstance(value, (bool, int)):
        return value
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value[:16]]
    if not isinstance(value, str):
        try:
            number = float(value)
        except (TypeError, ValueError, ZeroDivisionError):
            return str(value)[:MAX_CHARACTERS]
        return number if abs(number) < 1e300 else None
    return value.replace("\x00", "")[:MAX_CHARACTERS]
