"""Reading results back out of a library: lists, documents, exports, one instant, scores, checks."""

from __future__ import annotations

import math
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import DiskFull, SourceError, UnknownName, UsageError
from .judge.score import Score, Truth, score
from .pipeline.channel import Control
from .plan import Plan, plan
from .profiles import build
from .records import Moment, SourceInfo
from .sources.content import content_hash
from .sources.reader import Reader, ReaderPool
from .spec import Spec
from .stages.dedupe import alike, joined
from .stages.judgement import judge
from .stages.measure import measure_video, open_tracks
from .stages.pictures import scan_pictures
from .stages.table import create
from .storage.export.atomic import disk_errors, make_folder, write
from .storage.export.document import Document, Statistics, Summary, TaskLine
from .storage.library import Library, in_use
from .storage.results import Result
from .storage.runs import UNFINISHED, TaskRow
from .text import clean_path
from .views import MomentView, Piece, PlanView, ScanLine, TaskView, Verified

MAX_PROBES_FOR_ESTIMATE = 200


@dataclass(frozen=True, slots=True)
class Filed:
    """A document with the file stem its exports get."""

    stem: str
    document: Document


def scan_lines(library: Library) -> list[ScanLine]:
    """Return every scan, the newest first."""
    lines = []
    running = in_use(library.folder)
    for row in library.runs.all():
        counts = library.runs.counts(row.id)
        left = sum(counts.get(state, 0) for state in UNFINISHED)
        done = counts.get("done", 0) + counts.get("known", 0)
        failed = counts.get("failed", 0)
        lines.append(
            ScanLine(
                row.id, row.created, row.profile, _state(row.state, running),
                left + done + failed, done, failed,
                left, counts["moments"], tuple(row.asked["paths"]),
            )
        )  # fmt: skip
    return lines


def _state(kept: str, running: bool) -> str:
    # What an engine was doing when it was killed is still written down as running.
    return "interrupted" if kept == "running" and not running else kept


def task_views(library: Library, scan: int) -> list[TaskView]:
    """Return the sources of a scan in order. Raises UnknownName."""
    library.runs.get(scan)
    return [
        TaskView(t.number, t.path, t.kind, t.state, t.reason, t.frames, t.moments, t.seconds)
        for t in library.runs.tasks(scan)
    ]


def spec_of(library: Library, scan: int) -> Spec:
    """Return the spec a scan ran with."""
    row = library.runs.get(scan)
    return build({**row.spec}, row.profile, f"scan {scan}")


def documents(
    library: Library, scan: int, *, statistics: bool = False, thumbnails: bool = False
) -> Iterator[Filed]:
    """Yield one document for each source of a scan that has results, in order."""
    spec = spec_of(library, scan)
    spec_hash = library.runs.get(scan).spec_hash
    stems = _Stems()
    for task in library.runs.tasks(scan):
        if task.content is None:
            continue
        result = library.results.get(task.content, spec_hash)
        if result is not None:
            info = library.results.info(task.content, task.path)
            stem = stems.next(task.path)
            yield Filed(stem, _document(library, info, spec, result, statistics, thumbnails))


def summary(library: Library, scan: int) -> Summary:
    """Return a scan as a whole."""
    row = library.runs.get(scan)
    tasks = library.runs.tasks(scan)
    lines = [TaskLine(t.path, t.kind, t.state, t.reason, t.frames, t.moments) for t in tasks]
    return Summary(
        scan, row.profile, row.spec_hash, row.state, tuple(lines),
        tuple(duplicate_groups(library, scan)),
    )  # fmt: skip


def duplicate_groups(library: Library, scan: int) -> Iterator[tuple[str, ...]]:
    """Yield groups of pictures of a scan that look alike, by path."""
    spec = spec_of(library, scan)
    if "dedupe" not in spec.stages:
        return
    paths, hashes = [], []
    columns = len(create("dedupe").columns)
    for task in library.runs.tasks(scan, ("done", "known")):
        if task.kind == "picture" and task.content is not None:
            result = library.results.get(task.content, library.runs.get(scan).spec_hash)
            if result is not None and "dedupe" in result.tracks:
                values = library.results.whole_track(result.tracks["dedupe"], columns).values
                if len(values):
                    paths.append(task.path)
                    hashes.append(joined(values)[0])
    for group in alike(np.array(hashes, np.uint64), spec.dedupe.distance_bits):
        yield tuple(paths[n] for n in group)


