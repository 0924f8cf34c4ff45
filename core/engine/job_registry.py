"""The kinds of jobs; each is imported when one of its kind is submitted or resumed."""

from __future__ import annotations

from ..errors import UsageError
from ..plugins.registry import Registry
from ..storage.jobs import JobRow, called
from .job import Job

KINDS: Registry[type[Job]] = Registry(
    "kind of job",
    "sightline.jobs",
    {
        "scan": "core.engine.jobs.scan:Scan",
        "batch-check": "core.engine.jobs.batch_check:BatchCheck",
        "verification": "core.engine.jobs.verification:Verification",
        "download": "core.engine.jobs.download:Download",
        "watch": "core.engine.jobs.watch:Watch",
        "index": "core.engine.jobs.index:Index",
    },
)


def kind_of(row: JobRow) -> type[Job]:
    """Return the class of a job in the library. Raises UsageError for an unknown kind."""
    if row.kind not in KINDS.names():
        raise UsageError(
            f"job {row.number} is {called(row.kind)}, a kind of job that this version does "
            "not know: it is kept unchanged; update sightline to continue or remove it"
        )
    return KINDS.load(row.kind)
