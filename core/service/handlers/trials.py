"""What a profile finds in one file, against other settings."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from ...protocol.requests.trials import (
    GetJudgedAt,
    JudgedAtEach,
    TrialProgress,
    Tried,
    TriedPart,
    TryProfile,
)
from ..context import Context
from ..from_thread import parts_from_thread
from .handler import Handlers


async def tried(
    context: Context, request: TryProfile
) -> AsyncGenerator[TrialProgress | TriedPart | Tried, None]:
    """Yield what a profile finds in a file. Raises ProfileError, UnknownName, SourceError."""
    from ...reports.trial import Trial, library_or_none_yet

    with library_or_none_yet(context.folder) as library:
        trial = Trial(library, request)
        work: AsyncGenerator[TrialProgress | TriedPart | Tried, None] = parts_from_thread(
            trial.run, trial.end
        )
        async with aclosing(work) as parts:
            async for part in parts:
                yield part


async def judged_at(context: Context, request: GetJudgedAt) -> JudgedAtEach:
    """Return what sensitivities would keep of all judged peaks."""
    from ...reports.judged_at import judged_at as found

    return await context.call(found, context.library, request)


HANDLERS: Handlers = {
    TryProfile: tried,
    GetJudgedAt: judged_at,
}
