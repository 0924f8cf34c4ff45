"""What keys of the queue do to jobs: hold, cancel, continue, move, remove, add, watch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual import on

from core.text import counted

from ..views import queue, wording
from ..widgets.virtual_table import VirtualTable
from .choose import ChooseScreen
from .screen import AppScreen

if TYPE_CHECKING:
    from core.protocol.commands import Command
    from core.protocol.state import JobState

    from .add import Chosen


class JobsScreen(AppScreen):
    """A list of jobs; keys act on the jobs of all marked rows, else on that under the cursor."""

    def __init__(self) -> None:
        super().__init__()
        self._marked: dict[str, dict[str, Any]] = {}
        """rows as they were when they were marked: they may lie in a scan that is folded since"""

    def jobs_list(self) -> VirtualTable:
        """Return the list of jobs."""
        raise NotImplementedError

    def row_of_key(self, key: str | None) -> dict[str, Any] | None:
        """Return a row that is loaded."""
        raise NotImplementedError

    @on(VirtualTable.Marked, "#jobs")
    def _marks_changed(self, event: VirtualTable.Marked) -> None:
        rows = {key: self.row_of_key(key) or self._marked.get(key) for key in event.keys}
        self._marked = {key: row for key, row in rows.items() if row is not None}

    # Conditions and actions

    def act_queue_add(self) -> None:
        """Choose files or folders."""
        from .add import AddScreen

        self.app.push_screen(AddScreen(self.app.profile, self.app.symbols), self._added)

    def act_queue_watch(self) -> None:
        """Choose a folder in which whatever appears is scanned."""
        from .add import AddScreen

        screen = AddScreen(self.app.profile, self.app.symbols, watch=True)
        self.app.push_screen(screen, self._watched)

    def act_queue_unwatch(self) -> None:
        """Watch a folder no more."""
        watches = self.state.watches if self.state else ()
        choices = [(watch.folder, queue.watch_line(watch)) for watch in watches]
        self.app.push_screen(
            ChooseScreen("Stop watching", choices, self.app.symbols), self._unwatched
        )

    def watching(self) -> bool:
        """Return whether a folder is watched."""
        return bool(self.state and self.state.watches)

    def job_active(self) -> bool:
        """Return whether a job that is meant runs or waits."""
        return bool(self._jobs())

    def scan_here(self) -> bool:
        """Return whether a scan or a source of one is under the cursor."""
        row = self._row()
        return row is not None and row["number"] != 0

    def act_queue_pause(self) -> None:
        """Pause or resume the jobs of the marked rows, else that under the cursor."""
        from core.protocol.commands import ContinueScan, PauseScan

        jobs = self._jobs()
        held = bool(jobs) and all(job.state == "paused" for job in jobs)
        commands = [(ContinueScan if held else PauseScan)(job.number) for job in jobs]
        if jobs:
            verb = f"{'is' if len(jobs) == 1 else 'are'} {'resumed' if held else 'paused'}"
            self.work(self._notify_all(commands, f"{queue.called_all(jobs)} {verb}"))

    def act_queue_pause_all(self) -> None:
        """Pause or resume everything."""
        from core.protocol.commands import ContinueScan, PauseScan

        jobs = [job for job in self.state.jobs if not job.standing] if self.state else []
        held = bool(jobs) and all(job.state == "paused" for job in jobs)
        commands = [(ContinueScan if held else PauseScan)(job.number) for job in jobs]
        self.work(
            self._notify_all(commands, "everything is resumed" if held else "everything is paused")
        )

    def act_queue_cancel(self) -> None:
        """Stop the jobs of the marked rows, else that under the cursor; ask if any is running."""
        jobs = self._jobs()
        if not jobs:  # it ended just now
            return
        if all(job.state == "queued" for job in jobs):
            self._cancel(jobs)
            return
        stop = queue.STOPS.get(jobs[0].kind, "Stop it; finished results are kept")
        self.app.push_screen(
            ChooseScreen(
                f"{queue.called_all(jobs)} {'is' if len(jobs) == 1 else 'are'} running",
                (("now", stop), ("no", "Leave it running")),
                self.app.symbols,
            ),
            lambda how: self._cancel(jobs) if how == "now" else None,
        )

    def act_queue_retry(self) -> None:
        """Continue with interrupted jobs, or try what failed again."""
        from core.protocol.commands import ResumeScan

        rows = self._marked_rows()
        failed = {row["scan"] for row in rows if _has_failed(row)}
        numbers = list(dict.fromkeys(row["scan"] for row in rows))
        if len(numbers) == 1:
            words = "retries what failed" if failed else "continues"
            words = f"{self._kind()} {numbers[0]} {words}"
        else:
            words = f"{counted(len(numbers), 'job')} continue or retry what failed"
        commands = [ResumeScan(number, number in failed) for number in numbers]
        self.work(self._notify_all(commands, words))

    def act_queue_up(self) -> None:
        """Move the jobs towards the head of the queue; those that are marked stay marked."""
        self._move_jobs(-1, "moved up")

    def act_queue_down(self) -> None:
        """Move the jobs towards the end of the queue; those that are marked stay marked."""
        self._move_jobs(1, "moved down")

    def _move_jobs(self, by: int, words: str) -> None:
        """Move jobs one place, in an order in which none passes another of them."""
        from core.protocol.commands import MoveScan

        order = [job.number for job in self.state.jobs] if self.state else []
        meant = {job.number for job in self._jobs()}
        movable = queue.movable(order, meant, by)
        if not movable:
            self.say("nothing to move past")
            return
        self.work(self._do_all([MoveScan(number, by) for number in movable], words))

    def act_queue_remove(self) -> None:
        """Remove the jobs and what no other needs, after asking."""
        numbers = list(dict.fromkeys(row["scan"] for row in self._marked_rows()))
        name = (
            f"{self._kind()} {numbers[0]} and its"
            if len(numbers) == 1
            else f"{counted(len(numbers), 'job')} ({', '.join(map(str, numbers))}) and their"
        )
        self.app.push_screen(
            ChooseScreen(
                f"Remove {name} results from the library?",
                (("no", "Keep it"), ("yes", "Remove it; the scanned files are not changed")),
                self.app.symbols,
            ),
            lambda how: self._remove(numbers) if how == "yes" else None,
        )

    def _cancel(self, jobs: Sequence[JobState]) -> None:
        from core.protocol.commands import CancelScan

        verb = "stops" if len(jobs) == 1 else "stop"
        words = f"{queue.called_all(jobs)} {verb}; r resumes {'it' if len(jobs) == 1 else 'them'}"
        self.work(self._notify_all([CancelScan(job.number) for job in jobs], words))

    def _remove(self, numbers: Sequence[int]) -> None:
        from core.protocol.commands import RemoveScan

        one = f"{self._kind()} {numbers[0]}"
        words = f"{one if len(numbers) == 1 else counted(len(numbers), 'job')} removed"
        self.work(self._notify_all([RemoveScan(number) for number in numbers], words))

    def _added(self, found: Chosen | None) -> None:
        from core.protocol.commands import SubmitScan

        if found is not None:
            self.app.profile = found.profile
            command = SubmitScan(found.paths, found.profile, follow_links=found.follow_links)
            self.work(self.app.submit(command))

    def _watched(self, found: Chosen | None) -> None:
        from core.protocol.commands import WatchFolder

        if found is not None:
            self.app.profile = found.profile
            for folder in found.paths:
                command = WatchFolder(folder, found.profile, follow_links=found.follow_links)
                self.work(self.app.submit(command))

    def _unwatched(self, folder: str | None) -> None:
        from core.protocol.commands import EndWatch

        if folder is not None:
            words = f"{wording.short_path(folder)} is no longer watched"
            self.work(self._request(EndWatch(folder), words))

    async def _request(self, command: Command, words: str) -> str:
        await self.app.bridge.ask(command)
        self.app.bridge.changes += 1
        return words

    async def _notify_all(self, commands: Sequence[Command], words: str) -> str:
        await self._do_all(commands, words)
        self.jobs_list().set_marks()
        return words if commands else "nothing is running"

    async def _do_all(self, commands: Sequence[Command], words: str) -> str:
        try:
            for command in commands:
                await self.app.bridge.ask(command)
        finally:
            self.app.bridge.changes += 1
        return words

    # The jobs that are meant

    def _row(self) -> dict[str, Any] | None:
        return self.row_of_key(self.jobs_list().cursor_key)

    def _marked_rows(self) -> list[dict[str, Any]]:
        """Return the marked rows; without marks, that under the cursor."""
        table = self.jobs_list()
        keys = table.marks or ((table.cursor_key,) if table.cursor_key else ())
        rows = (self.row_of_key(key) or self._marked.get(key) for key in keys)
        return [row for row in rows if row is not None]

    def _jobs(self) -> list[JobState]:
        """Return the jobs of the marked rows, else of that under the cursor, that are not done."""
        numbers = dict.fromkeys(row["scan"] for row in self._marked_rows())
        jobs = (queue.job_of(self.state, number) for number in numbers)
        return [job for job in jobs if job is not None]

    def _scan(self) -> int:
        row = self._row()
        return int(row["scan"]) if row else 0

    def selected_scan(self) -> int:
        """Return the scan under the cursor; 0 for a job of another kind."""
        return self._scan() if self.scan_here() else 0

    def _kind(self) -> str:
        """Return the kind of the job under the cursor."""
        row = self._row()
        if row is None or row["number"] != 0:
            return "scan"
        return str(row["kind"]).replace("-", " ")


def _has_failed(row: dict[str, Any]) -> bool:
    """Return whether a row is of a source that failed, or of a scan with such sources."""
    if row["number"] == queue.SCAN_ROW:
        return bool(row["failed"])
    return bool(row["number"]) and row["state"] == "failed"
