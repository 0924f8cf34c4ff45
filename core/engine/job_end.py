"""How a job ended."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ..errors import SightlineError
from ..system.disk_errors import disk_fault_of

log = logging.getLogger("sightline.engine")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended; `reason` and `fault` as in `ScanFinished`."""

    state: str
    reason: str = ""
    fault: str = ""


def cut_short(job: int, error: SightlineError | OSError) -> Ended:
    """Return the end of a job that an error ended."""
    fault = disk_fault_of(error) if isinstance(error, OSError) else error
    if fault is None:
        return defect(job, error)
    return Ended("interrupted", str(fault), type(fault).__name__)


def defect(job: int, error: BaseException) -> Ended:
    """Return the end of a job that an error of ours ended, and log where it happened."""
    log.error("job %d ended by a defect", job, exc_info=error)
    return Ended("failed", f"internal error: {type(error).__name__}: {error}")
