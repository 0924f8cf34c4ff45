"""A download of a model as a job. It needs no device: any number run at once, beside the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Self

from ...errors import Interrupted, SightlineError, UsageError
from ...hub.control import Control
from ...pipeline.channel import Cancelled
from ...protocol.commands import PullModel
from ...protocol.messages import Message, PullEnded
from ...protocol.state import DownloadState
from ...storage.jobs import JobRow
from ..job import Job, JobContext
from ..job_end import Ended, cut_short

if TYPE_CHECKING:
    from ...hub.download import Download as Planned
    from ...hub.progress import DownloadProgress
    from ...hub.resolved import Resolved

KEPT = "the downloaded part is kept"


class Download(Job):
    """One model. What came before an interruption is kept in the cache and not fetched again."""

    kind = "download"
    unit = "byte"

    def __init__(self, context: JobContext, number: int, command: PullModel) -> None:
        super().__init__(context, number, command.name)
        self._command = command
        self._transfer = Control()
        self._download = DownloadState(command.name, "running", 0, 0, 0.0, 0, 0)

    @classmethod
    def submit(cls, context: JobContext, command: Any) -> Self:
        """Keep what is to be fetched. Raises UsageError if it is being fetched already."""
        check_is_not_fetched(context, command.name)
        number = context.library.jobs.create(cls.kind, command.name, asdict(command))
        return cls(context, number, command)

    @classmethod
    def resume(cls, context: JobContext, row: JobRow, *, failed: bool) -> Self:
        """Continue with a download. Raises UsageError if its plan was written by another "
        "version."""
        try:
            command = PullModel(**row.plan)
        except TypeError as error:
            raise UsageError(
                f"job {row.number}: its plan was written by another version ({error}); pull the "
                "model again"
            ) from error
        check_is_not_fetched(context, command.name)
        return cls(context, row.number, command)

    def run(self) -> None:
        """Resolve the model's name, plan its files and fetch what is missing of them."""
        from ...hub.hub import Hub

        self._announce()
        command = self._command
        try:
            hub = Hub(offline=command.offline, notify=self._noticed)
            found = hub.resolve(
                command.name, command.channel, allow_remote_code=command.allow_remote_code,
                weights=command.weights, control=self._transfer,
            )  # fmt: skip
            if found.folder is None or not (hub.offline or not found.repo):
                planned = hub.plan_or_keep(found, self._transfer)
                if planned is not None:
                    self._planned(planned)
                    found = hub.pull(planned, self._advanced, self._transfer)
        except Interrupted as error:
            raise Cancelled from error
        self._fetched(found)

    def progress(self) -> tuple[int, int]:
        """Return how many bytes are here, and of how many."""
        return self._download.bytes_done, self._download.bytes_total

    def view(self, word: str) -> DownloadState:
        """Return the state of the download."""
        return replace(self._download, state=word)

    def last_view(self, end: Ended) -> DownloadState:
        """Return how the download ended."""
        now, state = self._download, _state(end)
        done = now.bytes_total if state == "done" else now.bytes_done
        return replace(now, state=state, reason=_reason(end), bytes_done=done, bytes_per_second=0.0)

    def pause(self) -> None:
        """Pause the transfer."""
        super().pause()
        self._transfer.pause()
        self._download = replace(self._download, bytes_per_second=0.0)

    def continue_(self) -> None:
        """Resume the transfer."""
        super().continue_()
        self._transfer.resume()

    def suspend(self) -> None:
        """Stop the transfer; what came is kept."""
        super().suspend()
        self._transfer.cancel()

    def end_after_unit(self) -> None:
        """Stop the transfer: it can be resumed at any byte."""
        self.suspend()

    def ended_by(self, error: SightlineError | OSError) -> Ended:
        """Return the end of a download that an error ended: it has failed."""
        return replace(cut_short(self.number, error), state="failed")

    def finish(self, end: Ended, seconds: float) -> tuple[Ended, Sequence[Message]]:
        """Keep how it ended; earlier downloads of the model that were cut short are done too."""
        end, last = super().finish(end, seconds)
        jobs = self._context.library.jobs
        try:
            if end.state == "done":
                jobs.settle_earlier(jobs.get(self.number))
        except SightlineError as fault:
            end = Ended("interrupted", str(fault), type(fault).__name__)
        if end.state == "failed":
            from ...hub.pull_lines import failed_line

            self._report(failed_line(self.title, end.reason))
        return end, [PullEnded(0, self.title, _state(end), _reason(end)), *last]

    def _planned(self, planned: Planned) -> None:
        from ...hub.pull_lines import planned_line

        size, files = planned.size_bytes, len(planned.files)
        self._download = replace(self._download, bytes_total=size, files_total=files)
        self._context.library.jobs.set_total(self.number, size)
        self._report(planned_line(planned))

    def _advanced(self, now: DownloadProgress) -> None:
        from ...hub.pull_lines import progress_line

        self._download = replace(
            self._download,
            bytes_done=now.done_bytes,
            bytes_total=now.size_bytes,
            bytes_per_second=now.bytes_per_second,
            files_done=sum(file.state == "done" for file in now.files),
            files_total=len(now.files),
        )
        self._report(progress_line(now))

    def _noticed(self, text: str) -> None:
        from ...hub.pull_lines import notice_line

        self._report(notice_line(self.title, text))

    def _fetched(self, found: Resolved) -> None:
        from ...hub.pull_lines import finished_line

        line = finished_line(found)
        self._context.library.jobs.keep_row(self.number, 1, line)
        self._report(line)


def check_is_not_fetched(context: JobContext, name: str) -> None:
    """Raise UsageError if a download of a model runs already."""
    if context.find(Download.kind, name) is not None:
        raise UsageError(f"{name} is being downloaded")


def _state(end: Ended) -> str:
    return "cancelled" if end.state == "interrupted" and not end.reason else end.state


def _reason(end: Ended) -> str:
    return KEPT if _state(end) == "cancelled" else end.reason