def export(library: Library, scan: int, formats: Sequence[str], folder: Path) -> list[Path]:
    """Write a scan's results and return the files. Raises UsageError or EnvironmentFault."""
    from .storage.export.table import check_formats, write_scan, write_source

    check_formats(formats)
    wanted = {"statistics": "statistics" in formats or "legacy" in formats}
    written = []
    for filed in documents(library, scan, **wanted):
        written += write_source(filed.document, folder, filed.stem, formats)
    rest = (filed.document for filed in documents(library, scan, thumbnails=True))
    return written + write_scan(summary(library, scan), rest, folder, formats)


def export_pieces(library: Library, scan: int, folder: Path, *, pictures: bool) -> Iterator[Piece]:
    """Write one clip (or one picture of the peak) for each event and yield what came of it."""
    spec = spec_of(library, scan)
    reader = Reader(spec.limits, threads=0)
    make_folder(folder)
    try:
        for filed in documents(library, scan):
            info = filed.document.source
            for moment in filed.document.moments:
                name = f"{filed.stem}.{moment.number:03d}.{moment.kind}"
                path = folder / f"{name}.{'jpg' if pictures else 'mp4'}"
                yield _piece(reader, info, moment, path, pictures)
    finally:
        reader.close()


def _piece(reader: Reader, info: SourceInfo, moment: Moment, path: Path, picture: bool) -> Piece:
    try:
        written = (_one_picture if picture else _one_clip)(reader, info, moment, path)
    except SourceError as error:
        return Piece(info.path, None, f"no {path.name}: {error}")
    return Piece(info.path, written)


def plan_view(
    library: Library | None, spec: Spec, paths: Sequence[str], globs: tuple[str, ...], mode: str
) -> PlanView:
    """Return what a scan would do, and how long it may take if earlier scans tell."""
    planned = plan(library, spec, paths, globs, mode)
    to_read = planned.to_read
    frames = _frames_to_read(planned, spec)
    rate, basis = _usual_rate(library)
    return PlanView(
        sources=len(planned.sources),
        known=sum(source.result is not None for source in planned.sources),
        failed_before=sum(bool(source.failure) for source in planned.sources),
        to_read=tuple(source.found.path for source in to_read),
        missing=tuple((item.path, item.reason) for item in planned.missing),
        left_out=planned.left_out,
        frames=frames,
        seconds=frames / rate if rate else None,
        basis=basis,
    )


def instant(library: Library, path: str, seconds: float) -> MomentView:
    """Return everything kept about one instant. Raises UnknownName or UsageError."""
    absolute = os.path.abspath(os.path.expanduser(path))
    scan, result = _latest(library, absolute)
    info = library.results.info(result.content, absolute)
    spec = spec_of(library, scan)
    if info.duration_seconds is not None and seconds > info.duration_seconds + 1.0:
        raise UsageError(
            f"{clean_path(absolute)} lasts {info.duration_seconds:g} s; "
            f"there is nothing at {seconds:g} s"
        )
    around = max(0.05, 1.0 / (info.frame_rate or 25.0))
    measurements, frame, frame_seconds = _measurements(library, result, seconds)
    return MomentView(
        info=info,
        profile=library.runs.get(scan).profile,
        scan=scan,
        seconds=seconds,
        frame=frame,
        frame_seconds=frame_seconds,
        moments=tuple(
            m for m in result.moments
            if m.start_seconds - around <= seconds <= m.end_seconds + around
        ),
        candidates=tuple(
            c for c in result.candidates
            if c.start_seconds - around <= seconds <= c.end_seconds + around
        ),
        measurements={name: measurements[name] for name in spec.stages if name in measurements},
        provenance=result.provenance,
        warnings=result.warnings,
    )  # fmt: skip


