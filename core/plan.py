"""What a scan will do: which files are worth reading, which are known, in which order."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from .sources.find import PICTURE_SUFFIXES, Found, Missing, find, one_file
from .spec import Spec
from .stages.table import create
from .storage.library import Library
from .storage.runs import TaskRow
from .text import clean_path, counted

PICTURES_AT_ONCE = 2048


@dataclass(frozen=True, slots=True)
class Source:
    """A file of a scan and what the library knows of it.

    `content` is known for unchanged files; `result` (frames, moments, failure) is there when
    nothing need be done; `failure` says why it could not be read last time.
    """

    number: int
    found: Found
    kind: str
    content: str | None = None
    result: tuple[int, int, str] | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """All sources of a scan in order, what could not be looked at, and what is left out."""

    sources: tuple[Source, ...]
    missing: tuple[Missing, ...]
    left_out: int

    @property
    def to_read(self) -> list[Source]:
        """Return the sources that need work."""
        return [source for source in self.sources if source.result is None and not source.failure]


def plan(
    library: Library | None, spec: Spec, paths: Sequence[str], globs: tuple[str, ...], mode: str
) -> Plan:
    """Find the sources and match them with the library (none for one that is not there yet)."""
    found: list[Found] = []
    missing: list[Missing] = []
    for item in find(paths, globs):
        if isinstance(item, Found):
            found.append(item)
        else:
            missing.append(item)
    looked_at = [item for item in found if kind_of(item.path) in _kinds(spec)]
    sources = list(_matched(library, spec, looked_at, mode))
    if mode == "changed":
        sources = [source for source in sources if source.content is None and not source.failure]
    if mode == "new":
        sources = [source for source in sources if source.result is None and not source.failure]
    return Plan(tuple(_numbered(sources)), tuple(missing), left_out=len(found) - len(looked_at))


def plan_again(
    library: Library, spec: Spec, tasks: Sequence[TaskRow], mode: str
) -> tuple[list[Source], list[TaskRow]]:
    """Match tasks that are not finished with their files as they are now; numbers stay.

    Returns the sources, and as failed tasks those whose file is not there any more.
    """
    found: dict[int, Found] = {}
    gone: list[TaskRow] = []
    for task in tasks:
        item = one_file(task.path)
        if isinstance(item, Found):
            found[task.number] = item
        else:
            gone.append(replace(task, state="failed", reason=item.reason))
    matched = _matched(library, spec, list(found.values()), mode)
    return [replace(s, number=n) for n, s in zip(found, matched, strict=True)], gone


def nothing_found(paths: tuple[str, ...], planned: Plan) -> str:
    """Return why there is nothing to scan, and what to do."""
    shown = ", ".join(clean_path(path) for path in paths[:3])
    if planned.missing:
        first = planned.missing[0]
        return f"nothing to scan: {clean_path(first.path)}: {first.reason}"
    if planned.left_out:
        files = counted(planned.left_out, "file is", "files are")
        return (
            f"nothing to scan under {shown}: {files} of a kind that no stage of this profile "
            "looks at; try --profile quick"
        )
    return f"nothing to scan under {shown}: no video or picture there; name a file to force it"


def task_rows(planned: Plan) -> list[TaskRow]:
    """Return a row for every source, and after them one for each path that is not there."""
    rows = [
        TaskRow(0, s.number, s.found.path, s.kind, s.content, "queued", "", 0, 0, 0.0)
        for s in planned.sources
    ]
    first_free = len(rows) + 1
    return rows + [
        TaskRow(0, first_free + n, item.path, "video", None, "failed", item.reason, 0, 0, 0.0)
        for n, item in enumerate(planned.missing)
    ]


def kind_of(path: str) -> str:
    """Return `picture` or `video`, going by the name; reading may prove it wrong."""
    suffix = os.path.splitext(path)[1].lower()
    return "picture" if suffix in PICTURE_SUFFIXES and suffix != ".gif" else "video"


def work_items(sources: Sequence[Source]) -> Iterator[list[Source]]:
    """Yield what is worked on at once: one video, or up to 2,048 pictures in a row."""
    pictures: list[Source] = []
    for source in sources:
        if source.kind == "picture":
            pictures.append(source)
        if pictures and (source.kind != "picture" or len(pictures) == PICTURES_AT_ONCE):
            yield pictures
            pictures = []
        if source.kind != "picture":
            yield [source]
    if pictures:
        yield pictures


def _kinds(spec: Spec) -> frozenset[str]:
    if set(spec.looks) - {"verify"}:
        return frozenset(("video", "picture"))
    return frozenset(kind for name in spec.screens for kind in create(name).kinds)


def _matched(
    library: Library | None, spec: Spec, found: Sequence[Found], mode: str
) -> Iterator[Source]:
    known: dict[str, tuple[str | None, str]] = {}
    results: dict[str, tuple[int, int, str]] = {}
    if library is not None:
        files = [(item.path, item.size_bytes, item.mtime_ns) for item in found]
        known = library.results.unchanged(files)
        results = library.results.having(spec.hash())
    for item in found:
        content, failure = known.get(item.path, (None, ""))
        result = results.get(content) if content and mode != "redo" else None
        if mode in ("retry_failed", "redo"):
            failure = ""
            if result is not None and result[2]:
                result = None
        yield Source(0, item, kind_of(item.path), content, result, failure)


def _numbered(sources: Sequence[Source]) -> Iterator[Source]:
    for number, source in enumerate(sources, 1):
        yield replace(source, number=number)
