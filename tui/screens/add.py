"""Adding files: a path typed with completion, over a list of what lies there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from core.text import clean_path, counted

from ..views import browse, shell_words
from ..widgets.entry import PathEntry
from ..widgets.frame import Frame, PaneKey, key_parts
from ..widgets.line import Line, LineSpan
from ..widgets.rows import ListSource
from ..widgets.symbols import Symbols
from ..widgets.virtual_table import VirtualTable
from .choose import ChooseScreen
from .dialog import Dialog

_KEYS = (PaneKey("ctrl+t", "mark"), PaneKey("ctrl+o", "profile"), PaneKey("ctrl+l", "links"))


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is to be scanned or watched, and how."""

    paths: tuple[str, ...]
    profile: str
    follow_links: bool


class AddScreen(Dialog[Chosen | None]):
    """Returns the paths to scan and the profile, or None; with `watch`, the folders to watch."""

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
        self._moved = False
        """whether a row was chosen since something was typed"""
        self._missing = 0
        """of the pasted paths"""

    def compose(self) -> ComposeResult:
        """Lay out entry and list."""
        signs = self._symbols
        with Frame(symbols=signs):
            yield PathEntry(browse.here(), id="path")
            yield VirtualTable(browse.COLUMNS, self._source, symbols=signs, lit=True,
                               empty="nothing there to scan")  # fmt: skip
            yield Line(id="choice", symbols=signs)

    def on_mount(self) -> None:
        """Type at once, behind the folder we are in."""
        verb = "watch" if self._watch else "scan"
        self.query_one(Frame).show(
            "Watch a folder" if self._watch else "Add",
            "" if self._watch else "files or folders",
            key_parts([PaneKey("enter", verb), PaneKey("tab", "complete"), PaneKey("esc", "back")]),
            keys=_KEYS,
        )
        self.query_one(Input).focus()
        self._list()

    def action_leave(self) -> None:
        """Add nothing."""
        self.dismiss(None)

    def action_move(self, rows: int) -> None:
        """Move in the list."""
        self._moved = True
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
        """Take what is under the cursor into the path; a folder is entered.

        Of a path that does not exist, the part that does is kept.
        """
        key = self.query_one(VirtualTable).cursor_key
        if key is None:
            key = browse.nearest_folder(browse.unquoted(self.query_one(Input).value))
        self._fill(os.path.join(key, "") if os.path.isdir(key) else key)

    def _fill(self, path: str) -> None:
        entry = self.query_one(Input)
        entry.value = path
        entry.cursor_position = len(path)

    @on(PathEntry.Pasted)
    def _pasted(self, event: PathEntry.Pasted) -> None:
        """Take a paste whole: one path in place of what is typed, several into the list."""
        entry, paths = self.query_one(Input), shell_words.pasted(event.text)
        if len(paths) > 1:
            self._show_pasted(tuple(map(browse.whole_or_same, paths)))
        elif paths and shell_words.is_absolute(paths[0]):
            self._fill(paths[0])
        elif paths:  # a name to go on with where one is
            entry.replace(paths[0], *entry.selection)

    def _show_pasted(self, paths: tuple[str, ...]) -> None:
        entry = self.query_one(Input)
        with entry.prevent(Input.Changed):
            entry.value = ""
        entry.placeholder = f"{counted(len(paths), 'pasted path')}; type for another"
        self._source.show(browse.pasted_rows(paths))
        table = self.query_one(VirtualTable)
        table.source_changed()
        table.first()
        table.set_marks([*table.marks, *filter(self._will_do, paths)])
        self._missing = sum(not self._will_do(path) for path in paths)
        self._say()

    def action_profile(self) -> None:
        """Choose the profile to scan with."""
        from core.config.profiles import available

        def chosen(name: str | None) -> None:
            if name is not None:
                self._profile = name
                self._say()

        choices = [(name, f"{name:<16} {browse.about(name)}") for name in available()]
        self.app.push_screen(ChooseScreen("Profile", choices, self._symbols), chosen)

    @on(Input.Changed, "#path")
    def _list(self) -> None:
        typed = browse.unquoted(self.query_one(Input).value)
        self._moved, self._missing = False, 0
        self._source.show(browse.rows(typed))
        table = self.query_one(VirtualTable)
        table.set_empty(browse.trouble(typed) or "nothing there to scan")
        table.source_changed()
        table.first()
        table.cursor_to_key(os.path.expanduser(typed))
        self._say()

    @on(VirtualTable.CursorMoved)
    @on(VirtualTable.Marked)
    def _say_what(self) -> None:
        self._say()

    @on(Input.Submitted, "#path")
    def _entered(self, _event: Input.Submitted) -> None:
        wanted = [path for path in map(browse.whole_or_same, self._chosen()) if self._will_do(path)]
        if wanted:
            self.dismiss(Chosen(tuple(wanted), self._profile, self._follow_links))
        elif self.query_one(VirtualTable).cursor_key is not None and not self._says_missing():
            self.action_complete()

    def _chosen(self) -> tuple[str, ...]:
        """Return what enter takes: what is marked, else the typed name, else the cursor's row."""
        table = self.query_one(VirtualTable)
        if table.marks:
            return table.marks
        typed = browse.unquoted(self.query_one(Input).value)
        if not self._moved and os.path.basename(typed) and browse.exists(typed):
            return (typed,)
        return () if table.cursor_key is None else (table.cursor_key,)

    def _says_missing(self) -> bool:
        return bool(self._missing) or bool(
            browse.trouble(browse.unquoted(self.query_one(Input).value))
        )

    def _will_do(self, path: str) -> bool:
        path = os.path.expanduser(path)
        return os.path.isdir(path) if self._watch else browse.exists(path)

    @on(VirtualTable.Activated)
    def _clicked(self, _event: VirtualTable.Activated) -> None:
        self._moved = True
        self.action_complete()

    def _say(self) -> None:
        links = "  links followed" if self._follow_links else ""
        self.query_one("#choice", Line).show(
            [LineSpan("profile ", "dim"), LineSpan(self._profile, "strong"),
             LineSpan(links, "warn"), LineSpan(self._enter_does(), "dim")]
        )  # fmt: skip

    def _enter_does(self) -> str:
        """Return what enter will take, in words."""
        marked, chosen = len(self.query_one(VirtualTable).marks), self._chosen()
        missing = f", {self._missing} missing" if self._missing else ""
        if marked or missing:
            return f"  {marked} marked{missing}"
        if not chosen or not self._will_do(chosen[0]):
            return ""
        name = clean_path(os.path.basename(os.path.abspath(chosen[0])) or chosen[0])
        return f"  enter: {'all of ' if os.path.isdir(chosen[0]) else ''}{name}"