def still(info: SourceInfo, seconds: float, longest_side: int, spec: Spec) -> bytes:
    """Return a JPEG of one instant, read from the file itself. Raises SourceError."""
    reader = Reader(spec.limits)
    try:
        with _naming(info.path):
            return next(iter(reader.stills(info, [seconds], longest_side))).jpeg
    except StopIteration as error:
        raise SourceError(f"{clean_path(info.path)}: no frame at {seconds:g} s") from error
    finally:
        reader.close()


def scored(
    library: Library, scan: int, truth: Truth, kinds: Sequence[str], stage_kinds: Sequence[str],
    tolerance_seconds: float,
) -> Score:  # fmt: skip
    """Score the one video of a scan that a truth file speaks of. Raises UsageError."""
    found = [filed.document for filed in documents(library, scan)]
    named = [d for d in found if os.path.basename(d.source.path) == truth.video] or found
    if len(named) != 1:
        raise UsageError(
            f"scan {scan} has {len(named)} sources with results and the truth file names none of "
            'them; give it a "video": "<file name>"'
        )
    moments = [m for m in named[0].moments if not stage_kinds or m.kind in stage_kinds]
    return score(moments, truth.events, kinds, tolerance_seconds)


def verify(library: Library, scan: int) -> Iterator[Verified]:
    """Measure every source of a scan again, beside the library, and compare."""
    spec = spec_of(library, scan)
    spec_hash = library.runs.get(scan).spec_hash
    with tempfile.TemporaryDirectory(prefix="sightline-verify-") as folder:
        beside = Library(Path(folder))
        try:
            for task in library.runs.tasks(scan):
                kept = library.results.get(task.content, spec_hash) if task.content else None
                if kept is None:
                    yield Verified(task.path, "skipped", task.reason or f"task is {task.state}")
                else:
                    yield _verified(beside, task, spec, kept)
        finally:
            beside.close()


class _Stems:
    """File stems that tell sources of the same name apart."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {"summary": 1, "scan": 1}

    def next(self, path: str) -> str:
        name = clean_path(os.path.basename(path))
        stem = re.sub(r"[^\w.@+-]+", "_", name, flags=re.ASCII).strip("._") or "source"
        stem = stem[:120]
        count = self._taken.get(stem.lower(), 0) + 1
        self._taken[stem.lower()] = count
        return stem if count == 1 else self.next(f"{stem}~{count}")


def _document(
    library: Library,
    info: SourceInfo,
    spec: Spec,
    result: Result,
    statistics: bool,
    thumbnails: bool,
) -> Document:
    side = spec.output.thumbnail_pixels
    pictures = {
        moment.number: jpeg
        for moment in (result.moments if thumbnails else ())
        if (jpeg := library.thumbnails.get(info.content, moment.peak_seconds, side)) is not None
    }
    return Document(
        source=info,
        profile=spec.profile,
        spec_hash=result.spec_hash,
        frames=result.frames,
        moments=result.moments,
        candidates=result.candidates,
        statistics=tuple(_statistics(library, result)) if statistics else (),
        provenance=result.provenance,
        warnings=(*result.warnings, *((result.failure,) if result.failure else ())),
        thumbnails=pictures,
    )


def _statistics(library: Library, result: Result) -> Iterator[Statistics]:
    for name, key in result.tracks.items():
        columns = create(name).columns
        track = library.results.whole_track(key, len(columns))
        yield Statistics(name, columns, track.indices, track.pts_seconds, track.values)


def _one_clip(reader: Reader, info: SourceInfo, moment: Moment, path: Path) -> Path:
    scratch = path.with_name(f".{path.name}.part")
    try:
        reader.clip(info.path, moment.clip_start_seconds, moment.clip_end_seconds, str(scratch))
        with disk_errors(path):
            os.replace(scratch, path)
    except DiskFull as error:
        raise DiskFull(f"{clean_path(str(path))}: {error}") from error
    finally:
        scratch.unlink(missing_ok=True)
    return path


def _one_picture(reader: Reader, info: SourceInfo, moment: Moment, path: Path) -> Path:
    for image in reader.stills(info, [moment.peak_seconds], max(info.width, info.height)):
        write(path, image.jpeg)
    return path


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Say which source an error is about: here several are read for one command."""
    try:
        yield
    except SourceError as error:
        raise type(error)(f"{clean_path(path)}: {error}") from error


