"""What a person noted of a frame, and what sidecar files say of sources in the library."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..errors import SightlineError, UnknownName, UsageError
from ..protocol.addresses import absolute
from ..protocol.requests.notes import (
    NOTES_OF_A_PART,
    NoteView,
    ReadSidecars,
    SidecarNote,
    SidecarNotes,
)
from ..sources.sidecars import Sidecar, SidecarMoment, read_sidecar
from ..storage.library import Library
from ..storage.remarks import Remark
from ..text import clean_path
from ..times import WrittenTime
from .frame_notes import frame_notes
from .instant import instant as instant_of
from .instant import located

SUFFIXES = (".txt", ".xmp")


def note(library: Library, path: str, when: WrittenTime) -> NoteView:
    """Return what is noted of the frame at a time. Raises UnknownName or UsageError."""
    view = instant_of(library, path, when)
    _, _, _, result = located(library, path, when)
    content, frame = view.info.content, view.frame
    own = library.remarks.of([(content, frame)]).get((content, frame), Remark())
    said = library.annotations.of_frame(content, result.spec_hash, frame)
    notes = next(iter(frame_notes(said, tracks=False)), None)
    caption = str((notes.caption or {}).get("text") or "") if notes else ""
    tags = tuple(str(tag.get("tag", "")) for tag in notes.tags) if notes else ()
    return NoteView(
        view.info.path, content, view.scan, frame, view.frame_seconds, own.marked, own.caption,
        own.tags, caption, tags,
    )  # fmt: skip


class SidecarReader:
    """Reads sidecars and finds what they are about."""

    def __init__(self, library: Library, request: ReadSidecars) -> None:
        self._library, self._request = library, request
        files = library.media.all()
        self._paths = {file.path for file in files}
        self._by_content = {file.content: file.path for file in reversed(files)}
        self._by_name: dict[str, list[str]] = {}
        for file in files:
            name = os.path.basename(file.path)
            for key in {name, os.path.splitext(name)[0]}:
                self._by_name.setdefault(key, []).append(file.path)
        self._unmatched = 0
        self._found: set[tuple[object, ...]] = set()
        """what other sidecars said, as of the same content under two names"""

    def parts(self) -> Iterator[SidecarNotes]:
        """Yield what the sidecars say, in parts. Raises UsageError for a path that is not there."""
        part: list[SidecarNote] = []
        for sidecar, is_named in _sidecars(self._request.paths):
            part += self._notes(sidecar, is_named)
            if len(part) >= NOTES_OF_A_PART:
                yield SidecarNotes(tuple(part))
                part = []
        yield SidecarNotes(tuple(part), self._unmatched)

    def _notes(self, sidecar: str, is_named: bool) -> Iterator[SidecarNote]:
        try:
            found = read_sidecar(sidecar, self._request.plain)
            path = self._about(sidecar, found)
        except (SightlineError, OSError) as error:
            if is_named or self._beside(sidecar):
                words = error.strerror if isinstance(error, OSError) else str(error)
                yield SidecarNote(sidecar, problem=str(words))
            else:
                self._unmatched += 1
            return
        for moment in found.moments:
            yield from self._changed(sidecar, path, moment)

    def _about(self, sidecar: str, found: Sidecar) -> str:
        """Return the path of the source that a sidecar is about. Raises UnknownName."""
        beside = self._beside(sidecar)
        exact = self._by_content.get(found.content)
        if exact is not None:
            return beside[0] if len(beside) == 1 else exact
        candidates = beside or self._by_name.get(_stem(sidecar), [])
        if len(candidates) == 1:
            return candidates[0]
        if not candidates:
            raise UnknownName("belongs to no file of this library; scan that first")
        named = ", ".join(clean_path(path) for path in candidates[:3])
        raise UnknownName(f"may belong to several files: {named}; call it after one, a.jpg.xmp")

    def _beside(self, sidecar: str) -> list[str]:
        """Return the sources that a sidecar lies beside: `a.jpg` of `a.jpg.xmp`, or of `a.xmp`."""
        folder, stem = os.path.dirname(sidecar), _stem(sidecar)
        if (whole := os.path.join(folder, stem)) in self._paths:
            return [whole]
        named = self._by_name.get(stem, [])
        return [path for path in named if os.path.dirname(path) == folder]

    def _changed(self, sidecar: str, path: str, moment: SidecarMoment) -> Iterator[SidecarNote]:
        """Yield what a moment adds to what is noted already, or what is wrong with it."""
        when = WrittenTime(moment.seconds or 0.0, frame=moment.frame)
        try:
            known = note(self._library, path, when)
        except SightlineError as error:
            yield SidecarNote(sidecar, path, problem=str(error))
            return
        found = SidecarNote(
            sidecar, path, known.content, known.frame, known.seconds, moment.caption, moment.tags
        )
        caption = known.model_caption if known.caption is None else known.caption
        tags = known.model_tags if known.tags is None else known.tags
        if moment.caption is not None and moment.caption == " ".join(caption.split()):
            found = replace(found, caption=None)
        if moment.tags is not None and moment.tags == tags:
            found = replace(found, tags=None)
        said = found.content, found.frame, found.caption, found.tags
        if said[2:] != (None, None) and said not in self._found:
            self._found.add(said)
            yield found


def _stem(sidecar: str) -> str:
    """Return what a sidecar is called after: `a.jpg` of `a.jpg.xmp` and `a.jpg.sightline.xmp`."""
    return os.path.splitext(os.path.basename(sidecar))[0].removesuffix(".sightline")


def _sidecars(paths: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Yield the sidecars under some paths, and whether each was named itself."""
    for path in map(absolute, paths):
        if os.path.isdir(path):
            for folder, folders, names in os.walk(path):
                folders.sort()
                wanted = sorted(name for name in names if name.lower().endswith(SUFFIXES))
                yield from ((os.path.join(folder, name), False) for name in wanted)
        elif not os.path.exists(path):
            raise UsageError(f"{clean_path(path)}: no such file or folder")
        elif not path.lower().endswith(SUFFIXES):
            raise UsageError(f"{clean_path(path)}: a sidecar ends in .txt or .xmp")
        else:
            yield path, True
