"""Everything kept about one instant of a source, and its picture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from ..errors import SourceError, UnknownName, UsageError
from ..protocol.addresses import absolute
from ..protocol.instant_view import InstantView
from ..records import Candidate, Event, SourceInfo, asked_stream
from ..scans.stored_spec import spec_of
from ..screening.registry import columns_of, internal_of
from ..sources.reader import Reader, again_if_killed
from ..storage.export.document import FrameNotes
from ..storage.export.shapes import look
from ..storage.judged_rows import LISTS
from ..storage.library import Library
from ..stores.results import Result
from ..stores.series import SeriesPart
from ..text import clean, clean_path
from ..timecodes import (
    TimecodeRate,
    frames_to_seconds,
    timecode_rate,
    timecode_to_frames,
    written_rate,
)
from ..times import EXACT_SECONDS, WrittenTime
from .duplicates import groups_of
from .frame_notes import frame_notes, verdict_lines, verdicts

MAX_PRINTED = 10_000
"""characters of a printed line: see `core.cli.output`"""


def instant(library: Library, path: str, when: WrittenTime) -> InstantView:
    """Return everything kept about one instant. Raises UnknownName or UsageError.

    A time that was printed shows the frame it was printed of: as the scan saw it that is named,
    else as the newest did that holds an event at that time, else as the newest did.
    """
    known, when, scan, result = located(library, path, when)
    info = library.results.info(result.content, known)
    spec = spec_of(library, scan)
    if info.duration_seconds is not None and when.seconds > info.duration_seconds + 1.0:
        raise UsageError(
            f"{clean_path(known)} lasts {info.duration_seconds:g} s; "
            f"there is nothing at {when.seconds:g} s"
        )
    around = max(0.05, 1.0 / (info.frame_rate or 25.0))
    when = _of_event(result, when)
    measurements, row = _measurements(library, result, when)
    said = library.annotations.of_result(result.content, result.spec_hash)
    nearest = _nearest(frame_notes(said, tracks=False), when)
    seconds = when.seconds
    frame, frame_seconds = row or (0, 0.0)
    if nearest is not None and not result.tracks:
        frame, frame_seconds = nearest.frame, nearest.seconds
    if row is not None and when.frame == frame:
        seconds = frame_seconds
    shown = [
        m for m in result.moments if m.start_seconds - around <= seconds <= m.end_seconds + around
    ]
    proposed = [
        (n, c) for n, c in enumerate(result.candidates)
        if c.start_seconds - around <= seconds <= c.end_seconds + around
    ]  # fmt: skip
    judged = tuple(v for v in verdicts(said) if abs(v["seconds"] - seconds) <= around)
    return InstantView(
        info=info,
        profile=library.runs.get(scan).profile,
        scan=scan,
        seconds=seconds,
        frame=frame,
        frame_seconds=frame_seconds,
        moments=tuple(shown),
        candidates=tuple(each for _, each in proposed),
        judgements=_judgements(library, result, shown, [n for n, _ in proposed]),
        measurements={name: measurements[name] for name in spec.stages if name in measurements},
        provenance=result.provenance,
        look=look(nearest, masks=True) if nearest else None,
        look_lines=nearest.lines if nearest else (),
        verdicts=judged,
        verdict_lines=tuple(verdict_lines(judged)),
        warnings=result.warnings,
        drawn=tuple(library.drawn_boxes.of_frame(info.content, frame)),
        duplicates=groups_of(library, scan).of_path(known) if info.kind == "picture" else (),
        picture_seconds=frame_seconds if row else _seconds_of_picture(nearest, when),
    )  # fmt: skip


def _judgements(
    library: Library, result: Result, events: Sequence[Event], candidates: Sequence[int]
) -> tuple[str, ...]:
    """Return what a person said of some events, and of some candidates by their places."""
    said = library.judgements.of_results([result.content], result.spec_hash)
    of_events, of_candidates = (said.get((result.content, which), {}) for which in LISTS)
    return (
        *(of_events.get(each.number, "") for each in events),
        *(of_candidates.get(number, "") for number in candidates),
    )


def located(library: Library, path: str, when: WrittenTime) -> tuple[str, WrittenTime, int, Result]:
    """Return the path and the time that are meant, and the scan and the result to show them of.

    Raises UnknownName or UsageError.
    """
    known = _known_path(library, absolute(path), when.scan)
    when = _counted(library, known, when)
    return known, when, *_resolved(library, known, when)


def still(info: SourceInfo, seconds: float, longest_side: int, reader: Reader) -> bytes:
    """Return a JPEG of one instant, read from the file itself. Raises SourceError."""
    with naming(info.path):
        found = again_if_killed(lambda: list(reader.stills(info, [seconds], longest_side)))
    if not found:
        raise SourceError(f"{clean_path(info.path)}: no frame at {seconds:g} s")
    return found[0].jpeg


@contextmanager
def naming(path: str) -> Iterator[None]:
    """Say which source an error is about: here several are read for one command."""
    try:
        yield
    except SourceError as error:
        raise type(error)(f"{clean_path(path)}: {error}") from error


def _known_path(library: Library, path: str, scan: int | None) -> str:
    """Return the path that a pasted line stands for.

    Lines are printed without what a terminal would obey, so the printed path of some files is not
    their own. The scan that the line names has the file under its own name.
    """
    if scan is None or next(library.runs.latest_of(path), None) is not None:
        return path
    try:
        tasks = library.runs.tasks(scan)
    except UnknownName:
        return path
    printed = clean(path, limit=MAX_PRINTED)
    return next((t.path for t in tasks if clean(t.path, limit=MAX_PRINTED) == printed), path)


def _counted(library: Library, path: str, when: WrittenTime) -> WrittenTime:
    """Return a time whose timecode, if it has one, is counted as the EDL export counts."""
    if not when.timecode:
        return when
    _, result = _latest(library, path, when)
    info = library.results.info(result.content, path)
    if not info.frame_rate:
        raise UsageError(
            f"{clean_path(path)}: its frame rate is unknown, so the timecode {when.timecode} "
            "cannot be converted; write seconds, as FILE@83.5"
        )
    start = str(info.metadata.get("timecode") or "").strip()
    count = written_rate(when.timecode, timecode_rate(info.frame_rate, start), start)
    try:
        frames = timecode_to_frames(when.timecode, count) - _first_label(start, count)
    except ValueError as error:
        raise UsageError(f"{clean_path(path)}: {error}") from error
    if frames < 0:
        raise UsageError(f"{clean_path(path)} begins at {clean(start)}, after {when.timecode}")
    # A label is that of the frame which is nearest to it, half a label away at most.
    tolerance = float(0.5 / count.rate) - EXACT_SECONDS
    return replace(when, seconds=frames_to_seconds(frames, count), tolerance_seconds=tolerance)


def _first_label(start: str, count: TimecodeRate) -> int:
    """Return the label of the first frame; 0 where the file states none that counts so."""
    try:
        return timecode_to_frames(start if count.drop else start.replace(";", ":"), count)
    except ValueError:
        return 0


def _resolved(library: Library, path: str, when: WrittenTime) -> tuple[int, Result]:
    """Return the scan and the result a time is to be shown of. Raises UnknownName."""
    if when.scan is not None:
        return _latest(library, path, when)
    holding = (
        (scan, result)
        for scan, result in _results(library, path)
        if _event_time(result, when) is not None
    )
    return next(holding, None) or _latest(library, path)


def _latest(library: Library, path: str, when: WrittenTime | None = None) -> tuple[int, Result]:
    """Return the newest scan over a path with its result, or that of `when` if it has one."""
    wanted = None if when is None else when.scan
    newest = None
    for scan, result in _results(library, path, every=wanted is not None):
        newest = newest or (scan, result)
        if wanted is None or (wanted == scan and _is_stream(result, when)):
            return scan, result
    if newest is not None:
        return newest
    raise UnknownName(f"{clean_path(path)} is not in this library; run: sightline scan FILE")


def _is_stream(result: Result, when: WrittenTime | None) -> bool:
    """Return whether a result is about the video stream that a pasted line names, if it does."""
    return when is None or when.stream in (None, asked_stream(result.content))


def _results(library: Library, path: str, *, every: bool = False) -> Iterator[tuple[int, Result]]:
    """Yield results over a path with the newest scan of each; with `every`, all its scans."""
    seen = set()
    for scan, spec_hash, content in library.runs.latest_of(path):
        if not every and (spec_hash, content) in seen:
            continue
        seen.add((spec_hash, content))
        result = library.results.get(content, spec_hash)
        if result is not None:
            yield scan, result


def _event_time(result: Result, when: WrittenTime) -> float | None:
    """Return the exact time of an event or candidate that is printed as this time."""
    found: list[Event | Candidate] = [*result.moments, *result.candidates]
    times = [each.peak_seconds for each in found]
    times += [time for each in found for time in (each.start_seconds, each.end_seconds)]
    return next((t for t in times if abs(t - when.seconds) <= when.tolerance_seconds), None)


def _of_event(result: Result, when: WrittenTime) -> WrittenTime:
    """Return the exact time instead of a printed one, where it is that of an event."""
    exact = _event_time(result, when)
    if exact is None:
        return when
    return replace(when, seconds=exact, tolerance_seconds=EXACT_SECONDS)


def _measurements(
    library: Library, result: Result, when: WrittenTime
) -> tuple[dict[str, dict[str, float]], tuple[int, float] | None]:
    """Return the values of each stage, and number and time of the frame they are of."""
    found: dict[str, dict[str, float]] = {}
    frame = None
    for name, key in result.tracks.items():
        track = library.series.whole(key, 0)
        if not len(track.indices):
            continue
        row = _row(track, when)
        frame = int(track.indices[row]), float(track.pts_seconds[row])
        columns = columns_of(name, track.values.shape[1])
        values = {c: float(v) for c, v in zip(columns, track.values[row], strict=True)}
        hidden = internal_of(name)
        found[name] = {c: v for c, v in values.items() if not math.isnan(v) and c not in hidden}
    return found, frame


def _row(track: SeriesPart, when: WrittenTime) -> int:
    """Return the row of the frame that was named, else of the one on screen at that time."""
    if when.frame is not None:
        row = int(np.searchsorted(track.indices, when.frame))
        if row < len(track.indices) and track.indices[row] == when.frame:
            return row
    latest = when.seconds + when.tolerance_seconds
    return max(int(np.searchsorted(track.pts_seconds, latest, side="right")) - 1, 0)


def _nearest(notes: Sequence[FrameNotes], when: WrittenTime) -> FrameNotes | None:
    named = next((each for each in notes if each.frame == when.frame), None)
    if named is not None:
        return named
    return min(notes, key=lambda each: abs(each.seconds - when.seconds), default=None)


def _seconds_of_picture(nearest: FrameNotes | None, when: WrittenTime) -> float:
    """Return the time of the frame to show where nothing was measured."""
    if nearest is not None:
        named = nearest.frame == when.frame
        if named or abs(nearest.seconds - when.seconds) <= when.tolerance_seconds:
            return nearest.seconds
    return when.seconds + when.tolerance_seconds