def _frames_to_read(planned: Plan, spec: Spec) -> int:
    """Return about how many frames are to be read; asks containers for up to 200 videos."""
    videos = [source for source in planned.to_read if source.kind == "video"]
    pictures = len(planned.to_read) - len(videos)
    asked = videos[:MAX_PROBES_FOR_ESTIMATE]
    pool = ReaderPool(1, spec.limits)
    total = 0
    with pool.lend() as reader:
        for source in asked:
            try:
                total += reader.probe(source.found.path).info.frame_count or 0
            except SourceError:
                continue
    pool.close()
    return pictures + (total * len(videos) // len(asked) if asked else 0)


def _usual_rate(library: Library | None) -> tuple[float | None, str]:
    if library is None:
        return None, "no earlier scan to judge by"
    with library.database.reading() as connection:
        frames, seconds, tasks = connection.execute(
            "SELECT sum(frames), sum(seconds), count(*) FROM tasks WHERE state = 'done'"
        ).fetchone()
    if not frames or not seconds:
        return None, "no earlier scan to judge by"
    rate = float(frames) / float(seconds)
    return rate, f"{rate:.0f} frames/s over {tasks} sources scanned before"


def _latest(library: Library, path: str) -> tuple[int, Result]:
    for scan, spec_hash, content in library.runs.latest_of(path):
        result = library.results.get(content, spec_hash)
        if result is not None:
            return scan, result
    raise UnknownName(
        f"{clean_path(path)} was never scanned into this library; run: sightline scan FILE"
    )


def _measurements(
    library: Library, result: Result, seconds: float
) -> tuple[dict[str, dict[str, float]], int, float]:
    found: dict[str, dict[str, float]] = {}
    frame, frame_seconds = 0, 0.0
    for name, key in result.tracks.items():
        columns = create(name).columns
        track = library.results.whole_track(key, len(columns))
        if not len(track.indices):
            continue
        row = int(np.searchsorted(track.pts_seconds, seconds + 1e-6, side="right")) - 1
        row = max(row, 0)
        frame, frame_seconds = int(track.indices[row]), float(track.pts_seconds[row])
        values = {c: float(v) for c, v in zip(columns, track.values[row], strict=True)}
        found[name] = {column: value for column, value in values.items() if not math.isnan(value)}
    return found, frame, frame_seconds


def _verified(beside: Library, task: TaskRow, spec: Spec, kept: Result) -> Verified:
    try:
        if content_hash(task.path) != kept.content:
            return Verified(task.path, "changed", "the file is not the one that was scanned")
        again = _measured_again(beside, task, spec)
    except FileNotFoundError:
        return Verified(task.path, "skipped", "the file is gone")
    except (SourceError, OSError) as error:
        return Verified(task.path, "changed", f"cannot be read any more ({error})")
    for what in ("frames", "candidates", "moments"):
        if getattr(again, what) != getattr(kept, what):
            return Verified(task.path, "changed", f"other {what} than kept")
    return Verified(task.path, "same")


def _measured_again(beside: Library, task: TaskRow, spec: Spec) -> Result:
    from .sources.find import Found

    if task.kind == "picture":
        status = os.stat(task.path)
        found = Found(task.path, status.st_size, status.st_mtime_ns, (0, 0))
        pool = ReaderPool(1, spec.limits)
        done = scan_pictures(beside.results, pool, [found], spec)[0]
        pool.close()
        if done.result is None:
            raise SourceError(done.failure)
        return done.result
    reader = Reader(spec.limits, threads=0)
    try:
        info = reader.probe(task.path).info
        beside.results.remember([(info, 0)])
        tracks = open_tracks(beside.results, info, spec)
        ended = measure_video(
            beside.results, reader, info, spec, tracks, Control(), lambda _done, _steps: None
        )
        return judge(beside.results, info, spec, tracks, ended)
    finally:
        reader.close()
