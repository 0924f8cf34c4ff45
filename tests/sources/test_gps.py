"""Where a picture was taken, in the ways cameras and programs write it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from core.config.screening_settings import Limits
from core.errors import SourceError
from core.sources.gps import place_of
from core.sources.picture import open_picture, probe_picture
from core.sources.reader import Reader
from tests.sources.reading import MEDIA, needs_media

SOUTH, WEST = (33, 51, 28.8), (70, 12, 39.6)
HERE = (-33.858, -70.211)
NAN = math.nan


def fields(latitude: Any, longitude: Any, south: Any = "S", west: Any = "W") -> dict[str, Any]:
    named = {
        "GPSLatitude": latitude,
        "GPSLongitude": longitude,
        "GPSLatitudeRef": south,
        "GPSLongitudeRef": west,
    }
    return {name: value for name, value in named.items() if value is not None}


def test_places_however_they_are_written() -> None:
    for written in (
        fields(SOUTH, WEST),
        fields(SOUTH, WEST, "s", "w"),
        fields(SOUTH, WEST, "South", "W "),
        fields(SOUTH, WEST, b"S\x00", "West\x00"),
        fields((33, 51.48), (70, 12.66)),
        fields((33.858,), (70.211,)),
        fields(33.858, 70.211),
        fields((-33.858,), (-70.211,)),
        fields((-33.858,), (-70.211,), None, None),
        fields((33, 51.48, NAN), (70, 12.66, None)),
        fields("33,51.48S", "70,12.66W", None, None),
        fields("33 deg 51' 28.8\" S", "70° 12' 39.6\" West", None, None),
        fields("-33.858", "-70.211", None, None),
        fields("33/1 51/1 2880/100", "70/1, 12/1, 3960/100"),
        fields(b"33,51.48S\x00", b"70,12.66W\x00", None, None),
    ):
        place = place_of(written)
        assert (place.latitude, place.longitude) == pytest.approx(HERE, abs=1e-6), written
        assert place.warnings == [], written


def test_what_is_no_place() -> None:
    for written, word in (
        (fields((120, 0, 0), WEST), "latitude -120 is out of range"),
        (fields(SOUTH, (181, 0, 0)), "longitude -181 is out of range"),
        (fields(SOUTH, None), "no longitude"),
        (fields(None, WEST), "no latitude"),
        (fields((0, 0, 0), (0, 0, 0), "N", "E"), "0, 0 without a fix"),
        (fields((12, 75, 0), WEST), "75 minutes"),
        (fields((12, 5, 0, 1), WEST), "4 values"),
        (fields((math.inf, 0, 0), WEST), "an angle without a number"),
        (fields(SOUTH, WEST, "E", "W"), "reference 'E'"),
    ):
        place = place_of(written)
        assert place.latitude is None and place.longitude is None, written
        assert len(place.warnings) == 1 and word in place.warnings[0], place.warnings
    unknown = fields((NAN, NAN, NAN), (NAN, NAN, NAN))
    assert place_of(unknown).fields() == {} and place_of({}).fields() == {}


def test_zero_that_was_measured_and_references_that_are_missing() -> None:
    measured = fields((0, 0, 0), (0, 0, 0), "N", "E") | {"GPSMeasureMode": "3"}
    assert place_of(measured).fields() == {"latitude": 0.0, "longitude": 0.0}
    place = place_of(fields(SOUTH, WEST, None, None))
    assert (place.latitude, place.longitude) == pytest.approx((33.858, 70.211), abs=1e-6)
    assert [line.split(" without")[0] for line in place.warnings] == [
        "gps: latitude",
        "gps: longitude",
    ]


def test_altitude() -> None:
    for reference, metres in ((1, -430), (b"\x01", -430), ("1", -430), (3, -430), (0, 430)):
        found = place_of({"GPSAltitude": 430.0, "GPSAltitudeRef": reference})
        assert found.altitude == metres, reference
    assert place_of({"GPSAltitude": "4305/10", "GPSAltitudeRef": "0"}).altitude == 430.5
    assert place_of({"GPSAltitude": NAN}).altitude is None
    assert place_of({"GPSAltitude": 430.0}).altitude == 430


def picture_with(path: Path, gps: dict[int, Any], xmp: str = "") -> Path:
    exif = Image.Exif()
    exif.get_ifd(0x8825).update(gps)
    beside: dict[str, Any] = {"xmp": xmp.encode()} if xmp else {}
    Image.new("RGB", (8, 8)).save(path, exif=exif, **beside)
    return path


def metadata(path: Path) -> dict[str, Any]:
    with open_picture(str(path), 1e9) as image:
        return probe_picture(image, str(path), "b2:0", 1).metadata


def test_in_a_file(tmp_path: Path) -> None:
    known = {1: "s", 2: SOUTH, 3: "West", 4: WEST, 5: b"\x01", 6: 430.0}
    found = metadata(picture_with(tmp_path / "a.jpg", known))["gps"]
    assert found["latitude"] == pytest.approx(HERE[0], abs=1e-6)
    assert found["longitude"] == pytest.approx(HERE[1], abs=1e-6)
    assert found["altitude"] == -430
    zero = IFDRational(0, 0)
    nothing = {1: "N", 2: (zero, zero, zero), 3: "E", 4: (zero, zero, zero)}
    assert "latitude" not in metadata(picture_with(tmp_path / "b.jpg", nothing))["gps"]


def test_xmp_goes_for_what_exif_lacks(tmp_path: Path) -> None:
    pytest.importorskip("defusedxml")
    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-'
        'syntax-ns#"><rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/" '
        'exif:GPSLatitude="33,51.48S" exif:GPSLongitude="70,12.66W" exif:GPSAltitude="4300/10" '
        'exif:GPSAltitudeRef="1"/></rdf:RDF></x:xmpmeta>'
    )
    found = metadata(picture_with(tmp_path / "a.jpg", {}, xmp))["gps"]
    assert found["latitude"] == pytest.approx(HERE[0], abs=1e-6)
    assert found["altitude"] == -430
    known = {1: "N", 2: (10, 0, 0), 3: "E", 4: (20, 0, 0)}
    assert metadata(picture_with(tmp_path / "b.jpg", known, xmp))["gps"]["latitude"] == 10


@pytest.mark.skipif(not (MEDIA.parent / "cases").is_dir(), reason="no cases beside the media")
class TestCases:
    pytestmark = needs_media

    def test_cases(self) -> None:
        cases = MEDIA.parent / "cases" / "30-pictures"
        lower = metadata(cases / "gps_lower.jpg")["gps"]
        assert (lower["latitude"], lower["longitude"]) == pytest.approx(HERE, abs=1e-3)
        assert metadata(cases / "gps_below_sea.jpg")["gps"]["altitude"] == -430
        reader = Reader(Limits())
        try:
            info = reader.probe(str(cases / "gps_lat120.jpg")).info
        except SourceError as error:
            pytest.fail(str(error))
        finally:
            reader.close()
        assert "latitude" not in info.metadata["gps"]
        assert any("out of range" in line for line in info.warnings)
