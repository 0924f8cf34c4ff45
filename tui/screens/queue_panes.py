"""The panes beside the queue: the pipeline of a source, what was found just now, the machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.containers import Vertical

from ..look.roles import Role
from ..views import chrome, just_found, load, pipeline, queue, wording
from ..widgets.cells import safe, wrapped
from ..widgets.frame import Frame, PaneKey
from ..widgets.line import LineSpan
from ..widgets.painted import Span
from ..widgets.rows import ListSource
from ..widgets.span_pane import SpanPane
from ..widgets.virtual_table import VirtualTable
from .queue_jobs import JobsScreen

if TYPE_CHECKING:
    from core.protocol.state import TaskState

NO_FINDS = "nothing found since the app was opened"
NO_LOAD = "nothing runs; 6 GPU shows the load"
MOST_NOTICES = 4
Row = dict[str, Any]


class QueuePanes(JobsScreen):
    """A list of jobs, with panes that say more of the one under the cursor."""

    def __init__(self) -> None:
        super().__init__()
        self._finds = just_found.JustFound()
        self._find_rows = ListSource()

    # Layout

    def pipeline_pane(self) -> Frame:
        """Return the pane of the source under the cursor."""
        signs = self.app.symbols
        return Frame(SpanPane(id="pipeline"), symbols=signs, title="Pipeline", id="pipeline-frame")

    def side_panes(self) -> Vertical:
        """Return the panes of what was found and of the machine."""
        signs = self.app.symbols
        finds = VirtualTable(
            just_found.COLUMNS, self._find_rows, symbols=signs, header=False, empty=NO_FINDS,
            id="finds",
        )  # fmt: skip
        return Vertical(
            Frame(finds, symbols=signs, title="Found just now", id="finds-frame"),
            Frame(SpanPane(id="machine"), symbols=signs, title="Machine", id="machine-frame"),
            classes="side box",
        )

    # Moving: the keys of lists are for the finds while these have the focus

    @property
    def finds(self) -> VirtualTable:
        """The list of what was found just now."""
        return self.query_one("#finds", VirtualTable)

    def _move(self, change: Callable[[VirtualTable], object]) -> None:
        change(self.finds if self.finds.has_focus else self.jobs_list())

    def chosen_find(self) -> just_found.Find | None:
        """Return the find under the cursor, while the list of finds has the focus."""
        return self._finds.by_key(self.finds.cursor_key) if self.finds.has_focus else None

    # Drawing

    def draw_panes(self) -> None:
        """Bring all panes up to date."""
        self._finds.update(self.state, self.app.bridge.events)
        row = self._row()
        scan = queue.scan_of(self.state, row["scan"]) if row else None
        task = queue.task_of(scan, row["number"]) if row else None
        self._draw_pipeline(row, task)
        if self.finds.size:
            self._draw_finds()
            self._draw_machine()

    def _draw_pipeline(self, row: Row | None, task: TaskState | None) -> None:
        frame, pane = self.query_one("#pipeline-frame", Frame), self.query_one(SpanPane)
        name = "" if row is None else wording.short_path(row["path"])
        said = queue.detail(row, self.state)[1:]
        if task is None:
            keys = self._load_in_brief()
            frame.show("Selected", name, keys=keys)
            pane.show(partial(self._wrapped, said, "text"))
            return
        slow = queue.slowest(task.steps)
        slowest = [PaneKey("slowest:", slow)] if slow else []
        frame.show("Pipeline", name, keys=[*slowest, *self._load_in_brief()])
        pane.show(partial(self._steps, task, said))

    def _load_in_brief(self) -> list[PaneKey]:
        """Return the load of the machine where its pane is not shown."""
        if self.finds.size or not self._is_running():
            return []
        said = load.in_brief(self.state.machine if self.state else None)
        name, _, rest = said.partition(" ")
        return [PaneKey(name, rest)] if said else []

    def _steps(self, task: TaskState, said: list[str], width: int, height: int) -> list[list[Span]]:
        """Return the steps and, where there is space, how far the source is."""
        steps = pipeline.steps(task, width, height, self.app.symbols)
        below = self._wrapped(said, "dim", width, max(height - len(steps), 0))
        blank: list[list[Span]] = [[]] if len(steps) + len(below) < height else []
        return [*steps, *blank, *below]

    def _draw_finds(self) -> None:
        shown = self._finds.shown
        self._find_rows.show([just_found.row_of(find) for find in shown])
        self.finds.refresh_changed()
        ahead = any(find.provisional for find in shown)
        self.query_one("#finds-frame", Frame).show(
            "Found just now", [LineSpan("provisional", "warn")] if ahead else (),
            keys=[PaneKey("enter", "go there")] if self.finds.has_focus and shown else (),
        )  # fmt: skip

    def _is_running(self) -> bool:
        return bool(self.state and chrome.counts(self.state).running)

    def _draw_machine(self) -> None:
        self.query_one("#machine-frame", Frame).show(
            "Machine", keys=self.pane_key("screen.gpu", "GPU")
        )
        self.query_one("#machine", SpanPane).show(self._machine)

    def _machine(self, width: int, height: int) -> list[list[Span]]:
        """Return the load; below it watched folders, and what there is to report."""
        now = self.state.machine if self.state else None
        lines = (
            load.machine(now, width, self.app.symbols)
            if self._is_running()
            else [[Span(NO_LOAD, "faint")]]
        )
        for words, role in self._notices():
            lines += [[], *self._wrapped(words, role, width, height)]
        return lines

    def _notices(self) -> Iterator[tuple[list[str], Role]]:
        if watched := queue.watched(self.state):
            yield watched, "text"
        if said := [*queue.warnings(self.state), *self._messages()]:
            yield said, "warn"

    def _messages(self) -> list[str]:
        """Return what the engine warned of and left out lately, the newest first."""
        from core.protocol.messages import LeftOut, Warned

        said: list[str] = []
        for _, event in reversed(self.app.bridge.events):
            if isinstance(event, Warned):
                said.append(f"warning: {wording.words([event.text])}")
            elif isinstance(event, LeftOut):
                said += [f"left out: {wording.words([line])}" for line in queue.left_out(event)]
        return said[:MOST_NOTICES]

    @staticmethod
    def _wrapped(words: list[str], role: Role, width: int, height: int) -> list[list[Span]]:
        lines = [line for text in words for line in wrapped(safe(text), width)]
        return [[Span(line, role)] for line in lines[:height]]
