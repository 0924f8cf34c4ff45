"""Truth from JSON, JSONL, subtitles and EDLs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from ..timecodes import (
    RATES,
    TimecodeRate,
    frames_to_seconds,
    is_timecode,
    timecode_rate,
    timecode_to_frames,
)
from .truth import (
    NO_EVENTS,
    OUR_TABLE,
    RIGHT,
    WRONG,
    Footage,
    NoTruth,
    Reading,
    TrueEvent,
    Truth,
    grouped,
    reason_of,
)

_CUE = re.compile(
    r"(?:(\d+):)?(\d{1,2}):(\d{2})[,.](\d{3})\s+-->\s+(?:(\d+):)?(\d{1,2}):(\d{2})[,.](\d{3})"
)
_CAPTION = re.compile(
    r"^(?P<kind>.+?) (?:\d+(?:\.\d+)?|\?)(?: \d+ strokes?)? peak (?P<peak>\d+:\d\d:\d\d\.\d{3})"
    r"(?: end (?P<end>\d+:\d\d:\d\d\.\d{3}))?$"
)
"""what the exports write about an event: see `storage.export.cues.caption`"""
_OF_A_FRAME = re.compile(r"frame at \d+:\d\d:\d\d\.\d{3}")
"""what the exports write above what models said of a frame: see `storage.export.cues`"""
_SHORTEST_CUE = 0.5
_CUT = re.compile(r"^\d{3,}\s+\S+\s+\S+\s+\S+(?:\s+\d+)?((?:\s+\d+:\d\d:\d\d[:;]\d\d){4})\s*$")
_RATE = re.compile(r"^\*\s*FRAME RATE:\s*([\d.]+)(?:\s+(NON-)?DROP FRAME)?")
_START = re.compile(r"^\*\s*START TIMECODE:\s*(\S+)")
_HANDLES = re.compile(r"^\*\s*HANDLES:\s*([\d.]+) BEFORE ([\d.]+) AFTER")
_NAME = re.compile(r"^\*\s*FROM CLIP NAME:\s*(.+)$")
_JUDGEMENT = re.compile(r"^\*\s*JUDGEMENT:\s*(\w+)\s*$")
_COMMENT = re.compile(r"^\*\s*COMMENT:\s*(.+)$")


# JSON


def json_truths(text: str, _footage: Sequence[Footage]) -> list[Truth] | None:
    """Read JSON of one or several videos, sightline's own export included, or JSON lines."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        body = json.loads(text)
    except json.JSONDecodeError:
        return _json_lines(text)
    if isinstance(body, dict) and "events" not in body and "videos" not in body:
        return _json_lines(text)
    return list(_of_json(body, None))


def _of_json(body: Any, fps: Any) -> Iterator[Truth]:
    if isinstance(body, list):
        for each in body:
            yield from _of_json(each, fps)
    elif "videos" in body:
        yield from _of_json(body["videos"], body.get("fps", fps))
    else:
        yield from _one_json(body, body.get("fps", fps))


def _one_json(body: dict[str, Any], fps: Any) -> Iterator[Truth]:
    source = body.get("source")
    named = source if isinstance(source, dict) else {}
    video = str(named.get("path") or body.get("video") or "")
    true = [each for each in body["events"] if each.get("judgement") != WRONG]
    events = [(_video(each) or video, _event(each, fps)) for each in true]
    content = str(named.get("content", ""))
    for truth in grouped(events) or [Truth(video, ())]:
        yield Truth(truth.video, truth.events, content)


def _json_lines(text: str) -> list[Truth]:
    events = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                body = json.loads(line)
                if _is_true(body):
                    events.append((_video(body), _event(body, body.get("fps"))))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise NoTruth(f"line {number}: {reason_of(error)}") from error
    return grouped(events)


def _is_true(body: dict[str, Any]) -> bool:
    """Return whether a line is about a true event.

    Neither a rejected candidate of `results --json` is, unless it was judged right, nor what models
    said, nor what a person judged wrong.
    """
    judgement = body.get("judgement")
    if body.get("result") in NO_EVENTS or judgement == WRONG:
        return False
    return body.get("accepted") is not False or judgement == RIGHT


def _video(body: dict[str, Any]) -> str:
    return str(body.get("video") or body.get("source") or body.get("path") or "")


def _event(body: dict[str, Any], fps: Any) -> TrueEvent:
    start = float(_first(body, "start_s", "start_seconds", "start"))
    end = float(_first(body, "end_s", "end_seconds", "end"))
    peak = next((body[k] for k in ("peak_s", "peak_seconds", "peak") if k in body), None)
    strokes = tuple(_strokes(body, body.get("fps", fps)))
    kind = str(body.get("kind", "event"))
    at = start if peak is None else float(peak)
    return TrueEvent(kind, start, end, at, strokes, has_peak=peak is not None)


def _first(body: dict[str, Any], *names: str) -> Any:
    for name in names:
        if name in body:
            return body[name]
    raise KeyError(names[0])


def _strokes(body: dict[str, Any], fps: Any) -> Iterator[float]:
    """Yield times: whole numbers are frames where a frame rate is given, else seconds."""
    found = body.get("strokes") or []
    frames = fps is not None and all(type(each) is int for each in found)
    for each in found:
        time = each["seconds"] if isinstance(each, dict) else each
        yield float(time) / float(fps) if frames else float(time)
    for frame in body.get("stroke_frames") or []:
        if fps is None:
            raise NoTruth("stroke_frames need the frame rate, as fps")
        yield float(frame) / float(fps)


