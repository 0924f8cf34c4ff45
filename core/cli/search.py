"""`sightline search`: finding images and moments in what is indexed."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import click

from ..errors import EngineGone, ExitCode, UsageError
from ..protocol.requests.search import (
    MOST_FOUND,
    ROWS_OF_A_PAGE,
    Search,
    SearchSort,
    SearchWhat,
)
from ..protocol.search_terms import SearchTerm, image_term, joined_arguments, parse_query
from ..service.client import EngineClient, LibraryClient, wait_for
from ..text import clean, clean_path, nearest
from .options import filter_option
from .output import Session
from .search_lines import SearchPrinter

_LITERAL = "\0"
"""stands before a word of the query that begins with `-`, so that it is no option"""
_MOST_QUERIES = 10_000


class SearchCommand(click.Command):
    """A command some of whose words may begin with a `-`: what is subtracted from a query."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take `-rain` as a word of the query; `--rain` is an unknown option still."""
        known = {name for each in self.params for name in each.opts if name.startswith("-")}
        valued = {name for each in self.params if isinstance(each, click.Option)
                  and not each.is_flag for name in each.opts}  # fmt: skip
        known |= set(ctx.help_option_names)
        marked, before = [], ""
        for arg in args:
            word = arg.startswith("-") and not arg.startswith("--") and arg not in known
            literal = word and arg != "-" and before not in valued
            marked.append(_LITERAL + arg if literal else arg)
            before = arg
        return super().parse_args(ctx, marked)


@click.command(cls=SearchCommand)
@click.argument("words", nargs=-1, metavar="QUERY...")
@click.option("--image", "images", multiple=True, metavar="FILE",
              help="Find what looks like this picture; repeatable.")  # fmt: skip
@click.option("--like", "frames", multiple=True, metavar="FILE@TIME[#BOX]",
              help="Find what looks like this frame of a video, or the part of it in the box "
              "X,Y,WIDTH,HEIGHT; repeatable.")  # fmt: skip
@filter_option
@click.option("--what", type=click.Choice(["frames", "objects", "events", "candidates"]),
              default="frames", show_default=True,
              help="Frames (of a video: moments), detected objects, or events and candidates of "
              "scans.")  # fmt: skip
@click.option("--sort", type=click.Choice(["match", "time", "date"]), default="match",
              show_default=True, help="Best match first, or in order of file and time, or by "
              "capture date.")  # fmt: skip
@click.option("--diverse", is_flag=True, help="Move apart what looks alike.")
@click.option(
    "--exact",
    is_flag=True,
    help="Decode around each moment and embed every frame, for its exact start and end.",
)
@click.option("--false-rate", "rate", default="5%", show_default=True, metavar="PERCENT",
              help="Expected share of hits that do not match.")  # fmt: skip
@click.option("--all", "every", is_flag=True,
              help="Also show what does not pass the cut-off, below a line.")  # fmt: skip
@click.option("--limit", type=click.IntRange(1, MOST_FOUND), default=ROWS_OF_A_PAGE,
              show_default=True, metavar="N", help="Rows of a page.")  # fmt: skip
@click.option("--page", type=click.IntRange(1), default=1, show_default=True, metavar="N",
              help="Which page.")  # fmt: skip
@click.option("--queries", type=click.Path(path_type=Path, allow_dash=True), metavar="FILE",
              help="One query per line; - for stdin.")  # fmt: skip
