"""`sentences`: every event of a source as a sentence."""

from __future__ import annotations

from core.storage.export.document import Document
from core.storage.export.format import Format
from core.storage.export.parts import OutputFiles, Parts


def render(document: Document, beside: OutputFiles) -> Parts:
    """Return `.sentences.txt`, one line per event, in order of time."""
    lines = [
        f"At {each.peak_seconds:.3f} s there is a {each.kind} with score {each.score:.3f}.\n"
        for each in document.moments
    ]
    return {".sentences.txt": "".join(lines)}


FORMAT = Format("sentences", ".sentences.txt", "source", "one sentence per event", render)
