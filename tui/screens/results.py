"""2 Results: what was found, its pictures, marks and corrections, and getting it out."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from core.errors import SightlineError
from core.protocol.queries import ALL_SCANS, ListResults, Sort, What
from core.protocol.requests.results import GetScans
from core.protocol.requests.review import Files, GetFiles
from core.text import clean

from ..look.roles import Role
from ..views import result_rows, results, wording
from ..views.grouped import GroupedRows
from ..views.paged import PagedRows
from ..widgets.frame import Frame, PaneKey, key_parts
from ..widgets.frame_view import Box, FrameView
from ..widgets.line import Content, Line, LineSpan
from ..widgets.rows import Row
from ..widgets.text_pane import TextLine
from ..widgets.virtual_table import VirtualTable
from .choose import ChooseScreen
from .detailing import DetailScreen
from .drawing import DrawingScreen
from .result_edges import draw_edges
from .taking import TakingScreen

PICTURE_PANE = 1
"""its place among the panes, where only one is shown"""
WHATS = ("events", "candidates", "frames")
SORTS = ("source", "time", "score", "energy", "kind")
TITLES = {"time": "TIME", "score": "SCORE", "kind": "KIND", "source": "", "energy": ""}


class ResultsScreen(TakingScreen, DrawingScreen, DetailScreen):
    """Results of one scan at a time, the newest to begin with."""

    scope = "results"

    def __init__(self) -> None:
        super().__init__()
        what, sort = self.kept("what", "events"), self.kept("sort", "source")
        self._what: What = what if what in WHATS else "events"
        self._found_scan: int | None = None
        """the newest scan with results, where none was asked for and the newest has none"""
        self._scan = self._asked_scan()
        self._sort: Sort = sort if sort in SORTS else "source"
        self._descending = bool(self.kept("descending", False))
        self._folded: set[str] = set()
        self._ending: list[TextLine] | None = None
        self._columns_of: tuple[What, bool] = (self._what, False)
        self._arrived: GroupedRows | None = None
        self._rows = self._trial = self._listed(())
        self._seen = -1
        self._boxes = True

    def body(self) -> ComposeResult:
        """Yield list, picture, time line and detail."""
        signs = self.app.symbols
        with Container(classes="body box", id="results-panes"):
            with Frame(symbols=signs, id="list"):
                yield Line(id="cutoff", symbols=signs)
                columns = result_rows.columns(self._what, named=False)
                yield VirtualTable(columns, self._rows, symbols=signs, header=False,
                                   narrow=True, empty="loading")  # fmt: skip
            with Frame(symbols=signs, title="Picture", id="look"):
                yield FrameView(symbols=signs)
            yield self.around_pane()
            yield self.about_pane()
        yield self.whole_pane()

    def draw(self) -> None:
        """Fetch again when something was found, and when another scan was asked for."""
        asked = self._asked_scan()
        wanted = self._found_scan if asked is None else asked
        changed, self._seen = self._seen != self.app.bridge.changes, self.app.bridge.changes
        if wanted != self._scan:
            self._scan = wanted
            self._show()
        elif changed:
            self._rows.reload()
        if changed:
            self.forget_videos()
        if changed and asked is None:
            self.run_worker(self._find_scan())
        if changed or self._counted_scan != self._listed_scan():
            self._recount()
        tone: Role = "bad" if self._rows.trouble else "dim"
        self.query_one(VirtualTable).set_empty(self._why_empty(), tone)
        self._leave_header()
        self._draw_cut()
        draw_edges(self, self._what, self.moved_row())
        self.draw_picture()
        if self.ending_lines() != self._ending:
            self._ending = self.ending_lines()
            self.look()

    def heading(self) -> str:
        """Return what is listed, and how much of it there is."""
        count = wording.number(self._rows.total, self.app.symbols) if self._rows.loaded else ""
        return f"{self._what.capitalize()} {count}".rstrip()

    def summary(self) -> Content:
        """Return of which scan the rows are, and how many are marked."""
        if self._rows.trouble:
            return [LineSpan(clean(self._rows.trouble), "bad")]
        found = self._scan is not None and self._asked_scan() is None
        newest = {None: "newest scan", ALL_SCANS: "all scans"}.get(self._scan, f"scan {self._scan}")
        marks = len(self.query_one(VirtualTable).marks)
        return [LineSpan(f"{newest}, newest results" if found else newest, "dim"),
                *([LineSpan(f"  {marks} marked", "key")] if marks else [])]  # fmt: skip

    def aside(self) -> Content:
        """Return the key that chooses the scan."""
        return key_parts(self.pane_key("results.scan", "scan"))

    def pane_keys(self) -> Sequence[PaneKey]:
        """Return the keys of the list."""
        return [*self.pane_key("list.sort", "sort")]

    def place(self) -> str:
        """Return which of the results is under the cursor."""
        place = self._rows.place(self.query_one(VirtualTable).cursor_index)
        if place is None or not self._rows.total:
            return ""
        signs = self.app.symbols
        return f"{wording.number(place + 1, signs)} of {wording.number(self._rows.total, signs)}"

    def set_filter(self, text: str) -> None:
        """Show only rows that hold all words and fulfil all conditions."""
        super().set_filter(text)
        self._trial.close()
        self._show()

    def narrow(self, text: str) -> None:
        """Show what the filter typed so far finds; while it is none, what was there stays."""
        if self._trial is not self._rows:
            self._trial.close()
        former, self.filter_text = self.filter_text, text
        self._trial = self._listed(self._cuts.asked)
        self.filter_text = former
        self._trial.on_change = lambda: self._take(text)
        self._trial.count()

    def _take(self, text: str) -> None:
        rows = self._trial
        if not self.is_drawable or rows.trouble or rows is self._rows:
            return
        self._rows.close()
        self.filter_text, self._rows = text, rows
        rows.on_change = self._came
        self._fit_columns()
        self.query_one(VirtualTable).set_source(rows)
        self._came()

    def to_remember(self) -> dict[str, Any]:
        """Return filter and list."""
        mine = {"what": self._what, "sort": self._sort, "descending": self._descending,
                "scan": self._asked_scan(), "pane": self._tab}  # fmt: skip
        return super().to_remember() | {f"results.{name}": value for name, value in mine.items()}

    # Actions

    def act_app_back(self) -> None:
        """Leave the picture, else as everywhere, at last to the newest scan."""
        if self._close_entry():
            return
        if self.pane_shown:
            self.show_pane(0)
        elif self.has_class("-picture"):
            self.act_results_picture()
        elif (
            self._asked_scan() is not None
            and not self.filter_text
            and not self.has_class("-zoomed")
        ):
            self.app.kept["results.scan"] = None
            self.draw()
        else:
            super().act_app_back()

    def act_list_open(self) -> None:
        """Fold the file of a header, or unfold it; else show the picture, or hide it."""
        table = self.query_one(VirtualTable)
        key = table.cursor_key
        if key is None or not self._rows.fold(key):
            self.act_results_picture()
            return
        table.source_changed()
        table.cursor_to_key(key)
        self.draw_soon()

    def act_results_frames(self) -> None:
        """Show the frames that went to models, or events."""
        self._list("events" if self._what == "frames" else "frames")

    def act_results_rejected(self) -> None:
        """Show every candidate, or events only."""
        self._list("events" if self._what == "candidates" else "candidates")

    def act_results_picture(self) -> None:
        """Show the picture, or hide it."""
        self.ask_for_picture()
        if self.is_small():
            self.show_pane(0 if self.pane_shown == PICTURE_PANE else PICTURE_PANE)
        else:
            self.toggle_class("-picture")
        self.rest()  # until it has its place

    def act_results_boxes(self) -> None:
        """Draw boxes, or not."""
        self._boxes = not self._boxes
        self.look()

    def act_results_timeline(self) -> None:
        """Show the time line, or hide it."""
        self.toggle_class("-timeline")

    def act_list_sort(self) -> None:
        """Choose the order."""
        choices = []
        for name in SORTS:
            choices += [(f"{name} up", f"by {name}, ascending"),
                        (f"{name} down", f"by {name}, descending")]  # fmt: skip

        def chosen(key: str | None) -> None:
            if key is not None:
                name, _, direction = key.partition(" ")
                self._sort = name  # type: ignore[assignment]
                self._descending = direction == "down"
                self._show()

        self.app.push_screen(ChooseScreen("Order", choices, self.app.symbols), chosen)

    # The picture: see `PictureScreen`

    @on(VirtualTable.CursorMoved)
    def _moved(self, event: VirtualTable.CursorMoved) -> None:
        self._cursor_moved(event.key)

    @on(VirtualTable.Activated)
    def _opened(self, _event: VirtualTable.Activated) -> None:
        self.act_list_open()

    def pictured_row(self) -> dict[str, Any] | None:
        """Return the row whose picture is shown, as of the frame that one has gone to."""
        return self.moved_row()

    def selected_row(self) -> dict[str, Any] | None:
        """Return the row under the cursor."""
        return self._row()

    def selected_video(self) -> tuple[str, int] | None:
        """Return content and scan of the video of the row, or of the header, under the cursor."""
        row = self._row()
        if row is not None:
            return row["content"], int(row["scan"])
        file = self._rows.file_of(self.query_one(VirtualTable).cursor_key)
        return None if file is None else (file.content, self._listed_scan())

    def fact_lines(self, row: dict[str, Any] | None) -> list[TextLine]:
        """Return what there is to say about a row."""
        return list(results.detail(self._what, row))

    @property
    def other_list(self) -> str:
        """What the key for rejected candidates leads to."""
        return "events only" if self._what == "candidates" else "rejected"

    def ending_lines(self) -> list[TextLine] | None:
        """Return the summary of a round that is over."""
        return self._round_lines()

    def neighbours(self) -> list[dict[str, Any]]:
        """Return the rows that are likely to come next: the one below, then the one above."""
        place = self._rows.place(self.query_one(VirtualTable).cursor_index)
        near = () if place is None else (place + 1, place - 1)
        rows = [self._rows.result(each) for each in near if each >= 0]
        return [row for row in rows if row is not None]

    def boxes_of(self, row: dict[str, Any]) -> list[Box]:
        """Return what is framed on the picture."""
        return results.boxes(row) if self._boxes else []

    def rows_changed(self) -> None:
        """Fetch the rows again."""
        self._rows.reload()

    # What is shown

    def selected_scan(self) -> int:
        """Return the scan whose results are listed; 0 for the newest."""
        return self._scan or 0

    def _asked_scan(self) -> int | None:
        asked = self.app.kept.get("results.scan")
        return asked if isinstance(asked, int) else None

    async def _find_scan(self) -> None:
        """Find the newest scan with results, where the newest of all has none."""
        with suppress(SightlineError):
            scans = (await self.app.bridge.ask(GetScans())).scans
            with_results = next((line.scan for line in scans if line.moments), None)
            newest = scans[0].scan if scans else None
            found = None if with_results == newest else with_results
            if self.is_drawable and found != self._found_scan:
                self._found_scan = found
                self.draw_soon()

    def _why_empty(self) -> str:
        return self._rows.trouble or results.why_empty(
            self._scan or None, self._rows.loaded, self.filter_text, self.state
        )

    def _list(self, what: What) -> None:
        self._what = what
        self.query_one("#cutoff").display = what != "frames"
        self._show()

    def _listed(self, cut_offs: tuple[tuple[str, float], ...]) -> GroupedRows:
        query = ListResults(self._what, self._scan, self.filter_text, self._sort, self._descending,
                            cut_offs)  # fmt: skip
        paged = PagedRows(query, self.fetch, lambda row: self._shown_row(rows, row))
        rows = GroupedRows(paged, self._ask_files, self.app.symbols, self._folded)
        rows.on_change = self._came
        return rows

    async def _ask_files(self, query: ListResults) -> Files:
        return await self.app.bridge.ask(GetFiles(query))

    def _shown_row(self, rows: GroupedRows, row: dict[str, Any]) -> Row:
        said = self._review.judgement(results.key_of(row), row)
        return result_rows.result_row(rows.query.what, row, said, self.app.symbols,
                                      named=rows.names_files)  # fmt: skip

    def _show(self) -> None:
        self._review.looked_at()
        self._take_rows(self._listed(self._cuts.asked))

    def _take_rows(self, rows: GroupedRows) -> None:
        self._rows.close()
        self._rows = rows
        self._fit_columns()
        self.query_one(VirtualTable).set_source(self._rows)

    def _fit_columns(self) -> None:
        """Show the columns that the list needs; under headers of files they need no titles."""
        table, named = self.query_one(VirtualTable), self._rows.names_files
        what = self._rows.query.what
        if (what, named) != self._columns_of:
            self._columns_of = what, named
            table.set_columns(result_rows.columns(what, named=named))
            table.set_header(named or what == "frames")
        table.set_sort(TITLES[self._sort], descending=self._descending)

    def _came(self) -> None:
        if not self.is_drawable:
            return
        table = self.query_one(VirtualTable)
        self._fit_columns()
        table.source_changed()
        self._leave_header()
        self.draw_soon()
        self.rest()

    def _leave_header(self) -> None:
        """Begin a list at its first result rather than at the name of its file."""
        table = self.query_one(VirtualTable)
        if self._arrived is self._rows or not self._rows.loaded or table.cursor_key is None:
            return
        self._arrived = self._rows
        if table.cursor_index == 0 and self._rows.file_of(table.cursor_key) is not None:
            table.cursor_to(1)

    def _row(self) -> dict[str, Any] | None:
        return self._rows.by_key(self.query_one(VirtualTable).cursor_key)
