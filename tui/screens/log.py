"""8 Log: what the engine wrote, filtered."""

from __future__ import annotations

import time
from typing import Any

from textual import on
from textual.app import ComposeResult

from core.config.user_settings import log_file
from core.protocol.queries import ListLogLines
from core.text import clean_path, counted

from ..views import log
from ..views.paged import PagedRows
from ..widgets.frame import Frame, key_parts
from ..widgets.line import Content, LineSpan
from ..widgets.virtual_table import VirtualTable
from .read import ReadScreen
from .screen import AppScreen

READ_SECONDS = 2.0
"""what the engine only logs is no event: its log is read again so often while it is shown"""


class LogScreen(AppScreen):
    """The engine's log, its end in view until the cursor is moved away from it."""

    scope = "log"

    def __init__(self) -> None:
        super().__init__()
        level = self.kept("level", "INFO")
        self._level = level if level in log.LEVELS else "INFO"
        self._rows = self._listed()
        self._seen = -1
        self._read_at = 0.0

    def body(self) -> ComposeResult:
        """Yield the table."""
        with Frame(symbols=self.app.symbols, title="Log", id="list"):
            yield VirtualTable(
                log.COLUMNS, self._rows, symbols=self.app.symbols, follow_end=True,
                empty="nothing logged yet",
            )  # fmt: skip

    def draw(self) -> None:
        """Fetch what was added."""
        now = time.monotonic()
        if self._seen != self.app.bridge.changes or now - self._read_at > READ_SECONDS:
            self._seen, self._read_at = self.app.bridge.changes, now
            self._rows.reload()

    def summary(self) -> Content:
        """Return the level."""
        trouble = [LineSpan(f"  {self._rows.trouble}", "bad")] if self._rows.trouble else []
        return [LineSpan(f"{self._level} and above", "dim"), *trouble]

    def aside(self) -> Content:
        """Return the keys of the list."""
        keys = [*self.pane_key("log.level", "level"), *self.pane_key("log.follow", "follow")]
        return key_parts(keys)

    def place(self) -> str:
        """Return whether the end is followed, and where the file is."""
        table = self.query_one(VirtualTable)
        follows = "following  " if table.cursor_index == table.row_count - 1 else ""
        return follows + clean_path(str(log_file(self.app.options.library)))

    def set_filter(self, text: str) -> None:
        """Show only lines that hold all words."""
        super().set_filter(text)
        self._show()

    def to_remember(self) -> dict[str, Any]:
        """Return filter and level; the log itself has moved on by then."""
        return {"log.filter": self.filter_text, "log.level": self._level}

    def act_log_level(self) -> None:
        """Show the next level."""
        here = log.LEVELS.index(self._level)
        self._level = log.LEVELS[(here + 1) % len(log.LEVELS)]
        self._show()

    def act_log_follow(self) -> None:
        """Go to the end."""
        self.query_one(VirtualTable).last()

    def act_list_open(self) -> None:
        """Show the whole line."""
        row = self._row()
        if row is not None:
            lines = log.whole(row)
            self.app.push_screen(ReadScreen("Line of the log", lines, self.app.symbols))

    @on(VirtualTable.Activated)
    def _opened(self, _event: VirtualTable.Activated) -> None:
        self.act_list_open()

    def copy_choices(self) -> list[tuple[str, str]]:
        """Return the line and where the file is."""
        row = self._row()
        path = str(log_file(self.app.options.library))
        lines = [] if row is None else [(" ".join(log.whole(row)), f"line: {row['text']}")]
        marked = [self._rows.by_key(key) for key in self.query_one(VirtualTable).marks]
        texts = [" ".join(log.whole(each)) for each in marked if each is not None]
        if texts:
            lines.insert(0, ("\n".join(texts), f"{counted(len(texts), 'marked line')}"))
        return [*lines, (path, f"file: {path}")]

    def act_log_file(self) -> None:
        """Say where the file is."""
        self.say(str(log_file(self.app.options.library)))

    def _listed(self) -> PagedRows:
        query = ListLogLines(self._level, self.filter_text)  # type: ignore[arg-type]
        rows = PagedRows(query, self.fetch, log.log_row)
        rows.on_change = self._came
        return rows

    def _show(self) -> None:
        self._rows.close()
        self._rows = self._listed()
        self.query_one(VirtualTable).set_source(self._rows)

    def _row(self) -> dict[str, Any] | None:
        return self._rows.by_key(self.query_one(VirtualTable).cursor_key)

    def _came(self) -> None:
        if self.is_drawable:
            self.query_one(VirtualTable).source_changed()
            self.draw_soon()
