"""`sightline show`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ..protocol.instant_view import InstantView
from ..protocol.requests.instants import GetInstant
from ..protocol.requests.pictures import GetStill
from ..records import Candidate, Event
from ..service.client import ask_library
from ..service.local import write_file
from ..text import counted
from ..times import timecode
from .moments import split_moment
from .output import ConsoleOutput, Session

MOST_DUPLICATES = 20
"""near-duplicates printed"""


@click.command()
@click.argument("moment", metavar="FILE@TIME")
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the frame to this file, as JPEG.",
)
@click.option(
    "--size",
    type=click.IntRange(16, 8192),
    default=1920,
    show_default=True,
    metavar="PIXELS",
    help="Length of the picture's longest side.",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
@click.pass_obj
def command(session: Session, moment: str, picture: Path | None, size: int, as_json: bool) -> int:
    """Show everything stored about one moment of a file.

    Of several scans of the file, the newest with an event at that time is shown, else the newest;
    the line `frame .. of scan N` names it. FILE without a time shows the first frame.

    TIME is seconds (83.5), a time (00:01:23.500), or a timecode as in an EDL (00:01:23:15, or
    drop-frame 00:01:23;15). If the file has a start timecode, a timecode counts from it and uses
    its drop-frame mode. You can also paste a whole line that `scan` or `results` printed: it shows
    the frame of that line with the results of that scan.
    """
    path, when = split_moment(moment)
    view = ask_library(session.library, GetInstant(path, when))
    if picture is not None:
        jpeg = ask_library(session.library, GetStill(path, when, size)).jpeg
        write_file(picture, jpeg)
        session.out.note(f"picture written to {picture}")
    if as_json:
        session.out.json(_finite({"type": "Moment", **asdict(view)}))
    else:
        _print(session.out, view)
    return 0


def _print(out: ConsoleOutput, view: InstantView) -> None:
    info = view.info
    rate = f"  {info.frame_rate:.3f} fps" if info.frame_rate else ""
    out.result(f"{info.path}")
    stream = "" if info.asked_stream is None else f"  stream {info.asked_stream}"
    out.result(f"  {info.codec} {info.width}x{info.height}{rate}{stream}  content {info.content}")
    out.result(
        f"  frame {view.frame} at {timecode(view.frame_seconds)}, scan {view.scan} ({view.profile})"
    )
    for name, value in _metadata(info.metadata):
        out.result(f"  {name}: {value}")
    said = iter(view.judgements)
    for moment in view.moments:
        out.result(
            f"  event {moment.number} {moment.kind}: {timecode(moment.start_seconds)} to "
            f"{timecode(moment.end_seconds)}, peak {timecode(moment.peak_seconds)}, "
            f"score {moment.score:g}{_region(moment)}{_judged(next(said, ''))}"
        )
        for line in _measured(moment):
            out.result(f"    {line}")
    for candidate in view.candidates:
        verdict = "accepted" if candidate.accepted else f"rejected: {candidate.reason}"
        out.result(
            f"  candidate {candidate.stage}: score {candidate.score:g}, "
            f"threshold {candidate.threshold:g}, {verdict}{_judged(next(said, ''))}"
        )
        for line in _measured(candidate):
            out.result(f"    {line}")
    for line in (*_measurements(view), *_said(view), *_drawn(view), *_alike(view)):
        out.result(f"  {line}")
    for warning in view.warnings:
        out.result(f"  warning: {warning}")
    made = view.provenance
    for stage, asked in made.get("models", {}).items():
        out.result(
            f"  {stage} by {asked['model']} at {asked['revision']}, {asked['dtype']}, "
            f"attention {asked['attn']}, on {asked['device']}"
        )
    out.result(
        f"  made by sightline {made.get('sightline')} with {made.get('reader')} "
        f"on {made.get('device')}"
    )


def _measurements(view: InstantView) -> Iterator[str]:
    """Yield what each stage measured of the frame, if it measured anything."""
    for stage, values in view.measurements.items():
        if values:
            shown = "  ".join(f"{name} {value:.6g}" for name, value in values.items())
            yield f"{stage}: {shown}"


def _judged(judgement: str) -> str:
    return f", judged {judgement}" if judgement else ""


def _drawn(view: InstantView) -> Iterator[str]:
    """Yield the boxes that people drew on the frame, in pixels."""
    across, down = view.info.width, view.info.height
    for box in view.drawn:
        yield (
            f"box {box.number}, drawn by hand: {box.label}, "
            f"{box.width * across:.0f} x {box.height * down:.0f} px "
            f"at {box.x * across:.0f}, {box.y * down:.0f}"
        )


def _alike(view: InstantView) -> Iterator[str]:
    """Yield the near-duplicates of a picture, at most so many."""
    yield from (f"near-duplicate: {path}" for path in view.duplicates[:MOST_DUPLICATES])
    more = len(view.duplicates) - MOST_DUPLICATES
    if more > 0:
        yield f"and {counted(more, 'more near-duplicate')}; --json lists all"


def _region(found: Event | Candidate) -> str:
    """Return where in the frame something is, in pixels; empty where that is not known."""
    if found.region is None:
        return ""
    x, y, width, height = found.region
    return f", region {width} x {height} px at {x}, {y}"


def _measured(found: Event | Candidate) -> Iterator[str]:
    """Yield energy, ratios and strokes of an event or candidate, where it has them."""
    if found.energy:
        yield f"energy {found.energy:.6g}"
    if found.facts:
        yield "ratios " + "  ".join(f"{name} {value:.4g}" for name, value in found.facts.items())
    for stroke in found.strokes:
        at = f"{timecode(stroke.seconds)}, frame {stroke.frame}"
        yield f"stroke at {at}, energy {stroke.energy:.6g}"


def _said(view: InstantView) -> Iterator[str]:
    """Yield what models said, in the words of their stages."""
    yield from (f"  {line}" if line.startswith(" ") else line for line in view.verdict_lines)
    look = view.look
    if look is None:
        return
    yield f"model answers for frame {look['frame']} ({timecode(look['seconds'])}):"
    yield from (f"  {line}" for line in view.look_lines)
    for failure in look["failures"]:
        yield f"  {failure['stage']} failed: {failure['reason']}"


def _metadata(fields: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield metadata fields with dotted names, lists left out."""
    for name, value in fields.items():
        if isinstance(value, dict):
            for inner, part in _metadata(value):
                yield f"{name}.{inner}", part
        elif not isinstance(value, list) and value not in (None, ""):
            yield name, value


def _finite(value: object) -> object:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
