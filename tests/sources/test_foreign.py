"""Files that are no pictures, whatever they are called: refused, and nothing runs on them."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from core.config.screening_settings import Limits
from core.errors import TooLarge, Unreadable
from core.sources import formats
from core.sources.foreign import foreign_kind
from core.sources.reader import Reader
from core.system.child_environment import child_environment
from tests.sources.reading import REPOSITORY

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 30\n%%EndComments\nshowpage\n%%EOF\n"
SECRETS = {
    "HF_TOKEN": "hf_4711",
    "AWS_SECRET_ACCESS_KEY": "4711",
    "MY_PASSWORD": "4711",
    "HTTPS_PROXY": "http://me:4711@proxy:8080",
    "SIGHTLINE_ENDPOINT_KEY": "4711",
    "PYTHON_KEYRING_PASSWORD": "4711",
    "LD_SOMETHING": "http://me:4711@host/",
    "UNHEARD_OF": "4711",
}


@pytest.fixture
def told_secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    reader = Reader(Limits(max_megapixels=100))
    yield reader
    reader.close()


def test_postscript_starts_nothing_and_the_reader_knows_no_secret(
    told_secrets: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "gs").write_text(f"#!/bin/sh\necho ran >> {ran}\nexit 1\n")
    (tmp_path / "bin" / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    for name in ("photo.jpg", "photo.eps", "photo.mp4", "photo"):
        (tmp_path / name).write_bytes(EPS)
        with pytest.raises(Unreadable, match="this is PostScript, which sightline does not read"):
            told_secrets.probe(str(tmp_path / name))
    assert not ran.exists()
    if sys.platform == "linux":
        process = told_secrets._process
        assert process is not None
        environment = Path(f"/proc/{process.pid}/environ").read_bytes()
        assert b"4711" not in environment
        names = {line.partition(b"=")[0].decode() for line in environment.split(b"\x00")}
        assert "PATH" in names and not names & set(SECRETS)


def test_a_child_gets_what_is_listed_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**SECRETS, "OMP_NUM_THREADS": "1", "TMUX": "/tmp/t", "LC_ALL": "C"}.items():
        monkeypatch.setenv(name, value)
    given = child_environment({"MALLOC_ARENA_MAX": "2"}, also=("TMUX",))
    assert not set(SECRETS) & set(given)
    assert given["OMP_NUM_THREADS"] == "1" and given["LC_ALL"] == "C"
    assert given["TMUX"] == "/tmp/t" and given["MALLOC_ARENA_MAX"] == "2"
    assert "TMUX" not in child_environment()


_TRIES = """
import os, subprocess, sys
from core.sources.child import start_no_program
sys.addaudithook(start_no_program)
for attempt in (
    lambda: subprocess.run(["true"]),
    lambda: os.system("true"),
    lambda: os.posix_spawn("/bin/true", ["true"], {}),
    lambda: os.execv("/bin/true", ["true"]),
    os.fork,
):
    try:
        attempt()
    except PermissionError:
        print("refused")
