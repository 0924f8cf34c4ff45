"""What a person looks at to judge an event."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from ...errors import UsageError
from ...protocol.requests.review import (
    FILES_OF_A_PART,
    FRAMES_OF_A_PART,
    MOST_BINS,
    Density,
    Files,
    GetDensity,
    GetFiles,
    GetHistogram,
    GetRatios,
    GetSeries,
    Histogram,
    Ratio,
    Ratios,
    SeriesRows,
)
from ...text import counted
from ..context import Context
from .handler import Handlers


async def series(context: Context, request: GetSeries) -> AsyncGenerator[SeriesRows, None]:
    """Yield what a stage measured of some frames. Raises UnknownName."""
    from ...reports.series_rows import StageSeries

    found = await context.call(StageSeries, context.library, request)
    for start in range(found.start, max(found.end, found.start + 1), FRAMES_OF_A_PART):
        end = min(start + FRAMES_OF_A_PART, found.end)
        yield await context.call(found.rows, start, end)


async def density(context: Context, request: GetDensity) -> Density:
    """Return where in a content its events are. Raises UnknownName, UsageError."""
    from ...reports.distribution import density as found

    _check_bins(request.bins)
    return await context.call(found, context.library, request)


async def histogram(context: Context, request: GetHistogram) -> Histogram:
    """Return how many events have which score. Raises UnknownName, UsageError."""
    from ...reports.distribution import histogram as found

    _check_bins(request.bins)
    return await context.call(found, context.library, request)


async def ratios(context: Context, request: GetRatios) -> Ratios:
    """Return by which ratios a stage decides."""
    from ...screening.registry import ratio_bounds_of

    found = await context.call(ratio_bounds_of, request.stage)
    return Ratios(
        tuple(tuple(Ratio(r.name, r.floor, r.enough, r.reason) for r in group) for group in found)
    )


async def files(context: Context, request: GetFiles) -> AsyncGenerator[Files, None]:
    """Yield the sources of a list. Raises UsageError for a wrong filter, UnknownName."""
    from ...reports.file_rows import file_rows

    scan, found = await context.call(file_rows, context.library, request.listed)
    for start in range(0, max(len(found), 1), FILES_OF_A_PART):
        yield Files(scan, tuple(found[start : start + FILES_OF_A_PART]))


def _check_bins(bins: int) -> None:
    if not 0 < bins <= MOST_BINS:
        raise UsageError(f"at least 1 and at most {counted(MOST_BINS, 'part')} can be asked for")


HANDLERS: Handlers = {
    GetSeries: series,
    GetDensity: density,
    GetFiles: files,
    GetRatios: ratios,
    GetHistogram: histogram,
}
