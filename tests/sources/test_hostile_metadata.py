"""Metadata that is absurd or meant to harm: it breaks and delays no probe, and no filter."""

from __future__ import annotations

import io
import json
import struct
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from core.sources.metadata import MAX_CHARACTERS, MAX_FIELDS, picture_metadata
from core.sources.picture import open_picture, picture_colour, probe_picture
from core.storage import source_facts

Entry = tuple[int, int, int, bytes]
MAKE, MODEL, DATE, EXIF, GPS, LENS = 0x10F, 0x110, 0x132, 0x8769, 0x8825, 0xA434


def number(value: int) -> bytes:
    return struct.pack("<I", value)


def exif(entries: Sequence[Entry], following: int = 0, rest: bytes = b"") -> bytes:
    """Return a TIFF block with one directory; `rest` comes behind it."""
    rows = b"".join(struct.pack("<HHI", tag, kind, n) + value for tag, kind, n, value in entries)
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries))
    return head + rows + number(following) + rest


def text(tag: int, value: bytes) -> bytes:
    return exif([(tag, 2, len(value), number(26))], rest=value)


def jpeg(marker: bytes, block: bytes) -> io.BytesIO:
    plain = io.BytesIO()
    Image.new("RGB", (32, 24)).save(plain, "JPEG")
    body = marker + block
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    return io.BytesIO(plain.getvalue()[:2] + segment + plain.getvalue()[2:])


def gps(north: tuple[int, int], east: tuple[int, int]) -> bytes:
    """Return EXIF with a place of one rational each: degrees, over what."""
    place = 8 + 2 + 12 + 4
    rows = struct.pack("<H", 4)
    values = place + 2 + 4 * 12 + 4
    for tag, kind, value in ((1, 2, b"N\0\0\0"), (2, 5, number(values)), (3, 2, b"E\0\0\0"),
                             (4, 5, number(values + 8))):  # fmt: skip
        rows += struct.pack("<HHI", tag, kind, 2 if kind == 2 else 1) + value
    rationals = b"".join(map(number, (*north, *east)))
    return exif([(GPS, 4, 1, number(place))], rest=rows + number(0) + rationals)


CASES: tuple[tuple[str, bytes, str | None, str, bool], ...] = (
    # name, block, date, camera, whether the place is known
    ("a directory that is its own part", exif([(EXIF, 4, 1, number(8))]), None, "", False),
    ("two of them", exif([(GPS, 4, 1, number(8)), (EXIF, 4, 1, number(8))]), None, "", False),
    ("a directory that follows itself", exif([(MAKE, 2, 4, b"abc\0")], 8), None, "abc", False),
    ("a count of 4 billion", exif([(MAKE, 2, 0xFFFFFFFF, number(8))]), None, "", False),
    ("an offset beyond the end", exif([(EXIF, 4, 1, number(0xFFFFFFF0))]), None, "", False),
    ("a year 0", text(DATE, b"0000:00:00 00:00:00\0"), None, "", False),
    ("a month 13", text(DATE, b"2024:13:40 25:61:61\0"), None, "", False),
    ("a date in words", text(DATE, b"yesterday evening\0"), None, "", False),
    ("the zero of Unix", text(DATE, b"1970:01:01 00:00:00\0"), None, "", False),
    ("a date", text(DATE, b"2024:06:30 21:15:07\0"), "2024-06-30T21:15:07", "", False),
    ("NUL within", text(MAKE, b"Ca\0non\0\0\0"), None, "canon", False),
    ("escapes", text(MAKE, b"Ca\x1b[31mnon\0"), None, "ca\x1b[31mnon", False),
    ("60,000 letters", text(MAKE, b"A" * 60_000), None, "a" * MAX_CHARACTERS, False),
    ("a place", gps((46, 1), (7, 1)), None, "", True),
    ("a place out of range", gps((146, 1), (7, 1)), None, "", False),
    ("a place over 0", gps((46, 0), (7, 0)), None, "", False),
)


