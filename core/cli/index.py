"""`sightline index`."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

import click

from ..errors import ExitCode, UsageError
from ..protocol.commands import ChangeIndex, Mode, SubmitScan
from ..protocol.requests.index import ExportIndex, GetIndexes, IndexLine
from ..service.client import ask_library
from ..text import counted
from .group import CommandGroup
from .jobs import run_job
from .options import links_option, scan_request, scan_settings
from .output import ConsoleOutput, Session
from .running import Finish, run_scan
from .scan_flags import Flags, setting_flags

PROFILE = "index"
ADD = "add"


class IndexGroup(CommandGroup):
    """Commands of the index; what begins with none of their names is `add`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take `index PATH...` as `index add PATH...`."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [ADD, *args]
        return super().parse_args(ctx, args)


@click.group(cls=IndexGroup)
def command() -> None:
    """Make pictures and videos searchable, and manage the index of their vectors.

    `sightline index PATH...` means `sightline index add PATH...`. Vectors are stored in the
    library; the index over them is in the same folder, or on the Qdrant server that QDRANT_URL
    names, and can be made again at any time.
    """


@command.command(ADD)
@click.argument("paths", nargs=-1, metavar="PATH...")
@scan_settings
@setting_flags
@click.option("--glob", "globs", multiple=True, metavar="PATTERN",
              help="In folders, only files whose name matches, for example '*.mp4'.")  # fmt: skip
