"""`sightline note`: tags and a caption of one's own for a moment, also from sidecar files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Literal, cast

import click

from ..errors import ExitCode, UsageError
from ..protocol.commands import CorrectFrame, MarkFrame
from ..protocol.requests.notes import GetNote, NoteView, ReadSidecars, SidecarNote
from ..service.attach import headless
from ..service.client import LibraryClient, wait_for
from ..text import clean, clean_path, counted
from ..times import reference, timecode
from .moments import split_moment
from .output import ConsoleOutput, Session

if TYPE_CHECKING:
    from ..service.interface import EngineClient

Plain = Literal["caption", "tags"]
MOST_CHARACTERS = 10_000
MOST_TAGS = 200


@click.command()
@click.argument("moment", metavar="[FILE@TIME]", required=False)
@click.option("--tag", "tags", multiple=True, metavar="T",
              help="Add a tag, or several with commas; repeatable.")  # fmt: skip
@click.option("--caption", metavar="TEXT", help="Replace the caption; empty: remove yours.")
@click.option("--mark/--unmark", default=None, help="Mark the frame, or remove the mark.")
@click.option("--remove", is_flag=True,
              help="Remove the given tags; without --tag, your caption and tags.")  # fmt: skip
@click.option("--from", "sidecars", multiple=True, metavar="PATH",
              help="Read a sidecar file, or all in a folder; repeatable.")  # fmt: skip
@click.option("--plain", type=click.Choice(["caption", "tags"]), default="caption",
              show_default=True, help="With --from: what text without 'tags:' is.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="With --from: print what would be noted.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per moment.")
@click.pass_obj
def command(
    session: Session, moment: str | None, tags: tuple[str, ...], caption: str | None,
    mark: bool | None, remove: bool, sidecars: tuple[str, ...], plain: str, dry_run: bool,
    as_json: bool,
) -> int:  # fmt: skip
    """Add tags and a caption to a moment, or read them from sidecar files.

    They replace those of models in results, search and exports, and belong to the content of the
    file, so they remain when it is renamed or scanned again. The first tag you add keeps the tags
    of the model beside it. Without an option, prints what is noted. TIME is as in `show`.

    Sidecars are .txt and .xmp files: `export --format sidecar` and `--format xmp` write them, and
    photo editors do. Files are never changed.

    \b
      sightline note storm.mp4@83.5 --tag anvil,cloud --caption "anvil at dusk"
      sightline note storm.mp4@83.5 --remove --tag cloud
      sightline note --from ~/Pictures
    """
    if sidecars:
        if moment or tags or remove or caption is not None or mark is not None:
            raise UsageError("--from takes no FILE@TIME, --tag, --caption, --mark or --remove")
        request = ReadSidecars(sidecars, cast("Plain", plain))
        return wait_for(_imported(session, request, dry_run=dry_run, as_json=as_json))
    if moment is None:
        raise UsageError("no moment given; write FILE@83.5, or --from PATH")
    if dry_run:
        raise UsageError("--dry-run goes with --from")
    if remove and caption is not None:
        raise UsageError('--remove goes with --tag; to remove a caption, write --caption ""')
    wish = _Wish(tuple(_tags(tags)), _caption(caption), mark, remove)
    return wait_for(_noted(session, moment, wish, as_json=as_json))


class _Wish:
    """What is to be changed of a note."""

    def __init__(
        self, tags: tuple[str, ...], caption: str | None, mark: bool | None, remove: bool
    ) -> None:
        self.tags, self.caption, self.mark, self.remove = tags, caption, mark, remove

    def applied(self, known: NoteView) -> NoteView:
        """Return the note as it shall be."""
        found = known
        if self.remove and not self.tags:
            found = replace(found, caption=None, tags=None)
        elif self.tags:
            found = replace(found, tags=self._tags_of(known))
        if self.caption is not None:
            found = replace(found, caption=self.caption or None)
        return found if self.mark is None else replace(found, marked=self.mark)

    def _tags_of(self, known: NoteView) -> tuple[str, ...] | None:
        before = known.model_tags if known.tags is None else known.tags
        if not self.remove:
            return tuple(dict.fromkeys((*before, *self.tags)))
        missing = [tag for tag in self.tags if tag not in before]
        if missing:
            raise UsageError(f"there is no tag '{missing[0]}'; tags: {', '.join(before) or 'none'}")
        return tuple(tag for tag in before if tag not in self.tags) or None


def _tags(texts: Sequence[str]) -> Iterator[str]:
    found = [clean(tag, limit=200).strip() for text in texts for tag in text.split(",")]
    if texts and not any(found):
        raise UsageError("the tag is empty")
    if len(found) > MOST_TAGS:
        raise UsageError(f"at most {counted(MOST_TAGS, 'tag')} at once")
    yield from (tag for tag in found if tag)


def _caption(text: str | None) -> str | None:
    if text is not None and len(text) > MOST_CHARACTERS:
        raise UsageError("the caption is too long: the limit is 10,000 characters")
    return None if text is None else clean(text, limit=MOST_CHARACTERS).strip()


async def _noted(session: Session, moment: str, wish: _Wish, *, as_json: bool) -> int:
    library = LibraryClient(session.library)
    try:
        known = await library.ask(GetNote(*split_moment(moment)))
    finally:
        await library.close()
    wanted = wish.applied(known)
    commands = list(_commands(known, wanted))
    if commands:
        engine = await headless(session.library)
        try:
            for each in commands:
                await engine.send(each)
        finally:
            await engine.close()
    _print(session.out, wanted, as_json)
    return 0


def _commands(known: NoteView, wanted: NoteView) -> Iterator[CorrectFrame | MarkFrame]:
    frame = known.content, known.frame
    if wanted.caption != known.caption:
        yield CorrectFrame(*frame, "caption", wanted.caption or "")
    if wanted.tags != known.tags:
        yield CorrectFrame(*frame, "tags", ", ".join(wanted.tags or ()))
    if wanted.marked != known.marked:
        yield MarkFrame(*frame, wanted.marked)


def _print(out: ConsoleOutput, view: NoteView, as_json: bool) -> None:
    if as_json:
        out.json({"type": "Note", **asdict(view)})
        return
    place = f"{clean_path(view.path)}@{timecode(view.seconds)}"
    mark = "  MARKED" if view.marked else ""
    out.result(f"{place}{mark}  {reference(view.frame, view.scan)}")
    for name, own, said in (
        ("caption", view.caption, view.model_caption),
        ("tags", None if view.tags is None else ", ".join(view.tags), ", ".join(view.model_tags)),
    ):
        if own is not None:
            out.result(f"  {name}: {own}")
        elif said:
            out.result(f"  {name} of the model: {said}")


async def _imported(
    session: Session, request: ReadSidecars, *, dry_run: bool, as_json: bool
) -> int:
    library = LibraryClient(session.library)
    try:
        found = await library.ask(request)
    finally:
        await library.close()
    notes = [each for each in found.notes if not each.problem]
    engine = await headless(session.library) if notes and not dry_run else None
    try:
        for each in notes:
            if engine is not None:
                await _write(engine, each)
            _print_read(session.out, each, as_json)
    finally:
        if engine is not None:
            await engine.close()
    problems = [each for each in found.notes if each.problem]
    for each in problems:
        session.out.failed(each.sidecar, each.problem)
    would = "would be noted" if dry_run else "noted"
    session.out.note(f"{counted(len(notes), 'moment')} {would}")
    if found.unmatched:
        session.out.note(
            f"{counted(found.unmatched, 'text file belongs', 'text files belong')} to no file of "
            "this library"
        )
    return int(ExitCode.SOME_FAILED if problems else ExitCode.OK)


async def _write(engine: EngineClient, each: SidecarNote) -> None:
    if each.caption is not None:
        await engine.send(CorrectFrame(each.content, each.frame, "caption", each.caption))
    if each.tags is not None:
        tags = ", ".join(each.tags)
        await engine.send(CorrectFrame(each.content, each.frame, "tags", tags))


def _print_read(out: ConsoleOutput, each: SidecarNote, as_json: bool) -> None:
    if as_json:
        out.json({"type": "SidecarNote", **asdict(each)})
        return
    tags = "" if each.tags is None else f"  tags: {', '.join(each.tags)}"
    caption = "" if each.caption is None else f"  {each.caption}"
    out.result(f"{clean_path(each.path)}@{timecode(each.seconds)}{caption}{tags}")
