"""`sightline profiles try`: what settings would add or lose in one video."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path

from ..config.profiles import embedded, parse_override, resolve
from ..errors import ExitCode
from ..protocol.addresses import absolute
from ..protocol.requests.trials import (
    KeptJudgements,
    TrialProgress,
    Tried,
    TriedEvent,
    TryProfile,
    change_words,
)
from ..service.client import LibraryClient, wait_for
from ..text import clean, counted
from ..times import timecode
from .output import ConsoleOutput, Session


def show_trial(
    session: Session, name: str, file: Path, changes: tuple[str, ...], against: str,
    *, as_json: bool,
) -> int:  # fmt: skip
    """Print the comparison. Raises SightlineError."""
    settings = dict(parse_override(text) for text in changes)
    overrides = embedded(settings, resolve(name, settings))
    found = wait_for(_tried(session, TryProfile(name, absolute(str(file)), overrides, against)))
    if as_json:
        session.out.json({"type": "Tried", **asdict(found)})
    else:
        _print(session.out, found)
    return int(ExitCode.OK)


async def _tried(session: Session, request: TryProfile) -> Tried:
    client, found = LibraryClient(session.library), []
    try:
        async with aclosing(client.stream(request)) as parts:
            async for part in parts:
                found.append(part)
                if isinstance(part, TrialProgress):
                    session.out.progress(f"reading: {counted(part.done, 'frame')}")
    finally:
        session.out.end_progress()
        await client.close()
    return TryProfile.gathered(found)


def _print(out: ConsoleOutput, found: Tried) -> None:
    source = "read, nothing stored" if found.was_read else "from stored measurements"
    out.note("; ".join(filter(None, (source, found.note))))
    for sign, events in (("+", found.added), ("-", found.lost)):
        for event in events:
            out.result(f"{sign} {_line(found.path, event)}")
    out.result(
        f"{len(found.saved)} before, {counted(len(found.now), 'event')} now: {change_words(found)}"
    )
    if found.judgements.right or found.judgements.wrong:
        out.result(_judgements(found.judgements))


def _line(path: str, event: TriedEvent) -> str:
    judged = f"  judged {event.judgement}" if event.judgement else ""
    place = f"{clean(path)}@{timecode(event.peak_seconds)}"
    return f"{place}  {clean(event.kind)}  score {event.score:g}{judged}"


def _judgements(kept: KeptJudgements) -> str:
    return (
        f"judged: {kept.right_saved} of {kept.right} right and {kept.wrong_saved} of "
        f"{kept.wrong} wrong before; {kept.right_now} right and {kept.wrong_now} wrong now"
    )