@links_option
@click.option("--full", "--redo", is_flag=True, help="Embed everything again.")
@click.option("--incremental", "--changed", is_flag=True, help="Read only new or changed files.")
@click.option(
    "--prune", is_flag=True, help="Then remove vectors of files under PATH that are gone."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON event per line on stdout.")
@click.pass_obj
def add(
    session: Session, paths: tuple[str, ...], profile: str | None, overrides: tuple[str, ...],
    stages: str | None, sensitivity: float | None, globs: tuple[str, ...], follow_links: bool,
    full: bool, incremental: bool, prune: bool, as_json: bool, flags: Flags,
) -> int:  # fmt: skip
    """Embed frames of videos and pictures, and make them searchable.

    Files are known by their content: what is indexed is not embedded again, whatever it is called.
    Vectors can be searched while the others are computed; after an interruption `runs resume`
    continues. An index of another model is built beside the present one, which is searched until
    the new one holds every source.

    \b
      sightline index ~/Pictures ~/Videos
      sightline index ~/Pictures --set embed.model=siglip2-base
    """
    if full and incremental:
        raise UsageError("--full and --incremental are mutually exclusive; use one")
    mode: Mode = "redo" if full else "changed" if incremental else "default"
    request = scan_request(
        session, paths, profile or PROFILE, ("run.index=true", *overrides), stages, sensitivity,
        globs, mode, follow_links=follow_links, flags=flags,
    )  # fmt: skip
    _check_embeds(request)
    code = asyncio.run(run_scan(session, request, Finish(), as_json=as_json))
    if prune and code in (ExitCode.OK, ExitCode.SOME_FAILED):
        change = ChangeIndex("prune", paths=request.paths)
        return _changed(session, change, as_json=as_json) or code
    return code


add.params = [each for each in add.params if each.name != "index"]  # which it always does


def _check_embeds(request: SubmitScan) -> None:
    from ..config.profiles import resolve
    from ..config.stages import in_slot

    spec = resolve(request.profile, request.overrides)
    if not set(in_slot("vector")) & set(spec.stages):
        raise UsageError(
            f"profile '{spec.profile}' embeds nothing; add the stage '{in_slot('vector')[0]}', or "
            "leave out --profile and --stages"
        )


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per index.")
@click.pass_obj
def list_(session: Session, as_json: bool) -> int:
    """List indexes, one for each embedding model, and what is not indexed yet."""
    found = ask_library(session.library, GetIndexes())
    if as_json:
        for line in found.indexes:
            session.out.json({"type": "Index", **asdict(line)})
        return int(ExitCode.OK)
    if found.indexes:
        header = ("index", "state", "model", "dimension", "vectors", "sources", "calibrated")
        session.out.table(header, [_row(line) for line in found.indexes])
    if found.server:
        session.out.note(f"on the Qdrant server {found.server}")
    _say_rest(session.out, found.waiting, found.missing_sources, bool(found.indexes))
    return int(ExitCode.OK)


def _row(line: IndexLine) -> tuple[Any, ...]:
    special = " ".join(each for each in (line.precision, line.quantisation) if each)
    model = f"{line.model} {special}".strip()
    calibrated = "yes" if line.background_sentences else "no"
    return (line.name, line.state, model, line.dimension, line.vectors, line.sources, calibrated)


def _say_rest(out: ConsoleOutput, waiting: int, missing: int, has_any: bool) -> None:
    if waiting:
        out.note(f"{counted(waiting, 'vector')} not indexed yet: `sightline index update`")
    elif not has_any:
        out.note("nothing is indexed; `sightline index PATH` does it")
    if missing:
        out.note(f"{counted(missing, 'source')} pruned: the files were gone")


def _changing(name: str, about: str, *, named: str = "") -> Any:
    """Return a command that changes the index; `named` is how its argument is shown."""

    def run(session: Session, as_json: bool, index: str = "") -> int:
        return _changed(session, ChangeIndex(name, index), as_json=as_json)  # type: ignore[arg-type]

    run.__doc__ = about
    made: Any = click.pass_obj(run)
    made.__doc__ = about
    option = click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
    made = option(made)
    if named:
        made = click.argument("index", metavar=named, required=named[0] != "[", default="")(made)
    return command.command(name)(made)


_changing("update", "Index vectors that scans stored and that are not indexed yet.")
_changing(
    "rebuild", "Make an index, or all, again from the vectors in the library.", named="[INDEX]"
)
_changing("switch", "Search another index from now on; INDEX may be the start of a name.",
          named="INDEX")  # fmt: skip
_changing("remove", "Remove an index; its vectors remain in the library.", named="INDEX")


@command.command("prune")
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.pass_obj
def prune_(session: Session, paths: tuple[str, ...], as_json: bool) -> int:
    """Remove vectors of files that are gone, under PATH or everywhere.

    Connect all disks first: a file on a disk that is not connected is gone. It is indexed again,
    without computing anything, by the next `index` once it is there.
    """
    from ..protocol.addresses import absolute

    change = ChangeIndex("prune", paths=tuple(absolute(each) for each in paths))
    return _changed(session, change, as_json=as_json)


@command.command("export")
@click.argument("file", metavar="FILE")
@click.option("--index", "name", default="", metavar="INDEX", help="Which one; default: current.")
@click.pass_obj
def export(session: Session, file: str, name: str) -> int:
    """Write the vectors of an index, and what they are of, to one file (NumPy, no pickles)."""
    from ..protocol.addresses import absolute

    done = ask_library(session.library, ExportIndex(absolute(file), name))
    session.out.note(f"{counted(done.vectors, 'vector')} of {done.name} written to {file}")
    return int(ExitCode.OK)


@command.command("import")
@click.argument("file", metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@click.pass_obj
def import_(session: Session, file: str, as_json: bool) -> int:
    """Index the vectors of a file that `index export` wrote, in another library for example.

    A scan of the same files then embeds nothing again.
    """
    from ..protocol.addresses import absolute

    return _changed(session, ChangeIndex("import", paths=(absolute(file),)), as_json=as_json)


def _changed(session: Session, change: ChangeIndex, *, as_json: bool) -> int:
    printer = IndexPrinter(session.out, as_json=as_json)
    return asyncio.run(run_job(session, change, printer, as_json=as_json))


class IndexPrinter:
    """Prints what a job did to the index."""

    def __init__(self, out: ConsoleOutput, *, as_json: bool) -> None:
        self._out = out
        self._json = as_json

    def report(self, body: dict[str, Any]) -> None:
        """Print how many vectors were indexed and removed."""
        if self._json:
            return
        done = [f"{counted(body['added'], 'vector')} indexed", f"{body['removed']} removed"]
        if body["refused"]:
            done.append(f"{body['refused']} refused")
        self._out.note(f"index {body['action']}: {', '.join(done)}")

    def end(self) -> int:
        """Return that it is done."""
        return int(ExitCode.OK)
