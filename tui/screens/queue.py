"""1 Queue: what is running, what waits, and where the pipeline's time goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from core.protocol.queries import ListTasks
from core.text import counted

from ..views import chrome, queue, wording
from ..views.paged import PagedRows
from ..widgets.frame import Frame, PaneKey
from ..widgets.line import Content, LineSpan
from ..widgets.text_pane import TextLine, TextPane
from ..widgets.virtual_table import VirtualTable
from .choose import ChooseScreen
from .screen import AppScreen

if TYPE_CHECKING:
    from core.protocol.commands import Command
    from core.protocol.state import JobState

    from .add import Chosen

LAST_EVENTS = 12
PANES = {"pipeline": "Pipeline", "latest": "Found just now", "machine": "Machine"}
"""right of the list, from the top"""
STARTING = "starting the engine ..."
NO_LOAD = "nothing runs; 6 GPU shows the load"
NO_NEWS = "nothing since the app was opened"
NOTHING = "nothing here yet: press a to add files or folders"


class QueueScreen(AppScreen):
    """The queue; keys act on the job of the row under the cursor."""

    scope = "queue"

    def __init__(self) -> None:
        super().__init__()
        self._rows = self._listed()
        self._seen = -1

    def body(self) -> ComposeResult:
        """Yield list, side pane and detail."""
        signs = self.app.symbols
        with Horizontal(classes="body box"):
            with Frame(symbols=signs, title="Queue", id="list"):
                yield VirtualTable(queue.COLUMNS, self._rows, symbols=signs, empty=STARTING)
            with Vertical(classes="side box"):
                for name, title in PANES.items():
                    with Frame(symbols=signs, title=title, id=f"{name}-frame"):
                        yield TextPane(symbols=signs, wrap=False, id=name)
        with Frame(symbols=signs, title="Selected", id="about", classes="detail"):
            yield TextPane(symbols=signs, id="detail")

    def draw(self) -> None:
        """Show progress, and fetch the list again when something finished."""
        if self._seen != self.app.bridge.changes:
            self._seen = self.app.bridge.changes
            self._rows.reload()
        table = self.query_one(VirtualTable)
        table.set_empty(STARTING if self.app.bridge.connection == "starting" else NOTHING)
        table.refresh_changed()
        row = self._row()
        self.query_one("#detail", TextPane).show(queue.detail(row, self.state))
        self._draw_side(row)

    def summary(self) -> Content:
        """Return what is running."""
        if self._rows.trouble:
            return [LineSpan(self._rows.trouble, "bad")]
        return queue.facts(self.state)

    def aside(self) -> Content:
        """Return how fast it goes, and what was found."""
        return queue.speed(self.state)

    def pane_keys(self) -> Sequence[PaneKey]:
        """Return the keys of the list."""
        return self.pane_key("queue.results", "review")

    def set_filter(self, text: str) -> None:
        """Show only sources that hold all words."""
        super().set_filter(text)
        self._rows.close()
        self._rows = self._listed()
        self.query_one(VirtualTable).set_source(self._rows)

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
        """Return whether a source of a scan is under the cursor."""
        row = self._row()
        return row is not None and row["number"] > 0

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
        failed = {row["scan"] for row in rows if row["state"] == "failed" and row["number"] > 0}
        numbers = list(dict.fromkeys(row["scan"] for row in rows))
        if len(numbers) == 1:
            words = "retries what failed" if failed else "continues"
            words = f"{self._kind()} {numbers[0]} {words}"
        else:
            words = f"{counted(len(numbers), 'job')} continue or retry what failed"
        commands = [ResumeScan(number, number in failed) for number in numbers]
        self.work(self._notify_all(commands, words))

    def act_queue_up(self) -> None:
        """Move the job towards the head of the queue."""
        from core.protocol.commands import MoveScan

        self.work(self._request(MoveScan(self._scan(), -1), "moved up"))

    def act_queue_down(self) -> None:
        """Move the job towards the end of the queue."""
        from core.protocol.commands import MoveScan

        self.work(self._request(MoveScan(self._scan(), 1), "moved down"))

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

    def act_queue_results(self) -> None:
        """Show what was found in the scan."""
        row = self._row()
        if row is not None and row["number"] == 0:
            number = row["scan"]
            self.say(
                f"job {number} is not a scan; `sightline runs show {number}` shows its results"
            )
            return
        self.app.kept["results.scan"] = self._scan()
        self.app.go("results")

    def act_list_open(self) -> None:
        """Show what was found in the scan."""
        self.act_queue_results()

    @on(VirtualTable.Activated)
    def _opened(self, _event: VirtualTable.Activated) -> None:
        self.act_queue_results()

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
        for command in commands:
            await self.app.bridge.ask(command)
        self.query_one(VirtualTable).set_marks()
        self.app.bridge.changes += 1
        return words if commands else "nothing is running"

    # What is shown

    def copy_choices(self) -> list[tuple[str, str]]:
        """Return what of the row can be copied."""
        row = self._row()
        if row is None:
            return []
        choices = [(row["path"], f"path: {wording.short_path(row['path'], 9)}")]
        if len(marked := self._marked_rows()) > 1:
            paths = "\n".join(each["path"] for each in marked)
            choices.insert(0, (paths, f"paths of {counted(len(marked), 'marked row')}"))
        if row["reason"]:
            choices.append((row["reason"], f"reason: {row['reason']}"))
        return choices

    def _listed(self) -> PagedRows:
        rows = PagedRows(
            ListTasks(text=self.filter_text),
            self.fetch,
            lambda row: queue.task_row(row, self.state),
        )
        rows.on_change = self._came
        return rows

    def _came(self) -> None:
        if self.is_drawable:
            self.query_one(VirtualTable).source_changed()
            self.draw_soon()

    def _row(self) -> dict[str, Any] | None:
        return self._rows.by_key(self.query_one(VirtualTable).cursor_key)

    def _marked_rows(self) -> list[dict[str, Any]]:
        """Return the marked rows that are loaded; without marks, that under the cursor."""
        table = self.query_one(VirtualTable)
        keys = table.marks or ((table.cursor_key,) if table.cursor_key else ())
        rows = (self._rows.by_key(key) for key in keys)
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
        if row is None or row["number"] > 0:
            return "scan"
        return str(row["kind"]).replace("-", " ")

    def _draw_side(self, row: dict[str, Any] | None) -> None:
        """Show pipeline, last events and machine, as far as their panes are shown."""
        pane = self.query_one("#pipeline", TextPane)
        width, signs = pane.size.width, self.app.symbols
        if not width and not self.query_one("#machine").size.width:
            return
        whose, task = queue.at_work(row, self.state)
        self.query_one("#pipeline-frame", Frame).show(PANES["pipeline"], whose)
        pane.show(queue.pipeline(task, width, signs))
        self.query_one("#latest", TextPane).show(
            [*queue.warnings(self.state), *self._last_events()] or [("faint", NO_NEWS)]
        )
        pane = self.query_one("#machine", TextPane)
        pane.show([*self._machine(pane.size.width), "", *queue.watched(self.state)])

    def _machine(self, width: int) -> list[TextLine]:
        """Return how busy the machine is; an idle Queue changes nothing on the screen."""
        state = self.state
        if state is None or not chrome.counts(state).running:
            return [("faint", NO_LOAD)]
        return [*queue.machine(state.machine, width, self.app.symbols)]

    def _last_events(self) -> list[str]:
        from core.protocol.messages import EventFound, LeftOut, Warned

        shown = []
        for _, event in reversed(self.app.bridge.events):
            if isinstance(event, EventFound):
                shown.append(
                    f"{wording.at(event.peak_seconds)}  {event.kind}  "
                    f"{wording.score(event.score)}  {wording.short_path(event.path, 1)}"
                )
            elif isinstance(event, Warned):
                shown.append(f"warning: {wording.words([event.text])}")
            elif isinstance(event, LeftOut):
                shown += [f"left out: {wording.words([line])}" for line in queue.left_out(event)]
            if len(shown) >= LAST_EVENTS:
                break
        return shown[:LAST_EVENTS]
