"""What is to be said of the frames of a source: a person's caption and tags, else a model's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ...text import clean
from .document import Document, FrameNotes


@dataclass(frozen=True, slots=True)
class NotedFrame:
    """Caption and tags of one frame; neither holds a control character or a line end."""

    frame: int
    seconds: float
    caption: str
    tags: tuple[str, ...]


def noted_frames(document: Document) -> Iterator[NotedFrame]:
    """Yield the frames with a caption or tags, in order."""
    said = {notes.frame: notes for notes in document.frame_notes}
    remarks = {int(each["frame"]): each for each in document.remarks}
    for frame in sorted(said.keys() | remarks.keys()):
        found = _noted(document, frame, said.get(frame), remarks.get(frame, {}))
        if found.caption or found.tags:
            yield found


def has_notes(document: Document) -> bool:
    """Return whether there is a caption or tag of any frame."""
    return next(noted_frames(document), None) is not None


def _noted(
    document: Document, frame: int, notes: FrameNotes | None, remark: dict[str, Any]
) -> NotedFrame:
    caption, tags = remark.get("caption"), remark.get("tags")
    if caption is None:
        caption = str((notes.caption or {}).get("text") or "") if notes else ""
    if tags is None:
        tags = [str(tag.get("tag", "")) for tag in notes.tags] if notes else []
    seconds = notes.seconds if notes else _seconds(document, frame)
    shown = (clean(str(tag).replace(",", " ")).strip() for tag in tags)
    return NotedFrame(
        frame, seconds, clean(caption, limit=10_000).strip(), tuple(tag for tag in shown if tag)
    )


def _seconds(document: Document, frame: int) -> float:
    """Return the time of a frame: that of an event's peak, else by the frame rate."""
    peaks = {each.peak_frame: each.peak_seconds for each in document.moments}
    if frame in peaks:
        return peaks[frame]
    return frame / document.source.frame_rate if document.source.frame_rate else 0.0
