"""2 Results: what was found, its pictures, marks and corrections, and getting it out."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from typing import Any, Literal

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from core.errors import SightlineError
from core.protocol.commands import CorrectFrame, MarkFrame
from core.protocol.queries import ListResults, Sort, What
from core.protocol.requests.exports import BeginExport, ExportRows, GetExport
from core.protocol.requests.pictures import GetStill
from core.text import clean, counted
from core.times import WrittenTime, reference

from ..views import browse, results, timeline, wording
from ..views.paged import PagedRows
from ..widgets.frame_view import FrameView
from ..widgets.line import Line
from ..widgets.rows import Row
from ..widgets.text_pane import TextPane
from ..widgets.virtual_table import VirtualTable
from .choose import ChooseScreen
from .new_file import free_path, plain_stem, write_new
from .reviewing import ReviewingScreen

PICTURE_SECONDS = 0.2
"""a picture is fetched once the cursor has rested so long"""
PICTURE_PIXELS = 640
FULL_PIXELS = 4096
PICTURES_OFF = "no pictures in low-bandwidth mode; in the palette: Low-bandwidth mode, on or off"
SORTS = ("source", "time", "score", "energy", "kind")
TITLES = {"time": "TIME", "score": "SCORE", "kind": "KIND", "source": "", "energy": ""}
PROGRESS_SECONDS = 0.25


class ResultsScreen(ReviewingScreen):
    """Results of one scan at a time, the newest to begin with."""

    scope = "results"

    def __init__(self) -> None:
        super().__init__()
        what, sort = self.kept("what", "events"), self.kept("sort", "source")
        self._what: What = what if what in results.COLUMNS else "events"
        self._scan = self._asked_scan()
        self._sort: Sort = sort if sort in SORTS else "source"
        self._descending = bool(self.kept("descending", False))
        self._rows = self._listed(())
        self._seen = -1
        self._boxes = True
        self._shown_for: tuple[object, ...] | None = None
        self._looking = False

    def body(self) -> ComposeResult:
        """Yield list, picture, time line and detail."""
        signs = self.app.symbols
        with Horizontal(classes="body"):
            with Vertical(classes="list"):
                yield Line(id="cut", symbols=signs)
                yield VirtualTable(
                    results.COLUMNS[self._what], self._rows, symbols=signs,
                    empty="no results yet, or none that match the filter",
                )  # fmt: skip
            with Vertical(classes="side", id="look"):
                yield FrameView(symbols=signs)
        yield Line(id="timeline", symbols=signs)
        yield TextPane(symbols=signs, id="detail", classes="detail")

    def draw(self) -> None:
        """Fetch again when something was found, and when another scan was asked for."""
        wanted = self._asked_scan()
        if wanted != self._scan:
            self._scan = wanted
            self._show()
        elif self._seen != self.app.bridge.changes:
            self._rows.reload()
        if self._seen != self.app.bridge.changes or self._counted_scan != self._listed_scan():
            self._recount()
        self._seen = self.app.bridge.changes
        row = self._row()
        lines = self._round_lines() or results.detail(self._what, row)
        self.query_one("#detail", TextPane).show(lines)
        self._draw_cut()
        self._draw_timeline(row)
        if not self.app.pictures_allowed:
            self._shown_for = None
            self.query_one(FrameView).say(PICTURES_OFF)

    def summary(self) -> str:
        """Return what is listed, and where the cursor is."""
        if self._rows.trouble:
            return f" {clean(self._rows.trouble)}"
        scan = "the newest scan" if self._scan is None else f"scan {self._scan}"
        table = self.query_one(VirtualTable)
        place = (
            f"row {table.cursor_index + 1} of {self._rows.count()}"
            if self._rows.count()
            else ("no rows" if self._rows.loaded else "loading")
        )
        marks = f"  {len(table.marks)} marked" if table.marks else ""
        return f" {self._what} of {scan}  {place}{marks}"

    def set_filter(self, text: str) -> None:
        """Show only rows that hold all words and fulfil all conditions."""
        super().set_filter(text)
        self._show()

    def to_remember(self) -> dict[str, Any]:
        """Return filter and list."""
        mine = {"what": self._what, "sort": self._sort, "descending": self._descending,
                "scan": self._scan}  # fmt: skip
        return super().to_remember() | {f"results.{name}": value for name, value in mine.items()}

    # Actions

    def act_app_back(self) -> None:
        """Leave the picture, else as everywhere, at last to the newest scan."""
        if self._close_entry():
            return
        if self.has_class("-narrow", "-picture"):
            self.act_results_picture()
        elif self._scan is not None and not self.filter_text and not self.has_class("-zoomed"):
            self.app.kept["results.scan"] = None
            self.draw()
        else:
            super().act_app_back()

    def act_list_open(self) -> None:
        """Show the picture, or hide it."""
        self.act_results_picture()

    def act_pane_tab_next(self) -> None:
        """Show the next list: events, candidates, frames."""
        self._turn(1)

    def act_pane_tab_former(self) -> None:
        """Show the former list."""
        self._turn(-1)

    def act_results_rejected(self) -> None:
        """Show every candidate, or events only."""
        self._list("events" if self._what == "candidates" else "candidates")

    def act_results_picture(self) -> None:
        """Show the picture, or hide it."""
        self.toggle_class("-picture")
        self.set_timer(PICTURE_SECONDS, self._rested)  # once it has its place

    def act_results_boxes(self) -> None:
        """Draw boxes, or not."""
        self._boxes = not self._boxes
        self._rested()

    def act_results_timeline(self) -> None:
        """Show the time line, or hide it."""
        self.toggle_class("-timeline")

    def act_results_former(self) -> None:
        """Go to the former row."""
        self.act_move_up()

    def act_results_next(self) -> None:
        """Go to the next row."""
        self.act_move_down()

    def act_results_mark(self) -> None:
        """Mark the frame in the library, or take its mark away."""
        row = self._row()
        if row is not None:
            on_ = not row["marked"]
            words = "marked; /is:marked lists all" if on_ else "mark removed"
            self.work(self._remark(MarkFrame(row["content"], row["frame"], on_), words))

    def act_results_caption(self) -> None:
        """Put a caption of one's own beside the model's."""
        row = self._row()
        if row is not None:
            given = row["corrected_caption"] or results.caption(row)
            self.ask("caption (empty: restore the model's)", given,
                     lambda text: self._correct(row, "caption", text))  # fmt: skip

    def act_results_tags(self) -> None:
        """Put tags of one's own beside the model's."""
        row = self._row()
        if row is not None:
            self.ask("tags, separated by commas (empty: restore the model's)", results.tags(row),
                     lambda text: self._correct(row, "tags", text))  # fmt: skip

    def act_results_write(self) -> None:
        """Write the frame to a file and show its path."""
        row = self._row()
        if row is not None:
            self.work(self._written(row))

    def act_results_export(self) -> None:
        """Write the rows in view (this list, this filter, this order) to a file.

        A cut-off hides rows, but leaves none out; at the end of a round, only what is right counts.
        """
        folder = free_path(Path(browse.here()) / f"sightline-{self._what}.jsonl")
        which = "write the right ones to" if self._review.is_over else "write to"
        self.ask(f"{which} (.jsonl or .csv)", str(folder),
                 lambda text: self.work(self._exported(text)))  # fmt: skip

    def act_results_files(self) -> None:
        """Write events in view in any format, as clips or as pictures, into a folder."""
        self.ask(results.WHICH_FILES, "", self._ask_folder)

    def _ask_folder(self, wanted: str) -> None:
        folder = str(Path(browse.here()) / "sightline-export")
        # The line that asked is closed first, and the next one opened after that.
        self.call_after_refresh(
            self.ask, "into folder", folder,
            lambda text: self.work(self._files(wanted, browse.whole(browse.unquoted(text)))),
        )  # fmt: skip

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

        self.app.push_screen(ChooseScreen("order", choices, self.app.symbols), chosen)

    def copy_choices(self) -> list[tuple[str, str]]:
        """Return what of the row can be copied."""
        row = self._row()
        if row is None:
            return []
        place = results.place_of(row)
        whole = f"{place}  {reference(row['frame'], row['scan'], row['stream'])}"
        choices = [(whole, f"moment: {wording.short_path(place, 9)}"),
                   (row["path"], f"path: {wording.short_path(row['path'], 9)}")]  # fmt: skip
        said = results.caption(row) or results.note(row)
        if said:
            choices.append((said, f"text: {said}"))
        return choices

    # The picture: fetched once the cursor rests

    @on(VirtualTable.CursorMoved)
    def _moved(self, event: VirtualTable.CursorMoved) -> None:
        self._cursor_moved(event.key)
        self.set_timer(PICTURE_SECONDS, self._rested)

    @on(VirtualTable.Activated)
    def _opened(self, _event: VirtualTable.Activated) -> None:
        self.act_results_picture()

    def on_resize(self, event: events.Resize) -> None:
        """Fit the picture to its new place."""
        super().on_resize(event)
        self.set_timer(PICTURE_SECONDS, self._rested)

    def _rested(self) -> None:
        """Fetch the picture of the row under the cursor, unless one is on its way already."""
        if self.is_drawable and not self._looking and self._wanted_picture() is not None:
            self._looking = True
            self.run_worker(self._look())

    def _wanted_picture(self) -> tuple[object, ...] | None:
        """Return what is to be shown, if that is not what is shown."""
        row, view = self._row(), self.query_one(FrameView)
        visible = self.query_one("#look").display and self.app.pictures_allowed
        if not visible or row is None:
            return None
        wanted = (results.key_of(row), self._boxes, view.size)
        return None if wanted == self._shown_for else wanted

    async def _look(self) -> None:
        """Show one picture after another until it is that of the cursor's row."""
        try:
            while (wanted := self._wanted_picture()) is not None:
                self._shown_for = wanted
                row = self._row()
                if row is not None:
                    await self._pictured(row)
        finally:
            self._looking = False

    async def _pictured(self, row: dict[str, Any]) -> None:
        view = self.query_one(FrameView)
        try:
            jpeg = await self._picture(row, PICTURE_PIXELS)
        except SightlineError as error:
            view.say(str(error))
            return
        await view.show(jpeg, results.boxes(row) if self._boxes else [])

    async def _picture(self, row: dict[str, Any], longest_side: int) -> bytes:
        """Return the JPEG of a row's frame. Raises SightlineError."""
        when = WrittenTime(results.seconds_of(row))
        return (await self.app.bridge.ask(GetStill(row["path"], when, longest_side))).jpeg

    # What is shown

    def selected_scan(self) -> int:
        """Return the scan whose results are listed; 0 for the newest."""
        return self._scan or 0

    def _asked_scan(self) -> int | None:
        asked = self.app.kept.get("results.scan")
        return asked if isinstance(asked, int) else None

    def _turn(self, by: int) -> None:
        names: tuple[What, ...] = ("events", "candidates", "frames")
        self._list(names[(names.index(self._what) + by) % len(names)])

    def _list(self, what: What) -> None:
        self._what = what
        self.query_one("#cut").display = what != "frames"
        self.query_one(VirtualTable).set_columns(results.COLUMNS[what])
        self._show()

    def _listed(self, cut_offs: tuple[tuple[str, float], ...]) -> PagedRows:
        query = ListResults(self._what, self._scan, self.filter_text, self._sort, self._descending,
                            cut_offs)  # fmt: skip
        rows = PagedRows(query, self.fetch, partial(self._shown_row, self._what))
        rows.on_change = self._came
        return rows

    def _shown_row(self, what: What, row: dict[str, Any]) -> Row:
        said = self._review.judgement(results.key_of(row), row)
        return results.result_row(what, row, said, self.app.symbols)

    def _show(self) -> None:
        self._review.looked_at()
        self._take_rows(self._listed(self._cuts.asked))

    def _take_rows(self, rows: PagedRows) -> None:
        self._rows.close()
        self._rows = rows
        table = self.query_one(VirtualTable)
        table.set_sort(TITLES[self._sort], descending=self._descending)
        table.set_source(self._rows)

    def _came(self) -> None:
        if self.is_drawable:
            self.query_one(VirtualTable).source_changed()
            self.draw_soon()

    def _row(self) -> dict[str, Any] | None:
        return self._rows.by_key(self.query_one(VirtualTable).cursor_key)

    def _draw_timeline(self, row: dict[str, Any] | None) -> None:
        line = self.query_one("#timeline", Line)
        if line.display:
            line.show(timeline.line(self._rows.near(row), row, line.size.width, self.app.symbols))

    async def _remark(self, command: MarkFrame | CorrectFrame, words: str) -> str:
        await self.app.bridge.ask(command)
        self._rows.reload()
        return words

    def _correct(self, row: dict[str, Any], what: Literal["caption", "tags"], text: str) -> None:
        command = CorrectFrame(row["content"], row["frame"], what, text)
        self.work(self._remark(command, f"{what} stored beside the model's"))

    async def _written(self, row: dict[str, Any]) -> str:
        jpeg = await self._picture(row, FULL_PIXELS)
        path = Path(browse.here()) / f"{plain_stem(row['path'])}-{row['frame']}.jpg"
        written = write_new(path, jpeg)
        return f"written: {clean(written.name)} in {clean(str(written.parent))}"

    async def _files(self, wanted: str, folder: str) -> str:
        request = results.export_request(wanted, folder, self._scan, self.filter_text)
        begun = await self.app.bridge.ask(BeginExport(request))
        while not (state := await self.app.bridge.ask(GetExport(begun.number))).finished:
            self.say(results.export_progress(state))
            await asyncio.sleep(PROGRESS_SECONDS)
        if state.trouble:
            raise SightlineError(state.trouble)
        return results.export_end(state, folder)

    async def _exported(self, text: str) -> str:
        path = free_path(Path(browse.whole(browse.unquoted(text))))
        format_ = path.suffix.lstrip(".") or "jsonl"
        written = await self.app.bridge.ask(ExportRows(self._export_query(), format_, path))
        many = counted(written.rows, "row")
        return f"{many} written: {clean(path.name)} in {clean(str(path.parent))}"
