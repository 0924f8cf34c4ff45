"""Boxes that people drew, put among the objects that models found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..records import DrawnBox, SourceInfo
from ..storage.export.document import DetectedObject, Document, FrameNotes


def with_drawn(document: Document, boxes: Sequence[DrawnBox]) -> Document:
    """Return a document whose frames have the drawn boxes too, in order of time."""
    by_frame = {notes.frame: notes for notes in document.frame_notes}
    for box in boxes:
        notes = by_frame.get(box.frame) or FrameNotes(box.frame, box.seconds)
        drawn = _object(document.source, box)
        by_frame[box.frame] = replace(notes, things=(*notes.things, drawn))
    notes_of_all = tuple(sorted(by_frame.values(), key=lambda notes: notes.seconds))
    return replace(document, frame_notes=notes_of_all)


def _object(source: SourceInfo, box: DrawnBox) -> DetectedObject:
    """Return a box in pixels of the upright source."""
    across, down = source.width, source.height
    corner = box.x * across, box.y * down, box.width * across, box.height * down
    x, y, width, height = (round(value, 1) for value in corner)
    return DetectedObject(box.label, 1.0, (x, y, width, height), drawn=True)
