"""Where a picture was taken: EXIF's GPS fields, however they are written, as signed degrees.

EXIF 3.0 (CIPA DC-008-2023, section 4.6.6) wants three rationals and a reference of one letter. What
cameras and programs write besides: words, lower case, bytes, one rational, signs, text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..text import counted

_AXES = (("Latitude", "NS", 90.0), ("Longitude", "EW", 180.0))
_BELOW = (1, 3)
"""GPSAltitudeRef: below sea level; since EXIF 3.0 also below the ellipsoid"""
_NUMBER = re.compile(r"(-?(?:\d+(?:\.\d*)?|\.\d+))(?:/(\d+))?")

_SIDE = re.compile(r"(?<![A-Z])([NSEW])")


class _Impossible(Exception):
    """A value that is there and cannot be a place."""


@dataclass
class Coordinates:
    """Degrees north and east, metres above the sea; and what could not be taken for a place."""

    latitude: float | None = None
    longitude: float | None = None
    altitude: float | None = None
    warnings: list[str] = field(default_factory=list)

    def fields(self) -> dict[str, float]:
        """Return what is known, by name."""
        named = (
            ("latitude", self.latitude),
            ("longitude", self.longitude),
            ("altitude", self.altitude),
        )
        return {name: value for name, value in named if value is not None}


def place_of(fields: Mapping[str, Any]) -> Coordinates:
    """Return the place that GPS fields (by EXIF's names, or XMP's, which are the same) give.

    A latitude without a longitude is no place, nor is one out of range. Nor is exactly 0, 0, which
    devices without a fix write, unless GPSMeasureMode says that it was measured.
    """
    place = Coordinates(altitude=_altitude(fields))
    try:
        found = [_axis(fields, *axis, place.warnings) for axis in _AXES]
    except _Impossible as error:
        place.warnings.append(f"gps: {error}; ignored as a location")
        return place
    if (found[0] is None) != (found[1] is None):
        missing = "longitude" if found[1] is None else "latitude"
        place.warnings.append(f"gps: no {missing}; ignored as a location")
    elif found == [0.0, 0.0] and _text(fields.get("GPSMeasureMode")) not in ("2", "3"):
        place.warnings.append("gps: 0, 0 without a fix; ignored as a location")
    else:
        place.latitude, place.longitude = found
    return place


def _axis(
    fields: Mapping[str, Any], axis: str, letters: str, most: float, warnings: list[str]
) -> float | None:
    """Return signed degrees, or None where there is no value."""
    raw = fields.get(f"GPS{axis}")
    degrees = _degrees(raw)
    if degrees is None:
        return None
    reference = _text(fields.get(f"GPS{axis}Ref")) or _letter_in(raw)
    side = reference[:1].upper()
    # A sign and a reference that agree: -33.8 S is 33.8 south.
    value = -abs(degrees) if side == letters[1] else degrees
    if side and side not in letters:
        raise _Impossible(f"{axis.lower()} reference {reference[:20]!r} is none of {letters}")
    if abs(value) > most:
        raise _Impossible(f"{axis.lower()} {value:g} is out of range")
    if not side and degrees > 0:
        side_name = "north" if axis == "Latitude" else "east"
        warnings.append(f"gps: {axis.lower()} without a reference; treated as {side_name}")
    return round(value, 7) + 0.0


def _degrees(raw: Any) -> float | None:
    """Return degrees as they are written; None for no value, or an unknown one (0/0)."""
    parts = _parts(raw)
    if not parts or math.isnan(parts[0]):
        return None
    if len(parts) > 3:
        raise _Impossible(f"{counted(len(parts), 'value')} for one angle")
    whole, *rest = parts
    # 0/0 stands for minutes or seconds that are in the value before them.
    minutes, seconds = (0.0 if math.isnan(part) else abs(part) for part in [*rest, 0.0, 0.0][:2])
    if not math.isfinite(whole + minutes + seconds):
        raise _Impossible("an angle without a number")
    if minutes > 60 or seconds > 60:
        shown = f"{counted(minutes, 'minute')} and {counted(seconds, 'second')}"
        raise _Impossible(f"{shown} are not part of a degree")
    return math.copysign(abs(whole) + minutes / 60 + seconds / 3600, whole)


def _parts(raw: Any) -> list[float]:
    if isinstance(raw, (str, bytes)):
        return [_quotient(*found) for found in _NUMBER.findall(_text(raw))[:4]]
    if isinstance(raw, (tuple, list)):
        return [_number(part) for part in raw[:4]]
    return [] if raw is None else [_number(raw)]


def _quotient(over: str, under: str) -> float:
    return math.nan if under and not int(under) else float(over) / int(under or 1)


def _number(raw: Any) -> float:
    try:
        return float(raw)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return math.nan


def _letter_in(raw: Any) -> str:
    """Return the letter that a value written as text carries: `33,51.48S`, `S 33.858`."""
    if not isinstance(raw, (str, bytes)):
        return ""
    found = _SIDE.search(_text(raw).upper())
    return found[1] if found else ""


def _text(raw: Any) -> str:
    if isinstance(raw, (tuple, list)) and len(raw) == 1:
        raw = raw[0]
    text = (
        raw.decode("ascii", "replace")
        if isinstance(raw, bytes)
        else str("" if raw is None else raw)
    )
    return text.replace("\x00", " ").strip()


def _altitude(fields: Mapping[str, Any]) -> float | None:
    """Return metres, negative below the sea."""
    parts = _parts(fields.get("GPSAltitude"))
    if len(parts) != 1 or not math.isfinite(parts[0]):
        return None
    below = _reference_number(fields.get("GPSAltitudeRef")) in _BELOW
    return round(-abs(parts[0]) if below else parts[0], 3)


def _reference_number(raw: Any) -> int:
    if isinstance(raw, bytes) and len(raw) == 1 and raw[0] < 32:
        return raw[0]
    text = _text(raw)
    return int(text) if text.isascii() and text.isdigit() else 0
