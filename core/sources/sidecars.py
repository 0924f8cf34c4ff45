"""Reading captions and tags from sidecar files: `.txt` and `.xmp`, whoever wrote them.

Nothing in them is trusted: at most `MOST_BYTES`, XML without a document type (so without entities),
no address in it is followed, and texts are bounded and free of control characters.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ..errors import Unreadable
from ..text import clean
from ..times import parse_time

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

Plain = Literal["caption", "tags"]
MOST_BYTES = 8 * 1024 * 1024
MOST_CHARACTERS = 10_000
MOST_TAGS = 200
MOST_MOMENTS = 100_000
_MOMENT = re.compile(r"\[(?P<time>[\d:.]{1,20})(?: frame (?P<frame>\d{1,12}))?\]\s*(?P<text>.*)")
_TAGS = re.compile(r"tags:\s*(.*)", re.IGNORECASE)
_DC = "{http://purl.org/dc/elements/1.1/}"
_DM = "{http://ns.adobe.com/xmp/1.0/DynamicMedia/}"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_OURS = "{urn:sightline:1}"
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_RATE = re.compile(r"f(\d{1,9})(?:s(\d{1,9}))?")


@dataclass(frozen=True, slots=True)
class SidecarMoment:
    """What a sidecar says of one moment: None for what it does not mention.

    `seconds` is None for the whole file, as of a picture; `frame` where it is known exactly.
    """

    seconds: float | None
    frame: int | None
    caption: str | None
    tags: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Sidecar:
    """The moments of a sidecar; `content` is that of the file it is about, empty if unknown."""

    moments: tuple[SidecarMoment, ...]
    content: str = ""


def read_sidecar(path: str, plain: Plain = "caption") -> Sidecar:
    """Return what a sidecar says. Raises Unreadable, or OSError.

    Text without a line `tags:` is a caption, or with `plain` tags separated by commas.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):  # reading a pipe would wait for its other end
        raise Unreadable("not a file")
    with open(path, "rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise Unreadable("a sidecar file has at most 8 MiB")
    if path.lower().endswith(".xmp"):
        return _of_xmp(data)
    if b"\0" in data[:4096] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("not a text file")
    return Sidecar(tuple(_of_text(_decoded(data), plain)))


def _decoded(data: bytes) -> str:
    is_utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return data.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable("the text is not UTF-8; save it as UTF-8") from error


def _of_text(text: str, plain: Plain) -> Iterator[SidecarMoment]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    starts = [n for n, line in enumerate(lines) if _MOMENT.fullmatch(line)]
    if not starts:
        if lines:
            yield _moment(None, None, lines, plain)
        return
    for start, end in zip(starts[:MOST_MOMENTS], [*starts[1:], len(lines)], strict=False):
        found = _MOMENT.fullmatch(lines[start])
        assert found is not None
        frame = int(found["frame"]) if found["frame"] else None
        rest = [line for line in (found["text"], *lines[start + 1 : end]) if line]
        yield _moment(_time(found["time"]), frame, rest, plain)


def _time(text: str) -> float:
    try:
        return parse_time(text)
    except ValueError as error:
        raise Unreadable(f"'{clean(text)}' is not a time; write [00:01:23.500]") from error


def _moment(
    seconds: float | None, frame: int | None, lines: Sequence[str], plain: Plain
) -> SidecarMoment:
    tagged = [found[1] for line in lines if (found := _TAGS.fullmatch(line))]
    said = [line for line in lines if not _TAGS.fullmatch(line)]
    if plain == "tags" and not tagged:
        tagged, said = said, []
    tags = _bounded(tag for line in tagged for tag in line.split(","))
    caption = _text(" ".join(said)) if said else None
    return SidecarMoment(seconds, frame, caption, tags or None)


def _of_xmp(data: bytes) -> Sidecar:
    from defusedxml.ElementTree import fromstring

    try:
        top = fromstring(data, forbid_dtd=True)
    except Exception as error:  # what is no XML, or has a document type
        raise Unreadable(f"not an XMP file ({type(error).__name__})") from error
    content = next((each.text or "" for each in top.iter(f"{_OURS}content")), "")
    markers = list(_markers(top))
    if markers:
        return Sidecar(tuple(markers), content)
    caption, tags = _caption(top), _subjects(top)
    if caption is None and tags is None:
        return Sidecar((), content)
    return Sidecar((SidecarMoment(None, None, caption, tags),), content)


def _caption(top: Element) -> str | None:
    items = [each for found in top.iter(f"{_DC}description") for each in found.iter(f"{_RDF}li")]
    items.sort(key=lambda each: each.get(_LANGUAGE) != "x-default")
    texts = [text for each in items if (text := _text("".join(each.itertext())))]
    return texts[0] if texts else None


def _subjects(top: Element) -> tuple[str, ...] | None:
    found = [each for subject in top.iter(f"{_DC}subject") for each in subject.iter(f"{_RDF}li")]
    return _bounded("".join(each.itertext()) for each in found) or None


def _markers(top: Element) -> Iterator[SidecarMoment]:
    count = 0
    for track in top.iter(f"{_RDF}li"):
        markers = track.find(f".//{_DM}markers")
        if markers is None:
            continue
        rate = _rate(track.findtext(f".//{_DM}frameRate") or "")
        for item in markers.iter(f"{_RDF}li"):
            start = item.findtext(f"{_DM}startTime")
            if start is not None and count < MOST_MOMENTS:
                count += 1
                yield _marker(item, start, rate)


def _marker(item: Element, start: str, rate: float) -> SidecarMoment:
    frame = item.findtext(f"{_OURS}frame") or ""
    caption = _text(item.findtext(f"{_DM}comment") or item.findtext(f"{_DM}name") or "")
    number = start.strip()
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise Unreadable(f"the start of a marker is '{clean(number, limit=40)}', not a number")
    exact = int(frame) if frame.isascii() and frame.isdigit() and len(frame) < 13 else None
    return SidecarMoment(round(int(number) / rate, 6), exact, caption or None, _subjects(item))


def _rate(text: str) -> float:
    """Return units per second of times: `f25`, `f30000s1001`; 254016000000 ticks where unsaid."""
    found = _RATE.fullmatch(text.strip())
    if found is None or not int(found[1]):
        return 254_016_000_000.0
    return int(found[1]) / max(int(found[2] or 1), 1)


def _bounded(tags: Iterator[str]) -> tuple[str, ...]:
    shown = (clean(tag.replace(",", " "), limit=200).strip() for tag in tags)
    return tuple(dict.fromkeys(tag for tag in shown if tag))[:MOST_TAGS]


def _text(text: str) -> str:
    return clean(" ".join(text[: 2 * MOST_CHARACTERS].split()), limit=MOST_CHARACTERS)
