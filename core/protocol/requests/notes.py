"""Notes of a person on moments: what is noted, and what sidecar files would note.

They are written with the commands `CorrectFrame` and `MarkFrame`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ...times import WrittenTime
from ..request import Request, Streamed

NOTES_OF_A_PART = 500


@dataclass(frozen=True, slots=True)
class NoteView:
    """A frame, what a person noted (None: nothing), and what models said of it."""

    path: str
    content: str
    scan: int
    frame: int
    seconds: float
    marked: bool
    caption: str | None
    tags: tuple[str, ...] | None
    model_caption: str
    model_tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GetNote(Request[NoteView], right="read", heavy=True):
    """What is noted of the frame at a time of a source."""

    path: str
    when: WrittenTime


@dataclass(frozen=True, slots=True)
class SidecarNote:
    """What a sidecar says of one frame of a source in the library.

    `caption` and `tags` are None where the sidecar does not mention them or says what is known.
    With a `problem`, nothing can be noted; `content` is empty then.
    """

    sidecar: str
    path: str = ""
    content: str = ""
    frame: int = 0
    seconds: float = 0.0
    caption: str | None = None
    tags: tuple[str, ...] | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SidecarNotes:
    """Notes of sidecars; `unmatched` are those in folders that belong to no file of the library."""

    notes: tuple[SidecarNote, ...] = ()
    unmatched: int = 0


@dataclass(frozen=True, slots=True)
class ReadSidecars(Streamed[SidecarNotes, SidecarNotes], right="read", heavy=True):
    """What sidecar files, or all in folders, say of sources in the library; nothing is changed.

    A sidecar is about the content it names, else about the file it lies beside (`a.jpg.xmp`,
    `a.xmp`), else about the only file of that name in the library. `plain` is what text without a
    line `tags:` is.
    """

    paths: tuple[str, ...]
    plain: Literal["caption", "tags"] = "caption"

    @classmethod
    def gathered(cls, parts: Sequence[SidecarNotes]) -> SidecarNotes:
        """Return all notes."""
        notes = tuple(note for part in parts for note in part.notes)
        return SidecarNotes(notes, sum(part.unmatched for part in parts))
