"""`sightline duplicates`: files with the same or nearly the same picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, cast

import click

from ..errors import UsageError
from ..protocol.requests.duplicates import (
    BITS,
    SIMILARITY,
    CopiedFile,
    Copies,
    CopiesSummary,
    CopyGroup,
    CopyKind,
    FindDuplicates,
)
from ..service.client import ask_library
from ..text import byte_size, clean_path, counted
from ..times import timecode
from .output import ConsoleOutput, Session

KINDS: dict[CopyKind, str] = {
    "bytes": "same bytes", "pixels": "same pixels", "near": "near-duplicates", "alike": "alike",
}  # fmt: skip


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--scan", type=int, metavar="N", help="Only sources of this scan.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice([*KINDS, "all"]),
              help="Kinds to find; repeatable  [default: bytes, near].")  # fmt: skip
@click.option("--bits", type=int, default=BITS, show_default=True, metavar="N",
              help="near: hashes differ by at most N of 64 bits.")  # fmt: skip
@click.option("--similarity", type=float, default=SIMILARITY, show_default=True, metavar="COSINE",
              help="alike: least cosine of the vectors.")  # fmt: skip
@click.option("--paths", "as_paths", is_flag=True,
              help="Print paths only, one per line, an empty line after each group.")  # fmt: skip
@click.option("-0", "--null", "with_null", is_flag=True,
              help="As --paths, with NUL instead of line ends; paths are exact.")  # fmt: skip
@click.option("--omit-first", is_flag=True, help="With --paths or -0: without the file to keep.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per group.")
@click.pass_obj
def command(
    session: Session, paths: tuple[str, ...], scan: int | None, kinds: tuple[str, ...], bits: int,
    similarity: float, as_paths: bool, with_null: bool, omit_first: bool, as_json: bool,
) -> int:  # fmt: skip
    """Find files with the same or nearly the same picture.

    Searches the library; nothing is deleted or changed. Without PATH or --scan, all files of the
    library are compared. Files must have been scanned with the stage `dedupe` (profile quick) to
    have a perceptual hash, and with `embed` (profile index) to be compared by vectors.

    \b
      bytes   the same content
      pixels  the same pixels in different files; decodes pictures
      near    near perceptual hashes; videos: of most seconds, aligned in time
      alike   near vectors: the same subject, not the same picture

    The first file of a group is the one to keep, a suggestion with its reason: the longest video,
    then the highest resolution, then the largest file. Every other file is near the first one.

    \b
      sightline duplicates ~/Pictures
      sightline duplicates -0 --omit-first --kind bytes | xargs -0 -n1 echo
    """
    _check(as_paths, with_null, omit_first, as_json)
    chosen = tuple(KINDS) if "all" in kinds else cast("tuple[CopyKind, ...]", kinds)
    request = FindDuplicates(paths, scan, chosen or ("bytes", "near"), bits, similarity)
    found = ask_library(session.library, request)
    if as_json:
        _print_json(session.out, found)
    elif as_paths or with_null:
        _print_paths(session.out, found, null=with_null, omit_first=omit_first)
    else:
        _print_groups(session.out, found)
    for line in _notes(found, request):
        session.out.note(line)
    for line in found.summary.warnings:
        session.out.warn(line)
    return 0


def _check(as_paths: bool, with_null: bool, omit_first: bool, as_json: bool) -> None:
    if as_json and (as_paths or with_null):
        raise UsageError("--json goes with neither --paths nor -0")
    if omit_first and not (as_paths or with_null):
        raise UsageError("--omit-first needs --paths or -0")


def _print_json(out: ConsoleOutput, found: Copies) -> None:
    for group in found.groups:
        out.json({"type": "DuplicateGroup", **_without_none(asdict(group))})
    out.json({"type": "DuplicateSummary", **asdict(found.summary)})


def _without_none(group: dict[str, Any]) -> dict[str, Any]:
    files = [{k: v for k, v in file.items() if v is not None} for file in group["files"]]
    return group | {"files": files}


def _print_paths(out: ConsoleOutput, found: Copies, *, null: bool, omit_first: bool) -> None:
    for group in found.groups:
        for file in group.files[omit_first:]:
            out.exact(file.path, "\0" if null else "\n")
        if not (null and omit_first):  # for xargs, which would take it for an empty name
            out.exact("", "\0" if null else "\n")
    out.send()


def _print_groups(out: ConsoleOutput, found: Copies) -> None:
    for group in found.groups:
        sampled = ", compared by size and samples" if group.sampled else ""
        out.listed(f"{KINDS[group.kind]}{sampled}: {counted(len(group.files), 'file')}")
        out.listed(f"  keep  {_line(group.files[0])}  ({group.reason})")
        for file in group.files[1:]:
            out.listed(f"        {_line(file)}{_apart(group, file)}")
        out.listed("")
    out.send()


def _line(file: CopiedFile) -> str:
    length = f"  {timecode(file.seconds)}" if file.seconds else ""
    size = f"{file.width}x{file.height}{length}  {byte_size(file.size_bytes)}"
    return f"{clean_path(file.path)}  {size}"


def _apart(group: CopyGroup, file: CopiedFile) -> str:
    """Return how far a file is from the first of its group."""
    said = []
    if file.distance is not None:
        mean = "mean " if file.kind == "video" else ""
        said.append(f"{mean}{counted(file.distance, 'bit')} apart")
    if file.similarity is not None:
        said.append(f"similarity {file.similarity:g}")
    if file.offset_seconds is not None and abs(file.offset_seconds) >= 0.5:
        before = "after" if file.offset_seconds > 0 else "before"
        said.append(f"begins {abs(file.offset_seconds):g} s {before} it")
    return f"  ({', '.join(said)})" if said else ""


def _notes(found: Copies, request: FindDuplicates) -> Iterator[str]:
    """Yield what was compared, and what is missing in the answer and how to get it."""
    summary = found.summary
    more = sum(len(group.files) - 1 for group in found.groups)
    yield (
        f"{counted(len(found.groups), 'group')} with {counted(more, 'further file')} of "
        f"{counted(summary.files, 'file')}; nothing was deleted"
    )
    yield from _left_out(summary, request)


def _left_out(summary: CopiesSummary, request: FindDuplicates) -> Iterator[str]:
    if summary.changed:
        yield (
            f"{counted(summary.changed, 'file is', 'files are')} gone or changed since the scan "
            "and left out; scan again"
        )
    if summary.linked:
        yield f"{counted(summary.linked, 'further name')} of the same files (links) left out"
    if summary.unhashed and "near" in request.kinds:
        yield (
            f"{counted(summary.unhashed, 'file has', 'files have')} no perceptual hash; "
            "scan with --profile quick, or --stages dedupe"
        )
    if summary.flat:
        yield f"{counted(summary.flat, 'picture is', 'pictures are')} too uniform for a hash"
    if summary.unembedded:
        yield (
            f"{counted(summary.unembedded, 'file has', 'files have')} no vector of the same "
            "model; scan with --profile index"
        )
    if summary.comparable:
        yield (
            f"{counted(summary.comparable, 'picture')} of equal size and hash: "
            "--kind pixels decodes and compares them"
        )
