"""Sidecar files as other programs and hostile people write them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from core.errors import Unreadable
from core.sources.sidecars import MOST_BYTES, MOST_TAGS, SidecarMoment, read_sidecar

HEAD = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-'
    'syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmpDM="http://ns.adobe.com/'
    'xmp/1.0/DynamicMedia/"><rdf:Description>'
)
TAIL = "</rdf:Description></rdf:RDF></x:xmpmeta>"
SUBJECTS = (
    "<dc:subject><rdf:Seq><rdf:li>sea</rdf:li><rdf:li>sun, low</rdf:li></rdf:Seq></dc:subject>"
)
TITLES = (
    '<dc:description><rdf:Alt><rdf:li xml:lang="de">Meer</rdf:li><rdf:li xml:lang="x-default">'
    "the\n sea</rdf:li></rdf:Alt></dc:description>"
)
MARKERS = (
    '<xmpDM:Tracks><rdf:Bag><rdf:li rdf:parseType="Resource"><xmpDM:frameRate>f30000s1001'
    '</xmpDM:frameRate><xmpDM:markers><rdf:Seq><rdf:li rdf:parseType="Resource"><xmpDM:startTime>'
    "60</xmpDM:startTime><xmpDM:comment>bolt</xmpDM:comment></rdf:li></rdf:Seq></xmpDM:markers>"
    "</rdf:li></rdf:Bag></xmpDM:Tracks>"
)
LOL = '<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
FILE = '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'

SOUND: tuple[tuple[str, bytes, str, tuple[SidecarMoment, ...]], ...] = (
    ("a.txt", b"a red sea\n", "caption", (SidecarMoment(None, None, "a red sea", None),)),
    ("a.txt", b"sea, sun ,sea\n", "tags", (SidecarMoment(None, None, None, ("sea", "sun")),)),
    ("a.txt", b"\xef\xbb\xbfone\r\ntwo\r\nTags: x, y", "caption",
     (SidecarMoment(None, None, "one two", ("x", "y")),)),
    ("a.txt", "Mer\u00e9\n".encode("utf-16"), "caption",
     (SidecarMoment(None, None, "Mer\u00e9", None),)),
    ("a.txt", b"[00:01:02.500 frame 7] bolt\ntags: sky\n\n[83.5] more\nlines", "caption",
     (SidecarMoment(62.5, 7, "bolt", ("sky",)), SidecarMoment(83.5, None, "more lines", None))),
    ("a.txt", b"", "caption", ()),
    ("a.txt", b"tags:\n", "caption", (SidecarMoment(None, None, None, None),)),
    ("a.txt", b"red\x1b[31m \x00sea"[:9], "caption",
     (SidecarMoment(None, None, "red\ufffd[31m", None),)),
    ("a.xmp", f"{HEAD}{SUBJECTS}{TITLES}{TAIL}".encode(), "caption",
     (SidecarMoment(None, None, "the sea", ("sea", "sun  low")),)),
    ("a.xmp", f"{HEAD}{MARKERS}{TAIL}".encode(), "caption",
     (SidecarMoment(2.002, None, "bolt", None),)),
    ("a.xmp", f"{HEAD}{TAIL}".encode(), "caption", ()),
)  # fmt: skip
WRONG: tuple[tuple[str, bytes, str], ...] = (
    ("a.xmp", f"{LOL}{HEAD}&c;{TAIL}".encode(), "not an XMP file"),
    ("a.xmp", f"{FILE}{HEAD}&b;{TAIL}".encode(), "not an XMP file"),
    ("a.xmp", b'<!DOCTYPE a SYSTEM "http://example.org/a.dtd"><a/>', "not an XMP file"),
    ("a.xmp", b"", "not an XMP file"), ("a.xmp", b"\x89PNG", "not an XMP file"),
    ("a.xmp", f"{HEAD}{MARKERS}{TAIL}".replace(">60<", ">-1e9<").encode(), "not a number"),
    ("a.txt", b"\x00\x01\x02", "not a text file"), ("a.txt", b"M\xe9er", "not UTF-8"),
    ("a.txt", b"[99:99:99:99:99] x", "is not a time"), ("a.txt", b"x" * (MOST_BYTES + 1), "8 MiB"),
)  # fmt: skip


def test_sidecars_of_other_programs_are_read(tmp_path: Path) -> None:
    for name, data, plain, moments in SOUND:
        (tmp_path / name).write_bytes(data)
        found = read_sidecar(str(tmp_path / name), "tags" if plain == "tags" else "caption")
        assert found.moments == moments, data


def test_what_is_no_sidecar_is_refused_with_a_reason(tmp_path: Path) -> None:
    for name, data, words in WRONG:
        (tmp_path / name).write_bytes(data)
        with pytest.raises(Unreadable, match=words):
            read_sidecar(str(tmp_path / name))


def test_a_pipe_is_no_sidecar_and_is_not_waited_for(tmp_path: Path) -> None:
    for name in ("a.txt", "a.xmp"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(Unreadable, match="not a file"):
            read_sidecar(str(tmp_path / name))


def test_huge_and_deep_sidecars_take_no_time(tmp_path: Path) -> None:
    many = "".join(f"<rdf:li>tag{n}</rdf:li>" for n in range(100_000))
    subject = f"<dc:subject><rdf:Bag>{many}</rdf:Bag></dc:subject>"
    deep = "<a>" * 50_000 + "</a>" * 50_000
    began = time.process_time()
    (tmp_path / "a.xmp").write_text(f"{HEAD}{subject}{deep}{TAIL}")
    (moment,) = read_sidecar(str(tmp_path / "a.xmp")).moments
    assert moment.tags is not None and len(moment.tags) == MOST_TAGS
    (tmp_path / "a.txt").write_text("[00:00:01.000] x\n" * 300_000)
    assert len(read_sidecar(str(tmp_path / "a.txt")).moments) == 100_000
    assert time.process_time() - began < 20
