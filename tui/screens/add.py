"""Adding files: a path typed with completion, over a list of what lies there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from ..views import browse
from ..widgets.entry import Entry
from ..widgets.line import Line
from ..widgets.rows import ListSource
from ..widgets.symbols import Symbols
from ..widgets.virtual_table import VirtualTable
from .choose import ChooseScreen


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is to be scanned or watched, and how."""

    paths: tuple[str, ...]
    profile: str
    follow_links: bool


class AddScreen(ModalScreen[Chosen | None]):
    """Returns the paths to scan and the profile, or None; with `watch`, the folders to watch."""

    CSS = """
    AddScreen { align: center middle; background: $ground; }
    AddScreen > Vertical {
        width: 90; max-width: 100%; height: 22; max-height: 100%;
        border: round $line-on; background: $raised;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "leave", show=False),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("pagedown", "move(10)", show=False, priority=True),
        Binding("pageup", "move(-10)", show=False, priority=True),
        Binding("tab", "complete", show=False, priority=True),
        Binding("ctrl+o", "profile", show=False, priority=True),
        Binding("ctrl+t", "mark", show=False, priority=True),
        Binding("ctrl+l", "links", show=False, priority=True),
    ]

    def __init__(self, profile: str, symbols: Symbols, *, watch: bool = False) -> None:
        super().__init__()
        self._watch = watch
        self._profile = profile
        self._symbols = symbols
        self._follow_links = False
        self._source = ListSource()

    def compose(self) -> ComposeResult:
        """Lay out entry and list."""
        signs = self._symbols
        with Vertical():
            title = "watch a folder" if self._watch else "add files or folders"
            verb = "watch" if self._watch else "scan"
            yield Line(f" {title}", f"tab: complete  enter: {verb}  esc: back ", symbols=signs)
            yield Entry(browse.here(), id="path")
            yield VirtualTable(browse.COLUMNS, self._source, symbols=signs,
                               empty="nothing there to scan")  # fmt: skip
            yield Line(id="choice", symbols=signs)

    def on_mount(self) -> None:
        """Type at once, behind the folder we are in."""
        self.query_one(Input).focus()
        self._list()

    def action_leave(self) -> None:
        """Add nothing."""
        self.dismiss(None)

    def action_move(self, rows: int) -> None:
        """Move in the list."""
        self.query_one(VirtualTable).cursor_by(rows)

    def action_mark(self) -> None:
        """Mark what is under the cursor, to scan several."""
        self.query_one(VirtualTable).toggle_mark()
        self._say()

    def action_links(self) -> None:
        """Follow links in folders that lead out of them, or do not."""
        self._follow_links = not self._follow_links
        self._say()

    def action_complete(self) -> None:
        """Take what is under the cursor into the path; a folder is entered."""
        key = self.query_one(VirtualTable).cursor_key
        if key is not None:
            entry = self.query_one(Input)
            entry.value = key + os.sep if os.path.isdir(key) else key
            entry.cursor_position = len(entry.value)

    def action_profile(self) -> None:
        """Choose the profile to scan with."""
        from core.config.profiles import available

        def chosen(name: str | None) -> None:
            if name is not None:
                self._profile = name
                self._say()

        choices = [(name, f"{name:<16} {browse.about(name)}") for name in available()]
        self.app.push_screen(ChooseScreen("profile", choices, self._symbols), chosen)

    @on(Input.Changed, "#path")
    def _list(self) -> None:
        typed = browse.unquoted(self.query_one(Input).value)
        self._source.show(browse.rows(typed))
        table = self.query_one(VirtualTable)
        table.set_empty(browse.trouble(typed) or "nothing there to scan")
        table.source_changed()
        table.first()
        self._say()

    @on(Input.Submitted, "#path")
    def _entered(self, event: Input.Submitted) -> None:
        marked = self.query_one(VirtualTable).marks
        typed = browse.whole(browse.unquoted(event.value))
        wanted = [path for path in marked or (typed,) if self._will_do(path)]
        if wanted:
            self.dismiss(Chosen(tuple(wanted), self._profile, self._follow_links))
        else:
            self.action_complete()

    def _will_do(self, path: str) -> bool:
        return os.path.isdir(path) if self._watch else os.path.exists(path)

    @on(VirtualTable.Activated)
    def _clicked(self, _event: VirtualTable.Activated) -> None:
        self.action_complete()

    def _say(self) -> None:
        marked = len(self.query_one(VirtualTable).marks)
        many = f"{marked} marked  " if marked else ""
        links = "  links followed" if self._follow_links else ""
        self.query_one("#choice", Line).show(
            f" profile {self._profile}{links}",
            f"{many}ctrl+t: mark  ctrl+o: profile  ctrl+l: links ",
        )
