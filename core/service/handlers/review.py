"""What a person looks at to judge an event."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from ...errors import UsageError
from ...protocol.requests.review import (
    FRAMES_OF_A_PART,
    MOST_BINS,
    Density,
    GetDensity,
    GetHistogram,
    GetSeries,
    Histogram,
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


def _check_bins(bins: int) -> None:
    if not 0 < bins <= MOST_BINS:
        raise UsageError(f"at least 1 and at most {counted(MOST_BINS, 'part')} can be asked for")


HANDLERS: Handlers = {
    GetSeries: series,
    GetDensity: density,
    GetHistogram: histogram,
}
