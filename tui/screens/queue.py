"""1 Queue: what is running, what waits, and where the pipeline's time goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from core.protocol.queries import ListQueue
from core.text import counted

from ..views import queue, queue_lines, wording
from ..views.folds import Folds
from ..views.paged import PagedRows
from ..widgets.frame import Frame, PaneKey
from ..widgets.line import Content, LineSpan
from ..widgets.virtual_table import VirtualTable
from .finding import show_find
from .queue_panes import QueuePanes

STARTING = "starting the engine ..."
NOTHING = "nothing here yet: press a to add files or folders"


class QueueScreen(QueuePanes):
    """The queue; keys act on the job of the row under the cursor."""

    scope = "queue"

    def __init__(self) -> None:
        super().__init__()
        self._folds = Folds(self.kept("unfolded", []), self.kept("folded", []))
        self._rows = self._listed()
        self._seen = -1

    def body(self) -> ComposeResult:
        """Yield the list, and the panes beside or below it."""
        signs = self.app.symbols
        with Container(id="queue-panes", classes="body"):
            with Frame(symbols=signs, title="Queue", id="list"):
                self._list = VirtualTable(
                    queue_lines.COLUMNS, self._rows, symbols=signs, header=False, empty=STARTING,
                    id="jobs",
                )  # fmt: skip
                yield self._list
            yield self.pipeline_pane()
            yield self.side_panes()

    def draw(self) -> None:
        """Show progress, and fetch the list again when something finished."""
        self._folds.see(scan.scan for scan in (self.state.scans if self.state else ()))
        if self._seen != self.app.bridge.changes:
            self._seen = self.app.bridge.changes
            self._reload()
        table = self.jobs_list()
        table.set_empty(STARTING if self.app.bridge.connection == "starting" else NOTHING)
        table.refresh_changed()
        self.draw_panes()

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
        row = self._row()
        folds = row is not None and row["number"] == queue.SCAN_ROW
        word = "unfold" if row is not None and row.get("folded") else "fold"
        fold = self.pane_key("list.open", word) if folds else []
        return [*self.pane_key("queue.results", "review"), *fold]

    def set_filter(self, text: str) -> None:
        """Show only sources that hold all words."""
        super().set_filter(text)
        self._rows.close()
        self._rows = self._listed()
        self.jobs_list().set_source(self._rows)

    def to_remember(self) -> dict[str, Any]:
        """Return which scans are folded as well."""
        folds = {"queue.unfolded": self._folds.unfolded, "queue.folded": self._folds.folded}
        return super().to_remember() | folds

    # Actions

    def act_queue_results(self) -> None:
        """Show what was found in the scan, also while it runs."""
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
        """Fold or unfold a scan; of a source, show what was found; of a find, go to it."""
        row, find = self._row(), self.chosen_find()
        if self.finds.has_focus:
            if find is not None:
                self.work(show_find(self.app, find))
        elif row is not None and row["number"] == queue.SCAN_ROW:
            self._folds.turn(row["scan"], folded=row["folded"])
            self._reload()
        else:
            self.act_queue_results()

    @on(VirtualTable.Activated)
    def _opened(self, _event: VirtualTable.Activated) -> None:
        self.act_list_open()

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

    def jobs_list(self) -> VirtualTable:
        """Return the list of scans, sources and other jobs; also while the app ends."""
        return self._list

    def row_of_key(self, key: str | None) -> dict[str, Any] | None:
        """Return a row that is loaded."""
        return self._rows.by_key(key)

    def _query(self) -> ListQueue:
        folds = self._folds
        return ListQueue(self.filter_text, folds.shown_with_sources, tuple(folds.folded))

    def _listed(self) -> PagedRows:
        rows = PagedRows(
            self._query(),
            self.fetch,
            lambda row: queue_lines.row_of(row, self.state, self.app.symbols),
        )
        rows.on_change = self._came
        return rows

    def _reload(self) -> None:
        self._rows.query = replace(self._query())
        self._rows.reload()

    def _came(self) -> None:
        if self.is_drawable:
            self.jobs_list().source_changed()
            self.draw_soon()
