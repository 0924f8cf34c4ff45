"""The export dialog: which rows, as what, with what, to where, and the same command for a shell."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Input

from core.errors import SightlineError
from core.protocol.queries import ExportRequest
from core.protocol.requests.exports import GetExportSize
from core.text import clean, clean_path, counted

from ..views import browse, shell_words
from ..views.exporting import REJECTED, VIEW, ExportChoice
from ..widgets.choices import ChoiceRows, Shown, folded
from ..widgets.entry import PathEntry
from ..widgets.frame import Frame, PaneKey
from ..widgets.line import Line, LineSpan
from ..widgets.text_pane import TextPane
from .dialog import Dialog
from .latest import run_latest

if TYPE_CHECKING:
    from ..app import SightlineApp

KEYS = (
    PaneKey("tab", "path"), PaneKey("space", "choose"), PaneKey("enter", "write"),
    PaneKey("esc", "back"),
)  # fmt: skip
COMMAND_LINES = 4
WIDTH = 74
"""of the dialog"""
TITLE = "          "
"""as wide as the titles of the groups"""


class ExportScreen(Dialog[ExportChoice | None]):
    """Returns what is to be exported, or None."""

    DEFAULT_CSS = """
    ExportScreen > Frame { width: 76; height: auto; }
    ExportScreen #to { height: 1; }
    ExportScreen #to Line { width: 10; }
    ExportScreen #path { width: 1fr; background: $raised; padding: 0; }
    ExportScreen TextPane { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "leave", show=False),
        Binding("tab,shift+tab", "turn", show=False, priority=True),
        Binding("enter", "write", show=False, priority=True),
        Binding("c", "copy", show=False),
        Binding("ctrl+o", "copy", show=False, priority=True),
    ]

    def __init__(self, choice: ExportChoice, app: SightlineApp) -> None:
        super().__init__()
        self._choice = choice
        self._app = app
        self._sized: ExportRequest | None = None
        self._fault = ""

    def compose(self) -> ComposeResult:
        """Lay out the options, the path, the command and what will be written."""
        signs = self._app.symbols
        with Frame(symbols=signs, title="Export", keys=KEYS):
            yield ChoiceRows(symbols=signs, id="choices")
            with Horizontal(id="to"):
                yield Line("To", symbols=signs)
                yield PathEntry(id="path")
            yield Line(id="becomes", symbols=signs)
            yield TextPane(symbols=signs, wrap=False, id="command")

    def on_mount(self) -> None:
        """Show what is chosen, and count."""
        self.query_one(ChoiceRows).focus()
        self._show_path()
        self._show()
        self.run_worker(self._count())

    def action_leave(self) -> None:
        """Export nothing."""
        self.dismiss(None)

    def action_turn(self) -> None:
        """Go from the options to the path, and back."""
        rows, entry = self.query_one(ChoiceRows), self.query_one(PathEntry)
        (entry if rows.has_focus else rows).focus()
        self._show()

    def action_write(self) -> None:
        """Write, unless something is missing."""
        if not self._choice.trouble():
            self.dismiss(self._choice)

    def action_copy(self) -> None:
        """Copy the command."""
        self._app.copy_text(" ".join(self._choice.command()))

    @on(ChoiceRows.Toggled)
    def _toggled(self, event: ChoiceRows.Toggled) -> None:
        self._choice.toggle(event.group, event.name)
        self._show_path()
        self._show()
        run_latest(self, "size", self._measure)

    @on(ChoiceRows.Moved)
    def _moved(self) -> None:
        self._show()

    @on(ChoiceRows.Left)
    def _left(self) -> None:
        self.action_turn()

    @on(Input.Changed, "#path")
    def _typed(self, event: Input.Changed) -> None:
        if not self.query_one(PathEntry).has_focus:
            return
        typed = browse.unquoted(event.value)
        end = os.sep if typed.endswith(os.sep) else ""
        self._choice.type_path(browse.whole(typed).rstrip(os.sep) + end if typed.strip() else "")
        self._show()

    @on(PathEntry.Pasted)
    def _pasted(self, event: PathEntry.Pasted) -> None:
        paths = shell_words.pasted(event.text)
        if paths:
            self.query_one(PathEntry).replace(paths[0], *self.query_one(PathEntry).selection)

    async def _count(self) -> None:
        """Ask how many rows each choice has, then how large clips and pictures are."""
        choice = self._choice
        try:
            for which in choice.kinds():
                choice.counts[which] = await self._total(which, rejected=False)
                self._show()
            if choice.query.what == "events":
                choice.counts[REJECTED] = await self._rejected()
        except SightlineError as error:
            self._fault = str(error)
            self._show()
            return
        self._show()
        await self._measure()

    async def _total(self, which: str, *, rejected: bool) -> int:
        query = self._choice.query_of(which, rejected=rejected)
        return (await self._app.bridge.ask(replace(query, first=0, last=1))).total

    async def _rejected(self) -> int:
        query = self._choice.query_of(VIEW, rejected=True)
        text = f"{query.text} is:rejected".strip()
        return (await self._app.bridge.ask(replace(query, text=text, first=0, last=1))).total

    async def _measure(self) -> None:
        """Ask for the sizes of the chosen rows, once for each choice."""
        choice = self._choice
        query = choice.query_of(choice.which, rejected=False)
        asked = ExportRequest(query.scan, query.text, cut_offs=query.cut_offs)
        if query.what == "frames" or asked == self._sized:
            return
        try:
            choice.size = await self._app.bridge.ask(GetExportSize(asked))
        except SightlineError:
            return  # not known: it is left out
        self._sized = asked
        self._show()

    def _show_path(self) -> None:
        """Show where it goes, unless it was typed."""
        if self._choice.base is None:
            with self.prevent(Input.Changed):
                self.query_one(PathEntry).value = clean_path(str(self._choice.target()))

    def _show(self) -> None:
        if not self.is_mounted:
            return
        choice, rows = self._choice, self.query_one(ChoiceRows)
        groups = [(title, [Shown(*each) for each in some]) for title, some in choice.groups()]
        rows.show(groups)
        if all(rows.here):
            rows.explain(choice.meaning(*rows.here))
        files = ", ".join(map(clean_path, choice.files()))
        self.query_one("#becomes", Line).show(f"{TITLE}new: {files}" if files else "")
        self._show_command()
        trouble, count = self._fault or choice.trouble(), choice.counts.get(choice.which)
        rows_written = "" if trouble or count is None else counted(count, "row")
        facts = [LineSpan(clean(trouble), "bad")] if trouble else []
        self.query_one(Frame).show("Export", facts, place=rows_written, keys=KEYS)

    def _show_command(self) -> None:
        width = min(WIDTH, self.size.width - 2) - len(TITLE) - 2
        words = " ".join(self._choice.command())
        lines = folded(words, width, COMMAND_LINES, self._app.symbols.ellipsis)
        first, *rest = lines
        self.query_one("#command", TextPane).show(
            [f"{'Same by':<{len(TITLE)}}{first}", *(f"{TITLE}{each}" for each in rest),
             ("dim", f"{TITLE}c copies it")]
        )  # fmt: skip
