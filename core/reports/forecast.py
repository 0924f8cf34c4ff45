"""What a scan would do, and how long it takes by what earlier scans measured on this machine.

Each part of the work (see `scans/work_times.py`) takes between the least and the most that was
measured for it; a part that was never measured here makes the whole unknown. What the library may
know of a source already, but for a whole result, is not looked up: then a scan takes less.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..config.screening_settings import Sampling
from ..config.spec import Spec
from ..errors import SourceError
from ..inference.frames import sampling_of_looks
from ..models.protocols import Loading
from ..protocol.views import PlanPart, PlanView
from ..records import SourceInfo
from ..scans.plan import Plan, Source, plan
from ..scans.work_times import keyframes_key, megapixels, model_key, screening_key, start_key
from ..sources.pools import ReaderPool
from ..storage.library import Library
from ..stores.rates import RateSample
from ..text import clean, counted

MAX_PROBES_FOR_ESTIMATE = 200
SIMILAR = 8.0
"""how many times more or less work a sample may be of"""


@dataclass(frozen=True, slots=True)
class _Work:
    """A part of a scan: what it is, its key, and from to how many units, None for unknown."""

    what: str
    key: str
    frames: int
    low_units: float | None
    high_units: float | None


@dataclass(frozen=True, slots=True)
class _Videos:
    """The videos that were asked, and how many there are for each of them."""

    infos: Sequence[SourceInfo]
    each: float


def plan_view(
    library: Library | None, spec: Spec, loadings: Mapping[str, Loading], paths: Sequence[str],
    globs: tuple[str, ...], mode: str, *, follow_links: bool = False,
) -> PlanView:  # fmt: skip
    """Return what a scan would do, and how long it may take if earlier scans show it."""
    planned = plan(library, spec, paths, globs, mode, follow_links=follow_links)
    works = list(_works(library, spec, loadings, planned))
    parts = tuple(_part(library, work) for work in works)
    lows = [part.low_seconds for part in parts if part.low_seconds is not None]
    highs = [part.high_seconds for part in parts if part.high_seconds is not None]
    known = len(lows) == len(parts)
    low, high = (sum(lows), sum(highs)) if known else (None, None)
    return PlanView(
        sources=len(planned.sources),
        known=sum(source.result is not None for source in planned.sources),
        failed_before=sum(bool(source.failure) for source in planned.sources),
        to_read=tuple(source.found.path for source in planned.to_read),
        missing=tuple((item.path, item.reason) for item in planned.missing),
        left_out=planned.left_out,
        frames=max((work.frames for work in works), default=0),
        seconds=None if low is None or high is None else (low + high) / 2,
        basis=_basis(parts),
        passed_over=planned.passed_over,
        low_seconds=low,
        high_seconds=high,
        parts=parts,
        unchanged=planned.known,
    )


def _works(
    library: Library | None, spec: Spec, loadings: Mapping[str, Loading], planned: Plan
) -> Iterator[_Work]:
    to_read = planned.to_read
    videos = _probed([s for s in to_read if s.kind == "video"], spec)
    pictures = sum(source.kind != "video" for source in to_read)
    if to_read:
        yield _Work("start", start_key(loadings), 0, 1.0, 1.0)
    if videos.infos and spec.screening_stages:
        yield _screening(library, spec, videos)
    if pictures and spec.screening_stages and not spec.frame_stages:
        yield _Work(
            "screening of pictures", screening_key(spec, "picture"), pictures, pictures, pictures
        )
    for stage, loading in loadings.items():
        what = f"{stage} by {clean(loading.name)} on {clean(loading.device)}"
        if stage not in spec.frame_stages:
            seconds = sum(info.duration_seconds or 0.0 for info in videos.infos) * videos.each
            yield _Work(what, model_key(spec, stage, loading, "video"), 0, seconds, seconds)
            continue
        if videos.infos:
            low, high = _frames(library, sampling_of_looks(spec), videos)
            key = model_key(spec, stage, loading, "video")
            yield _Work(f"{what}, videos", key, math.ceil(high or 0), low, high)
        if pictures:
            key = model_key(spec, stage, loading, "picture")
            yield _Work(f"{what}, pictures", key, pictures, pictures, pictures)


def _screening(library: Library | None, spec: Spec, videos: _Videos) -> _Work:
    key = screening_key(spec, "video")
    low, high = _frames(library, spec.sampling, videos)
    sizes = [_Videos([info], videos.each) for info in videos.infos]
    each = [(_frames(library, spec.sampling, one), megapixels(one.infos[0])) for one in sizes]
    units = [(a * size, b * size) for (a, b), size in each if a is not None and b is not None]
    known = low is not None and len(units) == len(sizes)
    return _Work(
        "screening of videos", key, math.ceil(high or 0),
        sum(a for a, _ in units) if known else None, sum(b for _, b in units) if known else None,
    )  # fmt: skip


def _probed(videos: Sequence[Source], spec: Spec) -> _Videos:
    """Ask containers for up to 200 videos, those spread over all."""
    asked = videos[:: max(1, math.ceil(len(videos) / MAX_PROBES_FOR_ESTIMATE))]
    pool = ReaderPool(1, spec.limits)
    found: list[SourceInfo] = []
    with pool.lend() as reader:
        for source in asked:
            try:
                rate = spec.sampling.raw_rate
                probed = reader.probe(source.found.path, stream=source.stream, raw_rate=rate)
                found.append(probed.info)
            except SourceError:
                continue
    pool.close()
    return _Videos(found, len(videos) / len(found) if found else 0.0)


def _frames(
    library: Library | None, sampling: Sampling, videos: _Videos
) -> tuple[float | None, float | None]:
    """Return from to how many frames a sampling takes of videos; None where nothing shows it."""
    samples = library.rates.samples(keyframes_key()) if library else []
    lows, highs = zip(*(_frames_of(info, sampling, samples) for info in videos.infos), strict=True)
    return _sum(lows, videos.each), _sum(highs, videos.each)


def _sum(counts: Sequence[float | None], each: float) -> float | None:
    known = [count for count in counts if count is not None]
    return sum(known) * each if len(known) == len(counts) else None


def _frames_of(
    info: SourceInfo, sampling: Sampling, keyframes: Sequence[RateSample]
) -> tuple[float | None, float | None]:
    seconds, count = info.duration_seconds, info.frame_count
    if count is None and seconds is not None and info.frame_rate:
        count = round(seconds * info.frame_rate)
    low = high = _taken(sampling, seconds, count)
    if sampling.mode == "keyframes" and keyframes and seconds is not None:
        rates = [sample.rate for sample in keyframes]
        low, high = max(1.0, seconds * min(rates)), max(1.0, seconds * max(rates))
    most = sampling.max_frames or math.inf
    return (None, None) if low is None or high is None else (min(low, most), min(high, most))


def _taken(sampling: Sampling, seconds: float | None, count: int | None) -> float | None:
    """Return how many frames a sampling takes of a video, None where that cannot be said."""
    if sampling.mode == "count":
        return min(sampling.count, count) if count is not None else float(sampling.count)
    if sampling.mode == "fps" and seconds is not None:
        taken = max(1, math.ceil(seconds * sampling.fps - 1e-6))
        return min(taken, count) if count is not None else float(taken)
    return count if sampling.mode == "every" else None


def _part(library: Library | None, work: _Work) -> PlanPart:
    low, high = work.low_units, work.high_units
    samples = library.rates.samples(work.key) if library else []
    if not samples or low is None or high is None:
        return PlanPart(work.what, work.frames, None, None, len(samples))
    rates = [sample.rate for sample in _alike(samples, high)]
    return PlanPart(work.what, work.frames, min(rates) * low, max(rates) * high, len(rates))


def _alike(samples: Sequence[RateSample], units: float) -> Sequence[RateSample]:
    """Return the samples of a similar amount of work, all of them if there are none.

    What a little work takes says little of much work: each begins with what is done once.
    """
    near = [s for s in samples if units / SIMILAR <= s.units <= units * SIMILAR]
    return near or samples


def _basis(parts: Sequence[PlanPart]) -> str:
    lacking = [part.what for part in parts if part.low_seconds is None]
    if lacking:
        return f"not measured on this machine yet: {', '.join(lacking)}"
    if not parts:
        return "nothing to do"
    fewest = min(part.scans for part in parts)
    return f"from {counted(fewest, 'scan')} on this machine"
