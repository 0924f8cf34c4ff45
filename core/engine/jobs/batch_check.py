"""`check batch` as a job: the same frames in batches of several sizes, compared.

One scan with one size is a unit of work: its figures are a row of the library. A kill loses the
unit in work; the others are not measured again.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ...config.profiles import build, resolve
from ...errors import UsageError
from ...pipeline.channel import Cancelled
from ...protocol.messages import Warned
from ...storage.jobs import JobRow
from ..job import DEVICES, Job, JobContext
from .models import resolved_models
from .titles import title_of

if TYPE_CHECKING:
    from ...experiments.batch_sizes import BatchComparison, Unit
    from ...scans.plan import Source
    from ...scans.resolve_models import ResolvedModels


class BatchCheck(Job):
    """One comparison of batch sizes."""

    kind = "batch-check"
    resource = DEVICES
    unit = "batch size"

    def __init__(
        self, context: JobContext, row: JobRow, resolved: ResolvedModels, sources: list[Source]
    ) -> None:
        super().__init__(context, row.number, row.title)
        self._resolved = resolved
        self._sources = sources
        self._sizes = [int(size) for size in row.plan["sizes"]]
        self._rounds = int(row.plan["rounds"])
        self._most = int(row.plan["frames"])
        self._rows = context.library.jobs.rows(row.number)
        self._pauses = 0

    @classmethod
    def submit(cls, context: JobContext, command: Any) -> Self:
        """Plan a comparison. Raises UsageError, NothingToScan, ModelMissing."""
        from ...experiments.batch_sizes import AS_IN_PROFILE, digest_of, sources_of

        _check_sizes(command)
        notes: list[str] = []
        resolved = resolved_models(resolve(command.profile, command.overrides), notes.append)
        sources = sources_of(resolved.spec, command.paths, command.frames)
        sizes = command.sizes or (AS_IN_PROFILE,)
        plan = {
            **asdict(command), "sizes": sizes, "profile": resolved.spec.profile,
            "digest": digest_of(sources), "spec": resolved.spec.model_dump(mode="json"),
        }  # fmt: skip
        total = len(sizes) * command.rounds
        title = title_of(resolved.spec.profile, command.paths)
        number = context.library.jobs.create(cls.kind, title, plan, total)
        for note in notes:
            context.emit(Warned(number, note))
        return cls(context, context.library.jobs.get(number), resolved, sources)

    @classmethod
    def resume(cls, context: JobContext, row: JobRow, *, failed: bool) -> Self:
        """Continue after the last size that was measured. Raises UsageError if files changed."""
        from ...experiments.batch_sizes import digest_of, sources_of

        try:
            _check_numbers(row.plan)
            spec = build({**row.plan["spec"]}, row.profile, f"job {row.number}")
            sources = sources_of(spec, row.plan["paths"], int(row.plan["frames"]))
            digest = row.plan["digest"]
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(
                f"job {row.number}: its plan was written by another version ({error}); start a "
                "new check"
            ) from error
        if digest_of(sources) != digest:
            raise UsageError(
                f"job {row.number}: its files have changed, so earlier and later measurements "
                "cannot be compared; start a new check"
            )
        return cls(context, row, resolved_models(spec, lambda _note: None), sources)

    @classmethod
    def clean_up(cls, context: JobContext, number: int) -> None:
        """Remove the scratch libraries."""
        shutil.rmtree(context.library.scratch / str(number), ignore_errors=True)

    @classmethod
    def sweep_scratch(cls, folder: Path) -> None:
        """Remove all but what the sizes that are left are compared with."""
        from ...experiments.batch_sizes import REFERENCE

        for each in folder.glob("*"):
            if each.name != REFERENCE:
                shutil.rmtree(each, ignore_errors=True)

    def run(self) -> None:
        """Measure the units that were not yet, then report a line for each size."""
        from ...experiments.batch_sizes import BatchComparison, lines

        self._announce(self._total)
        folder = self._context.library.scratch / str(self.number)
        if not self.is_complete:
            comparison = BatchComparison(
                folder, self._context.residency(), self._resolved, self._sources, self._sizes,
                self._rounds, self._most, self._warn, self.control,
            )  # fmt: skip
            self._measure_all(comparison)
        shutil.rmtree(folder, ignore_errors=True)
        for line in lines(self._rows, self._sizes):
            self._report({"type": "BatchLine", **asdict(line)})

    @property
    def is_complete(self) -> bool:
        """Return whether every unit was measured."""
        return len(self._rows) >= self._total

    def progress(self) -> tuple[int, int]:
        """Return how many units were measured, and of how many."""
        return len(self._rows), self._total

    def pause(self) -> None:
        """Pause the work; the current unit is measured again, since its time would be wrong."""
        self._pauses += 1
        super().pause()

    @property
    def _total(self) -> int:
        return len(self._sizes) * self._rounds

    def _measure_all(self, comparison: BatchComparison) -> None:
        if comparison.reference.number in self._rows and not comparison.recall():
            self._rows.pop(comparison.reference.number)  # its answers are lost: measured again
        comparison.warm_up()
        for unit in comparison.units:
            if unit.number in self._rows:
                continue
            self.control.checkpoint()
            if self._ending:
                raise Cancelled
            row = self._measured(comparison, unit)
            self._context.library.jobs.keep_row(self.number, unit.number, row)
            self._rows[unit.number] = row

    def _measured(self, comparison: BatchComparison, unit: Unit) -> dict[str, Any]:
        while True:
            before = self._pauses
            row = comparison.measure(unit)
            if self._pauses == before:
                return row

    def _warn(self, note: str) -> None:
        self._context.emit(Warned(self.number, note))


def _check_numbers(plan: dict[str, Any]) -> None:
    """Refuse a plan without sizes and rounds. Raises KeyError, TypeError or ValueError."""
    for each in (*plan["sizes"], plan["rounds"]):
        int(each)


def _check_sizes(command: Any) -> None:
    """Refuse sizes that are out of bounds. Raises UsageError or ProfileError."""
    from ...experiments.batch_sizes import batched

    if command.rounds < 1 or command.frames < 1:
        raise UsageError("a comparison needs at least one round and one frame")
    spec = resolve(command.profile, command.overrides)
    for size in command.sizes:
        changed = {f"{section}.batch_size": size for section in batched(spec)}
        resolve(command.profile, {**command.overrides, **changed})