"""


def test_a_reader_cannot_start_programs() -> None:
    said = subprocess.run(
        [sys.executable, "-c", _TRIES], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["refused"] * 5


def test_no_parser_but_the_listed_ones_is_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.init()
    tried = []

    def trap(name: str) -> object:
        return lambda *_: tried.append(name)

    for name in set(Image.OPEN) - set(formats.FORMATS):
        monkeypatch.setitem(Image.OPEN, name, (trap(name), trap(name)))
    for content in (EPS, b"SIMPLE  =  T", b"P7 332\n", b"\xd7\xcd\xc6\x9a", b"nothing known"):
        (tmp_path / "a.jpg").write_bytes(content.ljust(600))
        with pytest.raises(Exception, match="cannot identify"):
            formats.open_listed(str(tmp_path / "a.jpg"))
    assert tried == []
    assert "EPS" not in formats.FORMATS


def test_what_it_really_is(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    for content, kind in (
        (EPS, "PostScript"),
        (b"\xc5\xd0\xd3\xc6" + bytes(28), "PostScript"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\xef\xbb\xbf\n <!DOCTYPE html><html>", "HTML page"),
        (b"<HTML><head>", "HTML page"),
        ("<!doctype html>".encode("utf-16"), "HTML page"),
        (b'<?xml version="1.0"?>\n<!-- x --><svg xmlns="http://www.w3.org/2000/svg">', "SVG"),
        (b'<?xml version="1.0"?><feed>', "XML"),
        (b"8BPS\x00\x01", "Photoshop"),
        (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\xd7\xcd\xc6\x9a", "WMF"),
        (b"SIMPLE  =                    T", "FITS"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "FlashPix"),
        (b"P7 332\n", "XV thumbnail"),
        (b"PK\x03\x04", "ZIP"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (bytes(128) + b"DICM", "DICOM"),
    ):
        path.write_bytes(content)
        assert kind in foreign_kind(str(path)), content
    for picture in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "TGA", "ICO", "AVIF"):
        Image.new("RGB", (16, 16)).save(path, picture)
        assert foreign_kind(str(path)) == "", picture


def test_zeros_and_text_are_named(reader: Reader, tmp_path: Path) -> None:
    for content, words in ((bytes(5000), "nothing but zeros"), (b"Dear all,\n" * 9, "holds text")):
        (tmp_path / "photo.jpg").write_bytes(content)
        with pytest.raises(Unreadable, match=words) as raised:
            reader.probe(str(tmp_path / "photo.jpg"))
        assert "\n" not in str(raised.value)


def encoded(ending: str, **options: object) -> bytearray:
    out = io.BytesIO()
    first, second = (Image.new("RGB", (8, 8), (level, 9, 9)) for level in (9, 90))
    if options.pop("animated", False):
        options |= {"save_all": True, "append_images": [second]}
    first.save(out, ending, **options)
    return bytearray(out.getvalue())


def with_size(data: bytearray, at: int, code: str, side: int) -> bytes:
    struct.pack_into(code, data, at, side, side)
    return bytes(data)


def png_of(side: int, *, animated: bool = False) -> bytes:
    data = encoded("PNG", animated=animated)
    struct.pack_into(">II", data, 16, side, side)
    struct.pack_into(">I", data, 29, zlib.crc32(data[12:29]))
    return bytes(data)


def icon_of(side: int) -> bytes:
    data = encoded("ICO", sizes=[(8, 8)])
    return with_size(data, data.find(b"IHDR") + 4, ">II", side)


def test_the_size_is_the_reason(told_secrets: Reader, tmp_path: Path) -> None:
    jpeg, avif = encoded("JPEG"), encoded("AVIF")
    webp = encoded("WEBP", animated=True, lossless=True)
    webp[24:30] = b"\xff\x3f\x00" * 2
    bombs = {
        "a.jpg": with_size(jpeg, jpeg.find(b"\xff\xc0") + 5, ">HH", 60_000),
        "a.png": png_of(60_000),
        "animated.png": png_of(60_000, animated=True),
        "a.gif": with_size(encoded("GIF"), 6, "<HH", 65_535),
        "animated.gif": with_size(encoded("GIF", animated=True), 6, "<HH", 65_535),
        "a.bmp": with_size(encoded("BMP"), 18, "<II", 60_000),
        "a.tga": with_size(encoded("TGA"), 12, "<HH", 60_000),
        "a.ppm": b"P6\n60000 60000\n255\n" + bytes(192),
        "a.avif": with_size(avif, avif.find(b"ispe") + 8, ">II", 60_000),
        "a.ico": icon_of(60_000),
        "animated.webp": bytes(webp),
        "animated.mp4": bytes(webp),
    }
    for name, content in bombs.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(TooLarge, match=r"^\d{5}x\d{5} is over limits\.max_megapixels = 100"):
            told_secrets.probe(str(tmp_path / name))
