"""`xmp`: caption and tags as an XMP sidecar that photo and video editors read.

Of a picture `dc:description` and `dc:subject`; of a video markers of the track `sightline`, with
times in milliseconds (`xmpDM:frameRate` is `f1000`). Adobe, "XMP Specification", part 1 (packet,
`dc`) and part 2 (`xmpDM`: Marker, Track). `sightline:content` names the content exactly.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from ...version import sightline_version
from .document import Document
from .format import Format
from .noted import NotedFrame, has_notes, noted_frames
from .parts import OutputFiles, Parts

NAMES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmpDM": "http://ns.adobe.com/xmp/1.0/DynamicMedia/",
    "sightline": "urn:sightline:1",
}
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def render(document: Document, beside: OutputFiles) -> Parts:
    """Return `.xmp`, in UTF-8."""
    for prefix, address in NAMES.items():
        register_namespace(prefix, address)
    top = Element(_name("x:xmpmeta"), {_name("x:xmptk"): f"sightline {sightline_version()}"})
    about = SubElement(SubElement(top, _name("rdf:RDF")), _name("rdf:Description"))
    about.set(_name("rdf:about"), "")
    SubElement(about, _name("sightline:content")).text = document.source.content
    noted = list(noted_frames(document))
    if document.source.kind == "video":
        _add_markers(about, noted)
    else:
        _add_picture(about, noted[0])
    text = tostring(top, encoding="unicode", short_empty_elements=True)
    return {".xmp": f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'}


def _add_picture(about: Element, noted: NotedFrame) -> None:
    if noted.caption:
        item = _list(about, "dc:description", "rdf:Alt", [noted.caption])[0]
        item.set(_LANGUAGE, "x-default")
    if noted.tags:
        _list(about, "dc:subject", "rdf:Bag", noted.tags)


def _add_markers(about: Element, noted: Iterable[NotedFrame]) -> None:
    track = _list(about, "xmpDM:Tracks", "rdf:Bag", [""])[0]
    track.set(_name("rdf:parseType"), "Resource")
    for name, value in (("trackName", "sightline"), ("trackType", "Comment"),
                        ("frameRate", "f1000")):  # fmt: skip
        SubElement(track, _name(f"xmpDM:{name}")).text = value
    frames = list(noted)
    for item, each in zip(
        _list(track, "xmpDM:markers", "rdf:Seq", [""] * len(frames)), frames, strict=True
    ):
        item.set(_name("rdf:parseType"), "Resource")
        SubElement(item, _name("xmpDM:startTime")).text = str(round(each.seconds * 1000))
        SubElement(item, _name("sightline:frame")).text = str(each.frame)
        if each.caption:
            SubElement(item, _name("xmpDM:comment")).text = each.caption
        if each.tags:
            _list(item, "dc:subject", "rdf:Bag", each.tags)


def _list(parent: Element, name: str, kind: str, texts: Iterable[str]) -> list[Element]:
    """Add an RDF container and return its items."""
    container = SubElement(SubElement(parent, _name(name)), _name(kind))
    items = []
    for text in texts:
        items.append(SubElement(container, _name("rdf:li")))
        items[-1].text = text or None
    return items


def _name(name: str) -> str:
    prefix, _, local = name.partition(":")
    return f"{{{NAMES[prefix]}}}{local}"


FORMAT = Format(
    "xmp",
    ".xmp",
    "source",
    "caption and tags as an XMP sidecar; of a video as markers",
    render,
    holds=has_notes,
    contains="captions or tags",
    sidecar=True,
    candidates=False,
)
