"""`yolo`: objects of a scan as a data set in the layout of Ultralytics' YOLO, in `scan.yolo/`.

`labels/NAME.txt` holds a line for each object of a frame: its class, then centre and size of its
box, or the outline of its mask, as shares of width and height (docs.ultralytics.com/datasets,
read in November 2026). `images/NAME.jpg` is that frame, `images.csv` says which of which source,
`classes.txt` and `data.yaml` name the classes. Where a source has masks, objects without one have
the corners of their box, since one file may not mix boxes with outlines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np

from ...protocol.addresses import frame_address
from ...text import clean, file_uri
from .cells import rows_text, text_cell
from .document import DetectedObject, Document, FrameNotes, Summary
from .findings import has_objects
from .format import Format
from .masks import decoded
from .parts import Content
from .polygons import polygon

_HEAD = ("label_file", "source", "uri", "frame", "seconds", "width", "height")
_NO_IMAGES = "# no image was written, so there is no folder to train on\n"
"""in place of `train` and `val`, which would name a folder that does not exist"""
File = tuple[str, Content]


class Yolo:
    """Numbers classes as they come, and lists the frames."""

    def __init__(self) -> None:
        self._classes: dict[str, int] = {}
        self._rows: list[Sequence[object]] = []
        self._has_images = False

    def body(self, document: Document, stem: str) -> Iterator[File]:
        """Yield the files of one source: those of frames in which objects were looked for."""
        outlines = any(thing.mask for notes in document.frame_notes for thing in notes.things)
        names: dict[int, str] = {}
        for notes in document.frame_notes:
            if notes.things or "objects" in notes.stages:
                names[notes.frame] = name = _name(document, stem, notes.frame)
                self._rows.append(_row(document, notes, name))
                yield f"labels/{name}.txt", self._lines(document, notes.things, outlines)
        if document.frame_pictures is not None and names:
            times = {n.frame: n.seconds for n in document.frame_notes if n.frame in names}
            for frame, jpeg in document.frame_pictures(times):
                self._has_images = True
                yield f"images/{names[frame]}.jpg", jpeg

    def tail(self, summary: Summary) -> Iterator[File]:
        """Yield the files of the whole scan."""
        names = [clean(name) for name in self._classes]
        yield "classes.txt", "".join(f"{name}\n" for name in names)
        yield "images.csv", rows_text([_HEAD, *self._rows])
        listed = (
            f"  {n}: {json.dumps(name, ensure_ascii=False)}\n" for n, name in enumerate(names)
        )
        classes = "names:\n" + "".join(listed) if names else "names: {}\n"
        images = "train: images\nval: images\n" if self._has_images else _NO_IMAGES
        yield "data.yaml", f"path: .\n{images}nc: {len(names)}\n{classes}"

    def _lines(self, document: Document, things: Sequence[DetectedObject], outlines: bool) -> str:
        lines = []
        for thing in things:
            number = self._classes.setdefault(thing.label, len(self._classes))
            shares = _shares(document, thing, outlines)
            if shares:
                lines.append(" ".join([str(number), *(f"{share:.6f}" for share in shares)]) + "\n")
        return "".join(lines)


def _name(document: Document, stem: str, frame: int) -> str:
    return stem if document.source.kind == "picture" else f"{stem}.frame{frame:06d}"


def _row(document: Document, notes: FrameNotes, name: str) -> Sequence[object]:
    source = document.source
    frame = notes.frame if source.kind == "video" else None
    return (
        text_cell(f"{name}.txt"),
        text_cell(frame_address(source.path, frame, source.asked_stream)),
        frame_address(file_uri(source.path), frame, source.asked_stream),
        notes.frame, round(notes.seconds, 6), source.width, source.height,
    )  # fmt: skip


def _shares(document: Document, thing: DetectedObject, outlines: bool) -> list[float]:
    """Return the numbers behind the class; none for what lies outside of the picture."""
    size = np.array([max(document.source.width, 1), max(document.source.height, 1)])
    corner = np.array(thing.box[:2])
    first, last = (np.clip(each / size, 0, 1) for each in (corner, corner + thing.box[2:]))
    if (last <= first).any():
        return []
    if not outlines:
        return [*((first + last) / 2).tolist(), *(last - first).tolist()]
    outline = polygon(decoded(thing.mask)) if thing.mask else np.zeros((0, 2))
    if len(outline) and thing.mask:
        height, width = thing.mask["size"]
        return [float(each) for each in (outline / (width, height)).ravel()]
    (left, top), (right, bottom) = first.tolist(), last.tolist()
    return [left, top, right, top, right, bottom, left, bottom]


FORMAT = Format("yolo", ".yolo", "folder", "objects as a data set for YOLO, with images", Yolo,
                frames=True, candidates=False, holds=has_objects, contains="objects")  # fmt: skip
