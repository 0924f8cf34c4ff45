"""`coco`: boxes and masks of all sources of a scan, in COCO's object detection layout.

Categories are numbered by name over the whole scan, so they come last. Boxes are in pixels of the
upright source, and so are masks: run lengths at the size of their image. A frame of a video is an
image called `video.mp4#frame=123`, which `core.sources.frame_address.open_frame` opens.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import Any

from ...protocol.addresses import frame_address
from ...records import SourceInfo
from ...text import file_uri
from . import masks
from .document import FORMAT_VERSION, DetectedObject, Document, FrameNotes, Summary
from .findings import has_objects
from .format import Format
from .shapes import dumps


class Coco:
    """Numbers images, annotations and categories as they come."""

    def __init__(self) -> None:
        self._categories: dict[str, int] = {}
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def head(self, summary: Summary) -> str:
        """Return nothing: COCO's lists are written when all are known."""
        return ""

    def body(self, document: Document) -> str:
        """Collect one source's frames and objects."""
        judged = _judgements(document)
        for notes in document.frame_notes:
            self._add(document, notes, judged.get(notes.frame))
        return ""

    def tail(self, summary: Summary) -> str:
        """Return everything."""
        categories = [
            {"id": number, "name": name, "supercategory": ""}
            for name, number in self._categories.items()
        ]
        info = {
            "description": f"sightline, profile {summary.profile}",
            "version": str(FORMAT_VERSION),
        }
        return (
            dumps(
                {
                    "info": info,
                    "licenses": [],
                    "images": self._images,
                    "annotations": self._annotations,
                    "categories": categories,
                },
                indent=None,
            )
            + "\n"
        )

    def _add(self, document: Document, notes: FrameNotes, judgement: str | None) -> None:
        image = _image(document.source, notes, len(self._images) + 1)
        if judgement is not None:
            image["judgement"] = judgement
        self._images.append(image)
        self._annotations += [self._annotation(image, n, thing)
                              for n, thing in enumerate(notes.things)]  # fmt: skip

    def _annotation(
        self, image: Mapping[str, Any], place: int, thing: DetectedObject
    ) -> dict[str, Any]:
        category = self._categories.setdefault(thing.label, len(self._categories) + 1)
        made = {
            "id": len(self._annotations) + place + 1,
            "image_id": image["id"],
            "category_id": category,
            "bbox": list(thing.box),
            "area": round(thing.box[2] * thing.box[3], 1),
            "iscrowd": 0,
            "score": thing.score,
            "track_id": thing.track,
        }
        if thing.drawn:
            made["drawn"] = True
        if thing.description is not None:
            made["description"] = thing.description["text"]
        if thing.mask is None:
            return made
        mask = masks.resized(thing.mask, image["height"], image["width"])
        return made | {"area": masks.area(mask), "segmentation": mask}


def _judgements(document: Document) -> dict[int, str]:
    """Return what a person said of the event that a frame is in, by frame."""
    frames = sorted(notes.frame for notes in document.frame_notes)
    found: dict[int, str] = {}
    for event in document.moments:
        judgement = document.event_judgements.get(event.number)
        if judgement is not None:
            first = bisect_left(frames, event.start_frame)
            inside = frames[first : bisect_right(frames, event.end_frame)]
            found |= dict.fromkeys(inside, judgement)
    return found


def _image(source: SourceInfo, notes: FrameNotes, number: int) -> dict[str, Any]:
    """Return the entry of a frame; `uri` is its exact address where a name is not UTF-8."""
    is_video = source.kind == "video"
    frame = notes.frame if is_video else None
    caption = {} if notes.caption is None else {"caption": notes.caption["text"]}
    return {
        "id": number,
        "file_name": frame_address(source.path, frame, source.asked_stream),
        "width": source.width,
        "height": source.height,
        "frame": notes.frame,
        "seconds": round(notes.seconds, 6),
        "uri": frame_address(file_uri(source.path), frame, source.asked_stream),
        "tags": [str(each["tag"]) for each in notes.tags],
        **caption,
    }


FORMAT = Format("coco", ".coco.json", "scan", "boxes and masks of a scan in COCO's layout", Coco,
                candidates=False, holds=has_objects, contains="objects")  # fmt: skip
