"""What metadata says about a source, in one form for pictures and videos, as functions of SQL.

`info` is the JSON of `contents.info`: a `SourceInfo` as it was probed.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any

EARTH_KM = 6371.0088
"""mean radius (IUGG); distances on the sphere differ from those on the ellipsoid by up to 0.6 %"""
_EXIF_DATES = ("DateTimeOriginal", "DateTimeDigitized", "DateTime")
_XMP_DATES = ("DateTimeOriginal", "DateCreated", "CreateDate")
_UNSET = ("1904-01-01T00:00:00", "1970-01-01T00:00:00")
"""the zero of the clocks of QuickTime and of Unix: what devices write that know no time"""
_DATE = re.compile(r"(\d{4})[:-](\d{2})[:-](\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2}))?)?")
_VIDEO_DATES = ("com.apple.quicktime.creationdate", "creation_time", "date")
_MAKES = ("com.apple.quicktime.make", "com.android.manufacturer", "make")
_MODELS = ("com.apple.quicktime.model", "com.android.model", "model")
_LENSES = ("com.apple.quicktime.camera.lens_model", "lens_model", "LensModel")
_PLACES = ("com.apple.quicktime.location.ISO6709", "location", "location-eng")
_ISO6709 = re.compile(r"([+-]\d{2}(?:\.\d+)?)([+-]\d{3}(?:\.\d+)?)")
"""degrees north and east, as QuickTime and Android files write them"""


def register(connection: sqlite3.Connection) -> None:
    """Make the functions known to a connection."""
    for name, arguments, function in (
        ("captured", 2, captured), ("camera", 1, camera), ("lens", 1, lens),
        ("distance_km", 3, distance_km), ("fold", 1, fold),
    ):  # fmt: skip
        connection.create_function(name, arguments, function, deterministic=True)


def fold(text: str | None) -> str | None:
    """Return a text without differences of case, in every script (SQLite's own knows ASCII)."""
    return None if text is None else str(text).casefold()


def captured(info: str | None, mtime_ns: int | None) -> str | None:
    """Return when a source was captured as `YYYY-MM-DDTHH:MM:SS`, as its clock showed it.

    Where metadata does not say, it is the local time at which the file was last written.
    """
    metadata = _metadata(info)
    exif, xmp = (_mapping(metadata.get(name)) for name in ("exif", "xmp"))
    written = [
        *map(exif.get, _EXIF_DATES), *map(xmp.get, _XMP_DATES), *map(metadata.get, _VIDEO_DATES),
    ]  # fmt: skip
    for text in written:
        if (found := _date(text)) and found not in _UNSET:
            return found
    if mtime_ns is None:
        return None
    try:
        return datetime.fromtimestamp(mtime_ns / 1e9).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return None


def camera(info: str | None) -> str:
    """Return make and model of the camera, empty where metadata does not say."""
    metadata = _metadata(info)
    make = _of_picture(metadata, "Make") or _first(metadata, _MAKES)
    model = _of_picture(metadata, "Model") or _first(metadata, _MODELS)
    return fold(" ".join(str(each).strip() for each in (make, model) if each)) or ""


def place(info: str | None) -> tuple[float, float] | None:
    """Return degrees north and east of where a source was captured; None if that is not known."""
    return _place(_metadata(info))


def lens(info: str | None) -> str:
    """Return make and model of the lens, empty where metadata does not say."""
    metadata = _metadata(info)
    model = _of_picture(metadata, "LensModel") or _mapping(metadata.get("xmp")).get("Lens")
    named = (_of_picture(metadata, "LensMake"), model or _first(metadata, _LENSES))
    return fold(" ".join(str(each).strip() for each in named if each)) or ""


def distance_km(info: str | None, latitude: float, longitude: float) -> float | None:
    """Return the distance in km of where a source was captured from a place (haversine).

    None where metadata does not say.
    """
    here = _place(_metadata(info))
    if here is None:
        return None
    north, east = (math.radians(each) for each in here)
    to_north, to_east = math.radians(latitude), math.radians(longitude)
    half = (
        math.sin((to_north - north) / 2) ** 2
        + math.cos(north) * math.cos(to_north) * math.sin((to_east - east) / 2) ** 2
    )
    return 2 * EARTH_KM * math.asin(math.sqrt(min(half, 1.0)))


def _of_picture(metadata: Mapping[str, Any], name: str) -> Any:
    """Return a field of EXIF, else of XMP."""
    found = _mapping(metadata.get("exif")).get(name)
    return found or _mapping(metadata.get("xmp")).get(name)


def _place(metadata: Mapping[str, Any]) -> tuple[float, float] | None:
    gps = _mapping(metadata.get("gps"))
    north, east = gps.get("latitude"), gps.get("longitude")
    if isinstance(north, (int, float)) and isinstance(east, (int, float)):
        return float(north), float(east)
    written = _ISO6709.match(str(_first(metadata, _PLACES) or ""))
    if written is None:
        return None
    place = float(written[1]), float(written[2])
    return place if abs(place[0]) <= 90 and abs(place[1]) <= 180 else None


def _date(text: Any) -> str | None:
    """Return a date as metadata writes it in one form; None where it is no date."""
    found = _DATE.match(text) if isinstance(text, str) else None
    if found is None:
        return None
    numbers = [int(part) for part in found.groups("0")]
    try:
        return datetime(*numbers).isoformat(timespec="seconds")  # type: ignore[arg-type]
    except ValueError:
        return None


def _first(metadata: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((metadata[name] for name in names if metadata.get(name)), None)


def _metadata(info: str | None) -> Mapping[str, Any]:
    return _mapping(_mapping(json.loads(info)).get("metadata")) if info else {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
