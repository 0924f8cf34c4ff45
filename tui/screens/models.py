"""5 Models: what there is, what is here, what is being fetched, what was verified."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from core.protocol.commands import (
    CancelPull,
    Command,
    ContinuePull,
    PausePull,
    PullModel,
    RemoveModel,
)
from core.protocol.queries import ListMatrix, ListModels
from core.protocol.requests.models import UnpinModel
from core.text import clean, counted

from ..views import models, wording
from ..views.paged import PagedRows
from ..widgets.frame import Frame, PaneKey
from ..widgets.line import Content, LineSpan
from ..widgets.rows import Row
from ..widgets.text_pane import TextPane
from ..widgets.virtual_table import VirtualTable
from .choose import ChooseScreen
from .read import ReadScreen
from .screen import AppScreen

LOADING = "loading"


class ModelsScreen(AppScreen):
    """Models of the catalog and of this disk; `]` shows what was verified."""

    scope = "models"

    def __init__(self) -> None:
        super().__init__()
        self._matrix = False
        self._sort = "catalog"
        self._descending = False
        self._rows = self._listed()
        self._seen = -1

    def body(self) -> ComposeResult:
        """Yield list, downloads and detail."""
        signs = self.app.symbols
        with Container(classes="body box", id="models-panes"):
            with Frame(symbols=signs, title="Models", id="list"):
                yield VirtualTable(models.COLUMNS, self._rows, symbols=signs, empty=LOADING)
            with Frame(symbols=signs, title="Selected", id="about"):
                yield TextPane(symbols=signs, id="detail")
            with Frame(symbols=signs, title="Downloads", id="downloads"):
                yield TextPane(symbols=signs, wrap=False, id="fetched")

    def draw(self) -> None:
        """Show downloads as they go."""
        if self._seen != self.app.bridge.changes:
            self._seen = self.app.bridge.changes
            self._rows.reload()
        self.query_one(VirtualTable).refresh_changed()
        pane = self.query_one("#fetched", TextPane)
        downloads = self.state.downloads if self.state else ()
        lines = [models.download_line(each, pane.size.width, self.app.symbols)
                 for each in reversed(downloads)]  # fmt: skip
        self.set_class(any(each.state in ("running", "paused") for each in downloads), "-fetching")
        pane.show(lines or [("faint", "no downloads; D downloads the model under the cursor")])
        row = None if self._matrix else self._row()
        self.query_one("#detail", TextPane).show(models.detail(row, self.state))
        self._draw_edges(row)

    def heading(self) -> str:
        """Return what is listed."""
        return "Verified combinations" if self._matrix else "Models"

    def summary(self) -> Content:
        """Return how many there are, and what they take of the memory."""
        if self._rows.trouble:
            return [LineSpan(self._rows.trouble, "bad")]
        held = sum(each.bytes for each in self.state.models) if self.state else 0
        memory = f"  {wording.size(held)} in memory (*)" if held else ""
        count = wording.number(self._rows.count(), self.app.symbols)
        return [LineSpan(count, "strong"), LineSpan(memory, "dim")]

    def pane_keys(self) -> Sequence[PaneKey]:
        """Return the keys of the list."""
        other = "models" if self._matrix else "verified"
        return [*self.pane_key("pane.tab_next", other), *self.pane_key("list.sort", "sort")]

    def set_filter(self, text: str) -> None:
        """Show only models that hold all words."""
        super().set_filter(text)
        self._show()

    # Conditions

    def download_here(self) -> bool:
        """Return whether the model under the cursor is being fetched."""
        row = self._row()
        found = models.download_of(row, self.state) if row and not self._matrix else None
        return found is not None and found.state in ("running", "paused")

    def model_absent(self) -> bool:
        """Return whether the model under the cursor is not whole on this disk."""
        row = self._row()
        return not self._matrix and row is not None and row["state"] != "whole"

    def model_present(self) -> bool:
        """Return whether something of the model under the cursor is on this disk."""
        row = self._row()
        return not self._matrix and row is not None and bool(row["state"])

    def model_pinned(self) -> bool:
        """Return whether the model under the cursor is pinned."""
        row = self._row()
        return not self._matrix and row is not None and bool(row["pinned"])

    # Actions

    def act_pane_tab_next(self) -> None:
        """Show models, or what was verified."""
        self._matrix = not self._matrix
        columns = models.MATRIX_COLUMNS if self._matrix else models.COLUMNS
        self.query_one(VirtualTable).set_columns(columns)
        self._show()

    def act_pane_tab_former(self) -> None:
        """Show models, or what was verified."""
        self.act_pane_tab_next()

    def act_list_sort(self) -> None:
        """Choose the order."""
        choices = [("catalog up", "as in the catalog")]
        for name in models.SORTS:
            choices += [(f"{name} up", f"by {name}, ascending"),
                        (f"{name} down", f"by {name}, descending")]  # fmt: skip

        def chosen(key: str | None) -> None:
            if key is not None:
                self._sort, _, direction = key.partition(" ")
                self._descending = direction == "down"
                self._show()

        self.app.push_screen(ChooseScreen("Order", choices, self.app.symbols), chosen)

    def act_list_open(self) -> None:
        """Show everything known of the model."""
        row = self._row()
        if row is not None:
            facts = models.facts(row, self.state)
            self.app.push_screen(ReadScreen(str(row["repo"]), facts, self.app.symbols))

    @on(VirtualTable.Activated)
    def _opened(self, _event: VirtualTable.Activated) -> None:
        self.act_list_open()

    def act_models_download(self) -> None:
        """Fetch the model; one that runs its own code only after a yes."""
        table, row = self.query_one(VirtualTable), self._row()
        if len(table.marks) > 1:
            self._download_marked()
            return
        if row is None:
            return
        if not row["remote_code"]:
            self._send(PullModel(row["name"]), f"fetching {row['name']}")
            return

        def chosen(how: str | None) -> None:
            if how == "yes":
                self._send(PullModel(row["name"], allow_remote_code=True), "fetching")

        self.app.push_screen(
            ChooseScreen(
                f"{row['name']} runs code from its repository on this machine",
                (("no", "Do not download it"),
                 ("yes", "I trust this repository: download its code too, at one commit")),
                self.app.symbols,
            ),
            chosen,
        )  # fmt: skip

    def _download_marked(self) -> None:
        """Fetch the marked models that are not here; those with code of their own ask singly."""
        table = self.query_one(VirtualTable)
        marked = [row for row in map(self._rows.by_key, table.marks) if row is not None]
        absent = [row for row in marked if row["state"] != "whole"]
        wanted = [row for row in absent if not row["remote_code"]]
        for row in wanted:
            self._send(PullModel(row["name"]), f"fetching {counted(len(wanted), 'model')}")
        if len(wanted) < len(absent):
            self.say("models that run their own code are asked for one by one")
        table.set_marks()

    def act_models_pause(self) -> None:
        """Pause or resume the download."""
        row = self._row()
        found = models.download_of(row, self.state) if row else None
        if found is not None and found.state == "paused":
            self._send(ContinuePull(found.name), "resumed")
        elif found is not None:
            self._send(PausePull(found.name), "paused")

    def act_models_cancel(self) -> None:
        """Stop the download; what came is kept."""
        row = self._row()
        found = models.download_of(row, self.state) if row else None
        if found is not None:
            self._send(CancelPull(found.name), "stopped; D continues where it stopped")

    def act_models_delete(self) -> None:
        """Delete the model from this disk, after asking."""
        row = self._row()
        if row is None:
            return

        def chosen(how: str | None) -> None:
            if how == "yes":
                self._send(RemoveModel(row["repo"]), f"{row['name']} deleted")

        size = wording.size(row["size_bytes"])
        self.app.push_screen(
            ChooseScreen(
                f"Delete {row['repo']} ({size}) from this disk?",
                (("no", "Keep it"), ("yes", "Delete it, for every program that uses this cache")),
                self.app.symbols,
            ),
            chosen,
        )

    def act_models_unpin(self) -> None:
        """Remove the model's pin."""
        row = self._row()
        if row is not None:
            self._send(UnpinModel(row["repo"]), f"{row['name']} is no longer pinned")

    def copy_choices(self) -> list[tuple[str, str]]:
        """Return what of the row can be copied."""
        row = self._row()
        if row is None:
            return []
        return [(str(row[name]), f"{name}: {row[name]}")
                for name in ("name", "repo", "pinned", "commit") if row.get(name)]  # fmt: skip

    # What is shown

    def _send(self, command: Command | UnpinModel, words: str) -> None:
        async def announce() -> str:
            await self.app.bridge.ask(command)
            self.app.bridge.changes += 1
            return words

        self.work(announce())

    def _listed(self) -> PagedRows:
        models_query = ListModels(self.filter_text, self._sort, self._descending)  # type: ignore[arg-type]
        query = ListMatrix(self.filter_text) if self._matrix else models_query
        shown = models.matrix_row if self._matrix else self._shown
        rows = PagedRows(query, self.fetch, shown)
        rows.on_change = self._came
        return rows

    def _draw_edges(self, row: dict[str, Any] | None) -> None:
        """Say in the edges which model is shown, and how many downloads there are."""
        name, kind = ("Selected", "") if row is None else (clean(row["name"]), clean(row["kind"]))
        keys = self.pane_key("list.open", "all facts")
        self.query_one("#about", Frame).show(name, kind, keys=keys)
        count = len(self.state.downloads) if self.state else 0
        keys = [*self.pane_key("models.pause", "pause"), *self.pane_key("models.cancel", "stop")]
        self.query_one("#downloads", Frame).show("Downloads", str(count or ""), keys=keys)

    def _shown(self, row: dict[str, Any]) -> Row:
        return models.model_row(row, self.state)

    def _show(self) -> None:
        self._rows.close()
        self._rows = self._listed()
        table = self.query_one(VirtualTable)
        title = "" if self._matrix else models.SORTS.get(self._sort, "")
        table.set_sort(title, descending=self._descending)
        table.set_empty(LOADING)
        table.set_source(self._rows)

    def _came(self) -> None:
        if self.is_drawable:
            table = self.query_one(VirtualTable)
            table.set_empty(self._why_empty())
            table.source_changed()
            self.draw_soon()

    def _why_empty(self) -> str:
        if self._rows.trouble:
            return self._rows.trouble
        if self.filter_text:
            return "none matches the filter; esc removes it"
        if self._matrix:
            return "no combination was verified here yet; `sightline models verify NAME` does it"
        return "no model is known"

    def _row(self) -> dict[str, Any] | None:
        return self._rows.by_key(self.query_one(VirtualTable).cursor_key)
