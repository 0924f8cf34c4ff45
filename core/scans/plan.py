"""What a scan will do: which files are worth reading, which are known, in which order."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..config.spec import Spec
from ..protocol.passed_over import PassedOver, Tally
from ..records import content_of
from ..screening.registry import create, versions
from ..sources.find import PICTURE_SUFFIXES, find
from ..sources.locator import FoundFile, Missing, find_one
from ..sources.moving import says_animated
from ..storage.library import Library
from ..storage.runs import TaskRow
from ..text import clean_path, counted
from .streams import with_streams

PICTURES_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Source:
    """A file of a scan and what the library knows of it.

    `content` is known for unchanged files; `result` (frames, moments, failure) is there when
    nothing need be done; `failure` says why it could not be read last time.
    """

    number: int
    found: FoundFile
    kind: str
    content: str | None = None
    result: tuple[int, int, str] | None = None
    failure: str = ""
    stream: int | None = None
    """number of the video stream that is looked at; None where the file chooses"""


@dataclass(frozen=True, slots=True)
class Plan:
    """All sources of a scan in order, what could not be looked at, and what is left out."""

    sources: tuple[Source, ...]
    missing: tuple[Missing, ...]
    left_out: int
    """videos or pictures that no stage of the profile reads"""
    passed_over: PassedOver
    """links, system folders and files of other kinds that lie there"""
    known: int = 0
    """sources that are known, or failed before, and are left out if only new ones are wanted"""

    @property
    def to_read(self) -> list[Source]:
        """Return the sources that need work."""
        return [source for source in self.sources if source.result is None and not source.failure]


def plan(
    library: Library | None, spec: Spec, paths: Sequence[str], globs: tuple[str, ...], mode: str,
    *, follow_links: bool = False,
) -> Plan:  # fmt: skip
    """Find the sources and match them with the library (none for one that is not there yet)."""
    found: list[FoundFile] = []
    missing: list[Missing] = []
    tally = Tally()
    for item in find(paths, globs, follow_links=follow_links, tally=tally):
        if isinstance(item, FoundFile):
            found.append(item)
        else:
            missing.append(item)
    kinds = _kinds(spec)
    answered = [item for item in found if _kind_wanted(item.path, kinds) in kinds]
    sources = list(_matched(library, spec, with_streams(answered, spec), mode))
    matched = len(sources)
    if mode == "changed":
        sources = [source for source in sources if source.content is None and not source.failure]
    if mode == "new":
        sources = [source for source in sources if source.result is None and not source.failure]
    return Plan(
        tuple(_numbered(sources)), tuple(missing), len(found) - len(answered), tally.total(),
        matched - len(sources),
    )  # fmt: skip


def plan_again(
    library: Library, spec: Spec, tasks: Sequence[TaskRow], mode: str
) -> tuple[list[Source], list[TaskRow]]:
    """Match tasks that are not finished with their files as they are now; numbers stay.

    Returns the sources, and as failed tasks those whose file is not there any more.
    """
    found: dict[int, tuple[FoundFile, int | None]] = {}
    gone: list[TaskRow] = []
    for task in tasks:
        item = find_one(task.path)
        if isinstance(item, FoundFile):
            found[task.number] = item, task.stream
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
    if planned.known:
        sources = counted(planned.known, "source is", "sources are")
        return f"nothing new to scan under {shown}: {sources} known"
    if planned.left_out:
        files = counted(planned.left_out, "file is", "files are")
        return (
            f"nothing to scan under {shown}: {files} of a kind that no stage of this "
            "profile processes; try --profile quick"
        )
    why = "; ".join(["no video or picture there", *planned.passed_over.lines()])
    return f"nothing to scan under {shown}: {why}; name a file to scan it anyway"


def task_rows(planned: Plan) -> list[TaskRow]:
    """Return a row for every source, and after them one for each path that is not there."""
    rows = [
        TaskRow(0, s.number, s.found.path, s.kind, s.content, "queued", "", 0, 0, 0.0, s.stream)
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
    return "picture" if suffix in PICTURE_SUFFIXES - {".gif", ".apng"} else "video"


def _kind_wanted(path: str, kinds: frozenset[str]) -> str:
    """Return a file's kind; animated WebP and AVIF count as videos where only those are wanted."""
    kind = kind_of(path)
    if kind == "picture" and "picture" not in kinds and says_animated(path):
        return "video"
    return kind


def work_items(sources: Sequence[Source]) -> Iterator[list[Source]]:
    """Yield what is worked on at once: one video, or up to 4,096 pictures in a row."""
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
    if spec.frame_stages:
        return frozenset(("video", "picture"))
    return frozenset(kind for name in spec.screening_stages for kind in create(name).kinds)


def _matched(
    library: Library | None, spec: Spec, found: Sequence[tuple[FoundFile, int | None]], mode: str
) -> Iterator[Source]:
    known: dict[str, tuple[str | None, str]] = {}
    results: dict[str, tuple[int, int, str]] = {}
    probed: set[str] = set()
    if library is not None:
        files = [(item.path, item.size_bytes, item.mtime_ns) for item, _ in found]
        known = library.results.unchanged(files)
        probed = _probed(library, known, found)
        results = library.results.having(spec.hash(), versions(spec.screening_stages))
    for item, stream in found:
        whole, failure = known.get(item.path, (None, ""))
        content = content_of(whole, stream) if whole else None
        content = content if content in probed else None
        result = results.get(content) if content and mode != "redo" else None
        if mode in ("retry_failed", "redo"):
            failure = ""
            if result is not None and result[2]:
                result = None
        yield Source(0, item, kind_of(item.path), content, result, failure, stream)


def _probed(
    library: Library,
    known: dict[str, tuple[str | None, str]],
    found: Sequence[tuple[FoundFile, int | None]],
) -> set[str]:
    """Return the contents of files whose probe is kept, by file and stream."""
    wanted = {
        content_of(whole, stream)
        for item, stream in found
        if (whole := known.get(item.path, (None, ""))[0])
    }
    return library.results.probed(sorted(wanted))


def _numbered(sources: Sequence[Source]) -> Iterator[Source]:
    for number, source in enumerate(sources, 1):
        yield replace(source, number=number)
