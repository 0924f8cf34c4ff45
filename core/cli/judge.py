"""`sightline judge`: say of events and candidates whether they are right."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

import click

from ..errors import ExitCode, UsageError
from ..protocol.commands import JudgeEvent
from ..protocol.requests.judgements import FindEvent, FoundEvent
from ..service.attach import headless
from ..service.client import LibraryClient, wait_for
from ..text import clean_path
from ..times import WrittenTime, reference, timecode
from .moments import split_moment, written_time
from .output import ConsoleOutput, Session

if TYPE_CHECKING:
    from ..service.interface import EngineClient

Said = Literal["right", "wrong", "unsure", ""]
JUDGEMENTS: tuple[Said, ...] = ("right", "wrong", "unsure")
UNDO = ("", "undo", "none")
"""what a file may say to take a judgement back"""
_COLUMNS = ("path", "time", "judgement", "kind")


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is to be said of which event; `line` is that of the file it stands in, 0 for none."""

    path: str
    when: WrittenTime
    judgement: Said
    kind: str
    line: int = 0


@click.command()
@click.argument("moment", metavar="[FILE@TIME]", required=False)
@click.argument("judgement", metavar="[right|wrong|unsure]", required=False)
@click.option("--kind", default="", metavar="KIND", help="Kind of event, if there are several.")
@click.option("--undo", is_flag=True, help="Remove the judgement.")
@click.option(
    "--from",
    "file",
    type=click.File("r", encoding="utf-8", errors="surrogateescape"),
    metavar="FILE",
    help="Read judgements from a CSV file (path,time,judgement,kind), or from stdin with '-'.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per judgement.")
@click.pass_obj
def command(
    session: Session, moment: str | None, judgement: str | None, kind: str, undo: bool,
    file: io.TextIOBase | None, as_json: bool,
) -> int:  # fmt: skip
    """Judge an event or candidate right, wrong or unsure.

    TIME is as in `show`; you can paste a line that `results` printed. The judgement belongs to the
    event whose peak is at that time, else to the nearest event within `events.merge_seconds`, else
    to the nearest rejected candidate. It is stored under the content of the file, so it remains
    when the file is renamed, missing or scanned again. A new judgement replaces the former.

    If there is none, or if there are several of different kinds, the exit code is 2 and the message
    names them. With --from, lines that cannot be judged are reported, and the others are kept.
    """
    if file is not None:
        if moment or judgement or undo:
            raise UsageError("--from takes no FILE@TIME, judgement or --undo")
        wishes = _read(file.read(), kind)
    else:
        wishes = iter((_typed(moment, judgement, kind, undo=undo),))
    return wait_for(_judged(session, wishes, as_json=as_json, several=file is not None))


def _typed(moment: str | None, judgement: str | None, kind: str, *, undo: bool) -> _Wish:
    if moment is None:
        raise UsageError("no event given; write FILE@83.5 right, or --from FILE")
    if undo and judgement:
        raise UsageError("--undo takes no judgement")
    if not undo and not judgement:
        raise UsageError(f"no judgement given; write one of: {', '.join(JUDGEMENTS)}")
    said = "" if undo else _said(judgement or "")
    return _Wish(*split_moment(moment), said, kind)


def _said(text: str) -> Said:
    for each in JUDGEMENTS:
        if each == text.strip().lower():
            return each
    raise UsageError(f"'{text}' is no judgement; known: {', '.join(JUDGEMENTS)}")


def _read(text: str, kind: str) -> Iterator[_Wish | UsageError]:
    """Yield what each line of a CSV file asks for, or what is wrong with it."""
    rows = csv.reader(io.StringIO(text.removeprefix("\ufeff")))
    names: Sequence[str] = _COLUMNS
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if {"path", "time"} <= {cell.lower() for cell in cells}:
            names = [cell.lower() for cell in cells]
            continue
        try:
            yield _wish(dict(zip(names, cells, strict=False)), kind, rows.line_num)
        except UsageError as error:
            yield UsageError(f"line {rows.line_num}: {error}")


def _wish(cells: dict[str, str], kind: str, line: int) -> _Wish:
    path, time = cells.get("path", ""), cells.get("time", "")
    if not path or not time or "judgement" not in cells:
        raise UsageError("it needs a path, a time and a judgement, as in: a.mp4,83.5,right")
    word = cells["judgement"]
    said: Said = "" if word.lower() in UNDO else _said(word)
    return _Wish(path, written_time(time), said, cells.get("kind", "") or kind, line)


async def _judged(
    session: Session, wishes: Iterator[_Wish | UsageError] | Iterator[_Wish],
    *, as_json: bool, several: bool,
) -> int:  # fmt: skip
    """Judge one event after another and return the exit code."""
    library, code = LibraryClient(session.library), int(ExitCode.OK)
    engine: EngineClient | None = None
    try:
        for wish in wishes:
            try:
                if isinstance(wish, UsageError):
                    raise wish
                found = await library.ask(FindEvent(wish.path, wish.when, wish.kind))
                engine = engine or await headless(session.library)
                about = found.content, found.kind, found.peak_frame
                await engine.send(JudgeEvent(*about, wish.judgement))
            except UsageError as error:
                if not several:
                    raise
                where = "" if isinstance(wish, UsageError) else f"line {wish.line}: "
                session.out.warn(f"{where}{error}")
                code = int(ExitCode.USAGE)
                continue
            _print(session.out, found, wish, as_json)
    finally:
        await library.close()
        if engine is not None:
            await engine.close()
    return code


def _print(out: ConsoleOutput, found: FoundEvent, wish: _Wish, as_json: bool) -> None:
    if as_json:
        fields: dict[str, Any] = asdict(found) | {"judgement": wish.judgement or None}
        out.json({"type": "Judged", **fields, "former": found.judgement or None})
        return
    said = f"judged {wish.judgement}" if wish.judgement else "judgement removed"
    before = f" (before: {found.judgement})" if found.judgement else ""
    at = f"{clean_path(found.path)}@{timecode(found.peak_seconds)}"
    rejected = "" if found.accepted else "rejected "
    out.result(
        f"{at}  {rejected}{found.kind}  score {found.score:g}  {said}{before}  "
        f"{reference(found.peak_frame, found.scan)}"
    )