# Subtitles


def subtitle_truths(text: str, _footage: Sequence[Footage]) -> list[Truth] | None:
    """Read SubRip or WebVTT: each cue is an event, those of sightline's export with their kind."""
    if text.startswith(OUR_TABLE) or ("-->" not in text and not text.startswith("WEBVTT")):
        return None
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    events = []
    for place, line in enumerate(lines):
        if "-->" in line:
            found = _CUE.match(line.strip())
            if found is None:
                raise NoTruth(f"line {place + 1} is not the time of a cue: {line.strip()}")
            said, below = (each.strip() for each in [*lines, "", ""][place + 1 : place + 3])
            if not _OF_A_FRAME.fullmatch(said) and below != f"judged {WRONG}":
                events.append(_cue(found, said))
    return [Truth("", tuple(events))]


def _cue(found: re.Match[str], said: str) -> TrueEvent:
    start, end = _clock(*found.groups()[:4]), _clock(*found.groups()[4:])
    ours = _CAPTION.match(said)
    if ours is None:
        return TrueEvent(said or "event", start, end, start, has_peak=False)
    # A cue of a short flash stays on the screen for longer than that lasted.
    shown_end = _clock_text(ours["end"]) if ours["end"] else start
    if abs(end - start - _SHORTEST_CUE) < 0.0015 and start <= shown_end <= end:
        end = shown_end
    peak = _clock_text(ours["peak"])
    inside = start - 0.001 <= peak <= max(end, start) + 0.001
    return TrueEvent(ours["kind"], start, end, peak if inside else start, has_peak=inside)


def _clock(hours: str | None, minutes: str, seconds: str, thousandths: str) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int(thousandths) / 1000


def _clock_text(text: str) -> float:
    hours, minutes, seconds = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


# Edit decision lists


def edl_truths(text: str, footage: Sequence[Footage]) -> list[Truth] | None:
    """Read a CMX3600 list: each cut is an event, without the handles that its comment gives.

    The rate is that of its comment, else that of the video of this name, else 29.97 for a list
    with dropped frames. Raises NoTruth where none is known.
    """
    blocks = _blocks(text)
    if not blocks and not text.lstrip().startswith("TITLE:"):
        return None
    drops = re.search(r"^FCM:\s*DROP FRAME", text, re.MULTILINE) is not None
    true = [block for block in blocks if _said(_JUDGEMENT, block, "") != WRONG]
    return grouped([_cut(block, footage, drops) for block in true]) or [Truth("", ())]


def _blocks(text: str) -> list[list[str]]:
    """Return the lines of each cut, with the comments behind it."""
    blocks: list[list[str]] = []
    for line in text.splitlines():
        if _CUT.match(line.strip()):
            blocks.append([line.strip()])
        elif blocks:
            blocks[-1].append(line.strip())
    return blocks


def _cut(block: list[str], footage: Sequence[Footage], drops: bool) -> tuple[str, TrueEvent]:
    name = _said(_NAME, block, "")
    known = next((each for each in footage if name in each.names), None)
    known = known or (footage[0] if len(footage) == 1 else None)
    codes = block[0].split()[-4:-2]
    count = _count(block, known, drops)
    start, end = (_from_start(code, count, block, known) for code in codes)
    lead, rest = _handles(block)
    if start + lead <= end - rest:
        start, end = start + lead, end - rest
    said = _CAPTION.match(_said(_COMMENT, block, ""))
    kind = said["kind"] if said else "event"
    peak = _clock_text(said["peak"]) if said else start
    label = float(1 / count.rate)  # ends of a cut are rounded to labels, the peak is not
    inside = said is not None and start - label <= peak <= end + label
    return name, TrueEvent(kind, start, end, peak if inside else start, has_peak=inside)


def _count(block: list[str], known: Footage | None, drops: bool) -> TimecodeRate:
    for line in block:
        if found := _RATE.match(line):
            rate = min(RATES, key=lambda each: abs(float(each) - float(found[1])))
            return TimecodeRate(rate, "DROP FRAME" in line and not found[2])
    if known is not None and known.frame_rate:
        return TimecodeRate(timecode_rate(known.frame_rate).rate, drops)
    if drops:
        return TimecodeRate(Fraction(30000, 1001), drop=True)
    raise NoTruth("its frame rate is missing; add a line '* FRAME RATE: 25' after each cut")


def _from_start(code: str, count: TimecodeRate, block: list[str], known: Footage | None) -> float:
    frames = timecode_to_frames(code, count)
    start = _said(_START, block, "") or (known.start_timecode if known else "")
    if not is_timecode(start):
        return frames_to_seconds(frames, count)
    start = start if count.drop else start.replace(";", ":")
    first = timecode_to_frames(start, count)
    return frames_to_seconds(frames - first if frames >= first else frames, count)


def _handles(block: list[str]) -> tuple[float, float]:
    found = next((each for each in map(_HANDLES.match, block) if each), None)
    return (float(found[1]), float(found[2])) if found else (0.0, 0.0)


def _said(pattern: re.Pattern[str], block: list[str], default: str) -> str:
    found = next((each for each in map(pattern.match, block) if each), None)
    return found[1].strip() if found else default


READINGS: tuple[Reading, ...] = (json_truths, edl_truths, subtitle_truths)
