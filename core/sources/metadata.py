"""EXIF, GPS, XMP and container fields as bounded, plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import TooLarge
from .gps import place_of

MAX_FIELDS = 200
MAX_CHARACTERS = 500
MAX_XMP_BYTES = 2 * 1024 * 1024
"""what is parsed: 30 MB would take ten seconds; editors write some hundred KB"""


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
    _add_place(metadata, warnings)
    return metadata, warnings


def _add_place(metadata: dict[str, Any], warnings: list[str]) -> None:
    """Say where the picture was taken: EXIF goes before XMP, which goes for what EXIF lacks."""
    written = metadata.get("gps", {})
    place = place_of(written)
    if place.latitude is None and (beside := metadata.get("xmp", {})).get("GPSLatitude"):
        from_xmp = place_of(beside)
        if from_xmp.latitude is not None:
            place = replace(from_xmp, altitude=place.altitude or from_xmp.altitude)
    warnings += place.warnings
    if found := place.fields():
        metadata["gps"] = written | found


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
    named = {ExifTags.GPSTAGS.get(tag, str(tag)): value for tag, value in raw.items()}
    return plain_text_fields(
        {
            key: _reference(value) if key.endswith("Ref") else value
            for key, value in named.items()
            if key.endswith("Ref") or not isinstance(value, bytes)
        }
    )


def _reference(value: Any) -> Any:
    """Return a GPS reference, a letter or a small number, which may be written as bytes."""
    if not isinstance(value, bytes):
        return value
    if len(value) == 1 and value[0] < 32:
        return value[0]
    return value.decode("ascii", "replace")


def _xmp(image: Any) -> dict[str, Any]:
    if "xmp" not in image.info:
        return {}
    if len(image.info["xmp"]) > MAX_XMP_BYTES:
        raise TooLarge("too much XMP")
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