@click.option("--why", is_flag=True, help="Show the rank of each hit in each list.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.option("--paths", is_flag=True, help="Print only paths, each once.")
@click.option("-0", "null", is_flag=True, help="With --paths: end each path with a NUL byte.")
@click.pass_obj
def command(
    session: Session, words: tuple[str, ...], images: tuple[str, ...], frames: tuple[str, ...],
    text: str, what: str, sort: str, diverse: bool, exact: bool, rate: str, every: bool,
    limit: int, page: int, queries: Path | None, why: bool, as_json: bool, paths: bool, null: bool,
) -> int:  # fmt: skip
    """Find images and moments by words, by example, or by what was said.

    A query is words, paths of images (with a slash: ./a.jpg), or both, joined by + and -. What
    follows a - is subtracted; NUMBER: before a term is its weight. Words in captions and tags are
    found, too. If nothing passes the cut-off, the exit code is 5. See docs/search.md.

    \b
      sightline search red car at night
      sightline search storm + 0.5:./a.jpg - rain
      sightline search 'ladder -rain' --filter 'date:2024 in:rooftops' --why
      sightline search --like storm.mp4@00:01:02.5 --paths
    """
    request = Search(
        (), cast("SearchWhat", what), text, cast("SearchSort", sort), _share(rate), every,
        diverse, exact, (page - 1) * limit, page * limit,
    )  # fmt: skip
    examples = [image_term(each) for each in (*images, *frames)]
    asked = _asked(words, queries, examples)
    printer = SearchPrinter(session.out, as_json=as_json, paths=paths, null=null, why=why)
    return wait_for(_searched(session, request, asked, printer, many=queries is not None))


def _asked(
    words: Sequence[str], queries: Path | None, examples: Sequence[SearchTerm]
) -> list[tuple[str, tuple[SearchTerm, ...]]]:
    """Return each query as it was written, and its terms. Raises UsageError."""
    _refuse_options(words)
    own = [each.removeprefix(_LITERAL) for each in words]
    if queries is None:
        text = joined_arguments([_as_path(each) for each in own])
        return [(text.replace("\0", " "), (*parse_query(text), *examples))]
    if own:
        raise UsageError("give the queries in the file or as arguments, not both")
    lines = _lines(queries)
    return [(line, (*parse_query(line), *examples)) for line in lines]


def _refuse_options(words: Sequence[str]) -> None:
    for each in words:
        if each.startswith("--"):
            known = [name for parameter in command.params for name in parameter.opts]
            raise UsageError(f"no such option {clean(each)}{nearest(each, known)}")


def _as_path(word: str) -> str:
    """Return a word as a path if it names an image or video in this folder."""
    from ..service.local import is_known_kind

    is_file = "/" not in word and is_known_kind(word) and os.path.isfile(word)
    return f"./{word}" if is_file else word


def _lines(path: Path) -> list[str]:
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise UsageError(f"{clean_path(str(path))} cannot be read: {error.strerror}") from None
    lines = [line.strip() for line in data.decode(errors="replace").splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    if not found:
        raise UsageError(f"{clean_path(str(path))} holds no query; write one on each line")
    if len(found) > _MOST_QUERIES:
        raise UsageError(
            f"{clean_path(str(path))} holds too many queries: {len(found)}, at most 10,000"
        )
    return found


def _share(text: str) -> float:
    """Return a false rate written as `5%` or `0.05`. Raises UsageError."""
    bare = text.strip().removesuffix("%").strip()
    try:
        share = float(bare) / (100.0 if text.strip().endswith("%") else 1.0)
    except ValueError:
        share = -1.0
    if 0.0 < share < 1.0:
        return share
    raise UsageError(f"--false-rate '{clean(text)}' must be more than 0% and less than 100%")


async def _searched(
    session: Session, request: Search, asked: Sequence[tuple[str, tuple[SearchTerm, ...]]],
    printer: SearchPrinter, *, many: bool,
) -> int:  # fmt: skip
    client, found = await _client(session.library), False
    try:
        for number, (text, terms) in enumerate(asked, 1):
            reply = await client.ask(replace(request, terms=terms))
            printer.print(text, reply, number if many else None, request)
            found = found or reply.total > 0
    finally:
        await client.close()
    return int(ExitCode.OK if found else ExitCode.NOTHING_FOUND)


async def _client(library: Path) -> EngineClient:
    """Return the engine that runs, whose model may be loaded, else the library alone."""
    from ..service.discovery import running

    listening = running(library)
    if listening is not None:
        from ..service.remote import RemoteClient

        try:
            return await RemoteClient.open(listening, readonly=True)
        except EngineGone:  # it ended just now
            pass
    # Of one query, products are too small for threads: they would cost more than they save.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    return LibraryClient(library)
