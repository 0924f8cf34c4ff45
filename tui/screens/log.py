"""8 Log: what the engine wrote, filtered."""

from __future__ import annotations

from textual.app import ComposeResult

from core.queries import LogLines
from core.settings import log_file

from ..views import log
from ..views.paged import PagedRows
from ..widgets.virtual_table import VirtualTable
from .room import Room


class LogRoom(Room):
    """The engine's log, its end in view until the cursor is moved away from it."""

    scope = "log"

    def __init__(self) -> None:
        super().__init__()
        self._level = "INFO"
        self._rows = self._listed()
        self._seen = -1

    def body(self) -> ComposeResult:
        """Yield the table."""
        yield VirtualTable(
            log.COLUMNS, self._rows, symbols=self.app.symbols, follow_end=True, classes="body",
            empty="nothing was logged yet",
        )  # fmt: skip

    def draw(self) -> None:
        """Fetch what was added."""
        if self._seen != self.app.bridge.changes:
            self._seen = self.app.bridge.changes
            self._rows.reload()

    def summary(self) -> str:
        """Return the file and the level."""
        trouble = f"  {self._rows.trouble}" if self._rows.trouble else ""
        return f" {log_file(self.app.wishes.library)}  {self._level} and above{trouble}"

    def set_filter(self, text: str) -> None:
        """Show only lines that hold all words."""
        super().set_filter(text)
        self._show()

    def act_log_level(self) -> None:
        """Show the next level."""
        here = log.LEVELS.index(self._level)
        self._level = log.LEVELS[(here + 1) % len(log.LEVELS)]
        self._show()

    def act_log_follow(self) -> None:
        """Go to the end."""
        self.query_one(VirtualTable).last()

    def act_log_file(self) -> None:
        """Say where the file is."""
        self.say(str(log_file(self.app.wishes.library)))

    def _listed(self) -> PagedRows:
        query = LogLines(self._level, self.filter_text)  # type: ignore[arg-type]
        rows = PagedRows(query, self.fetch, log.log_row)
        rows.on_change = self._came
        return rows

    def _show(self) -> None:
        self._rows.close()
        self._rows = self._listed()
        self.query_one(VirtualTable).set_source(self._rows)

    def _came(self) -> None:
        if self.is_mounted:
            self.query_one(VirtualTable).source_changed()