@pytest.mark.parametrize(("block", "date", "camera", "located"), [
    pytest.param(*each[1:], id=each[0]) for each in CASES
])  # fmt: skip
def test_exif(block: bytes, date: str | None, camera: str, located: bool) -> None:
    began = time.process_time()
    ignored = warnings.catch_warnings(action="ignore")
    with ignored, Image.open(jpeg(b"Exif\0\0", block)) as image:
        metadata, _ = picture_metadata(image)
    info = json.dumps({"metadata": metadata})
    found = (
        source_facts.captured(info, None), source_facts.camera(info),
        source_facts.distance_km(info, 0.0, 0.0) is not None,
    )  # fmt: skip
    assert found == (date, camera, located)
    assert time.process_time() - began < 2


@pytest.mark.parametrize("body", [
    '<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><a>&b;</a>',
    '<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><a>&a;</a>',
    "<a>" * 9000 + "</a>" * 9000, "<a><b></a>", "\x00\x00", "",
], ids=["entities", "a file", "deep", "wrong", "NUL", "empty"])  # fmt: skip
def test_xmp(body: str) -> None:
    block = f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{body}</x:xmpmeta>'
    if body.startswith("<!"):
        block = body
    with Image.open(jpeg(b"http://ns.adobe.com/xap/1.0/\0", block.encode())) as image:
        metadata, said = picture_metadata(image)
    assert "passwd" not in json.dumps(metadata) and "root:" not in json.dumps(metadata)
    assert all("xmp cannot be read" in line for line in said)


def test_huge_texts_cost_only_themselves(tmp_path: Path) -> None:
    xmp = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><a>{}</a></x:xmpmeta>'
    huge, few = "A" * (3 << 20), xmp.format("sea")
    for name, texts in (
        ("one", [("Comment", huge)]), ("many", [(f"c{n}", huge[: 1 << 20]) for n in range(70)]),
    ):  # fmt: skip
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", few, zip=True)
        for key, value in texts:
            info.add_text(key, value, zip=True)
            info.add_itxt(key, value, zip=True)
        path = str(tmp_path / f"{name}.png")
        Image.new("RGB", (32, 24), (9, 99, 9)).save(path, pnginfo=info)
        with open_picture(path, 1e6) as image:
            found = probe_picture(image, path, "b2:0", 1)
        assert found.warnings == ("text of more than 1 MiB is ignored",)
        assert found.metadata["xmp"] == {"a": "sea"}
        with open_picture(path, 1e6) as image:
            assert picture_colour(image, path, 32)[0, 0].tolist() == [9, 99, 9]
    tiff = ImageFileDirectory_v2()
    many = "".join(f"<a{n}>x</a{n}>" for n in range(150_000))
    tiff[700] = xmp.format(many).encode()
    tiff.tagtype[700] = 1
    Image.new("RGB", (8, 8)).save(tmp_path / "a.tif", tiffinfo=tiff)
    began = time.process_time()
    with Image.open(tmp_path / "a.tif") as image:
        assert picture_metadata(image)[1] == ["xmp cannot be read (TooLarge)"]
    assert time.process_time() - began < 0.5


def test_fields_are_bounded_and_survive_the_library() -> None:
    many = exif([(0xC000 + n, 2, 4, b"abc\0") for n in range(5000)])
    began = time.process_time()
    with Image.open(jpeg(b"Exif\0\0", many)) as image:
        metadata, _ = picture_metadata(image)
    assert len(metadata["exif"]) <= MAX_FIELDS
    assert time.process_time() - began < 5
    info = json.dumps({"metadata": {"exif": [1], "gps": 3, "xmp": {"CreateDate": 7}, "date": {}}})
    assert source_facts.captured(info, None) is None
    assert (source_facts.camera(info), source_facts.lens(info)) == ("", "")
    assert source_facts.distance_km(info, 0.0, 0.0) is None


def test_lens_and_camera_of_each_origin() -> None:
    for metadata, camera, lens in (
        ({"exif": {"Make": "Canon", "LensMake": "Sigma", "LensModel": "18-35"}}, "canon",
         "sigma 18-35"),
        ({"xmp": {"Make": "Sony", "Model": "A7", "Lens": "FE 35mm"}}, "sony a7", "fe 35mm"),
        ({"com.apple.quicktime.make": "Apple", "com.apple.quicktime.model": "iPhone 15",
          "com.apple.quicktime.camera.lens_model": "back 6.7mm"}, "apple iphone 15",
         "back 6.7mm"),
    ):  # fmt: skip
        info = json.dumps({"metadata": metadata})
        assert (source_facts.camera(info), source_facts.lens(info)) == (camera, lens)
