"""`coco`: boxes and masks of all sources of a scan, in COCO's object detection layout.

Categories are numbered by name over the whole scan, so they come last. Masks are run lengths at
the size of the frame the model was shown (`segmentation.size`), boxes in source pixels.
"""

from __future__ import annotations

from typing import Any

from .document import FORMAT_VERSION, DetectedObject, Document, FrameNotes, Summary
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
        for notes in document.frame_notes:
            self._add(document, notes)
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

    def _add(self, document: Document, notes: FrameNotes) -> None:
        image = len(self._images) + 1
        self._images.append(
            {
                "id": image,
                "file_name": document.source.path,
                "width": document.source.width,
                "height": document.source.height,
                "frame": notes.frame,
                "seconds": round(notes.seconds, 6),
            }
        )
        self._annotations += [self._annotation(image, n, thing)
                              for n, thing in enumerate(notes.things)]  # fmt: skip

    def _annotation(self, image: int, place: int, thing: DetectedObject) -> dict[str, Any]:
        category = self._categories.setdefault(thing.label, len(self._categories) + 1)
        made = {
            "id": len(self._annotations) + place + 1,
            "image_id": image,
            "category_id": category,
            "bbox": list(thing.box),
            "area": round(thing.box[2] * thing.box[3], 1),
            "iscrowd": int(thing.mask is not None),
            "score": thing.score,
            "track_id": thing.track,
        }
        return made if thing.mask is None else {**made, "segmentation": thing.mask}


FORMAT = Format("coco", ".coco.json", "scan", "boxes and masks of a scan in COCO's layout", Coco)
