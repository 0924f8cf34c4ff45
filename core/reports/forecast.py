"""What a scan would do, and how long it may take."""

from __future__ import annotations

from collections.abc import Sequence

from ..config.spec import Spec
from ..errors import SourceError
from ..protocol.views import PlanView
from ..scans.plan import Plan, plan
from ..sources.pools import ReaderPool
from ..storage.library import Library
from ..text import counted

MAX_PROBES_FOR_ESTIMATE = 200


def plan_view(
    library: Library | None, spec: Spec, paths: Sequence[str], globs: tuple[str, ...], mode: str,
    *, follow_links: bool = False,
) -> PlanView:  # fmt: skip
    """Return what a scan would do, and how long it may take if earlier scans show it."""
    planned = plan(library, spec, paths, globs, mode, follow_links=follow_links)
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
        passed_over=planned.passed_over,
    )


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
                probed = reader.probe(
                    source.found.path, stream=source.stream, raw_rate=spec.sampling.raw_rate
                )
                total += probed.info.frame_count or 0
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
    return rate, f"{rate:.0f} frames/s over {counted(tasks, 'source')} scanned before"
