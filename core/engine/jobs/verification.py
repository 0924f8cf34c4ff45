"""`runs verify` as a job: every source of a scan is measured again and compared.

A source is a unit of work: its outcome is a row of the library, and is not measured again after a
kill. What is measured lies in a scratch library inside the library's folder.
"""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from ...errors import UsageError
from ...pipeline.channel import Cancelled
from ...protocol.commands import VerifyScan
from ...scans.stored_spec import exact_spec_of
from ...storage.jobs import JobRow
from ...storage.library import Library
from ..job import DEVICES, Job, JobContext
from .models import resolved_models


class Verification(Job):
    """One scan measured again."""

    kind = "verification"
    resource = DEVICES
    unit = "source"

    def __init__(self, context: JobContext, number: int, title: str, command: VerifyScan) -> None:
        super().__init__(context, number, title)
        self._command = command
        self._scan = scan = command.scan
        self._rows = context.library.jobs.rows(number)
        self._total = len(context.library.runs.tasks(scan))

    @classmethod
    def submit(cls, context: JobContext, command: Any) -> Self:
        """Keep which scan is to be verified. Raises UnknownName, UsageError, ModelMissing."""
        library, scan = context.library, command.scan
        _check_can_run(library, command)
        stage = f", {command.stage}" if command.stage else ""
        title, total = f"scan {scan}{stage}", len(library.runs.tasks(scan))
        number = library.jobs.create(cls.kind, title, asdict(command), total)
        return cls(context, number, title, command)

    @classmethod
    def resume(cls, context: JobContext, row: JobRow, *, failed: bool) -> Self:
        """Continue after the last source that was compared. Raises as `submit`."""
        try:
            command = VerifyScan(**row.plan)
            _check_can_run(context.library, command)
        except TypeError as error:
            raise UsageError(
                f"job {row.number}: its plan is of another version ({error}); verify the scan again"
            ) from error
        return cls(context, row.number, row.title, command)

    @classmethod
    def clean_up(cls, context: JobContext, number: int) -> None:
        """Remove the scratch library."""
        shutil.rmtree(context.library.scratch / str(number), ignore_errors=True)

    def run(self) -> None:
        """Measure again, and compare, the sources that were not yet."""
        from ...experiments.rederive import Rederivation

        self._announce(self._total)
        folder = self._context.library.scratch / str(self.number)
        shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed
        try:
            with closing(Library(folder)) as beside:
                again = Rederivation(
                    self._context.library, self._scan, beside, self._context.residency(),
                    self.control, stage=self._command.stage, golden=_golden(self._command),
                )  # fmt: skip
                self._check_all(again)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def is_complete(self) -> bool:
        """Return whether every source was compared."""
        return len(self._rows) >= self._total

    def progress(self) -> tuple[int, int]:
        """Return how many sources were compared, and of how many."""
        return len(self._rows), self._total

    def _check_all(self, again: Any) -> None:
        jobs = self._context.library.jobs
        for task in self._context.library.runs.tasks(self._scan):
            self.control.checkpoint()
            if task.number not in self._rows:
                if self._ending:
                    raise Cancelled
                row = {"type": "Verified", **asdict(again.check(task))}
                jobs.keep_row(self.number, task.number, row)
                self._rows[task.number] = row
            self._report(self._rows[task.number])


def _golden(command: VerifyScan) -> Any:
    from ...experiments.stage_output import read_golden

    return read_golden(Path(command.golden)) if command.golden else None


def _check_can_run(library: Library, command: VerifyScan) -> None:
    """Raise what would keep the scan from being measured again."""
    from ...experiments.stage_output import check_replay

    spec = exact_spec_of(library, command.scan)
    if command.stage:
        check_replay(spec, command.stage, _golden(command))
    elif command.golden:
        raise UsageError("a golden file contains the output of one stage; name it with --stage")
    resolved_models(spec, lambda _note: None)
