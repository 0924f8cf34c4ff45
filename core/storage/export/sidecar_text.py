"""`sidecar`: caption and tags of a picture, or of the frames of a video, as a text file.

Of a picture the caption, and a line `tags: ...`. Of a video for each frame a line
`[00:00:01.360 frame 34] caption` and its tags below. `core.sources.sidecars` reads both.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...times import timecode
from .document import Document
from .format import Format
from .noted import NotedFrame, has_notes, noted_frames
from .parts import OutputFiles, Parts


def render(document: Document, beside: OutputFiles) -> Parts:
    """Return `.txt`, in UTF-8."""
    is_video = document.source.kind == "video"
    blocks = ("\n".join(_block(each, is_video)) for each in noted_frames(document))
    return {".txt": "\n\n".join(blocks) + "\n"}


def _block(noted: NotedFrame, is_video: bool) -> Iterator[str]:
    caption = noted.caption
    if is_video:
        yield f"[{timecode(noted.seconds)} frame {noted.frame}] {caption}".rstrip()
    elif caption:
        yield caption
    if noted.tags:
        yield f"tags: {', '.join(noted.tags)}"


FORMAT = Format(
    "sidecar",
    ".txt",
    "source",
    "caption and tags beside each picture, or by time for a video, as text",
    render,
    holds=has_notes,
    contains="captions or tags",
    sidecar=True,
    candidates=False,
)
