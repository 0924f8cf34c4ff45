"""2 Results: what was found, its pictures, marks and corrections, and getting it out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from core.errors import SightlineError
from core.protocol.commands import CorrectFrame, MarkFrame
from core.protocol.queries import ListResults, Sort, What
from core.protocol.requests.exports import BeginExport, ExportRows, GetExport
from core.protocol.requests.results import GetScans
from core.text import clean, counted
from core.times import reference

from ..views import browse, results, timeline, wording
from ..views.paged import PagedRows
from ..widgets.frame import Frame, PaneKey, key_parts
from ..widgets.frame_view import Box, FrameView
from ..widgets.line import Content, Line, LineSpan
from ..widgets.rows import Row
from ..widgets.text_pane import TextPane
from ..widgets.virtual_table import VirtualTable
from .choose import ChooseScreen
from .drawing import DrawingScreen
from .new_file import free_path, plain_stem, write_new
from .reviewing import ReviewingScreen

FULL_PIXELS = 4096
PICTURE_PANE = 1
"""its place among the panes, where only one is shown"""
SORTS = ("source", "time", "score", "energy", "kind")
TITLES = {"time": "TIME", "score": "SCORE", "kind": "KIND", "source": "", "energy": ""}
PROGRESS_SECONDS = 0.25


class ResultsScreen(ReviewingScreen, DrawingScreen):
    """Results of one scan at a time, the newest to begin with."""

    scope = "results"

    def __init__(self) -> None:
        super().__init__()
        what, sort = self.kept("what", "events"), self.kept("sort", "source")
        self._what: What = what if what in results.COLUMNS else "events"
        self._found_scan: int | None = None
        """the newest scan with results, where none was asked for and the newest has none"""
        self._scan = self._asked_scan()
        self._sort: Sort = sort if sort in SORTS else "source"
        self._descending = bool(self.kept("descending", False))
        self._rows = self._trial = self._listed(())
        self._seen = -1
        self._boxes = True

    def body(self) -> ComposeResult:
        """Yield list, picture, time line and detail."""
        signs = self.app.symbols
        with Container(classes="body box", id="results-panes"):
            with Frame(symbols=signs, id="list"):
                yield Line(id="cutoff", symbols=signs)
                yield VirtualTable(
                    results.COLUMNS[self._what], self._rows, symbols=signs, empty="loading"
                )
            with Frame(symbols=signs, title="Picture", id="look"):
                yield FrameView(symbols=signs)
            with Frame(symbols=signs, title="Selected", id="about"):
                yield TextPane(symbols=signs, id="detail")
        with Frame(symbols=signs, title="Whole video", id="whole"):
            yield Line(id="timeline", symbols=signs)

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
        if changed and asked is None:
            self.run_worker(self._find_scan())
        if changed or self._counted_scan != self._listed_scan():
            self._recount()
        self.query_one(VirtualTable).set_empty(self._why_empty())
        row = self._row()
        lines = self._round_lines() or results.detail(self._what, row)
        self.query_one("#detail", TextPane).show(lines)
        self._draw_cut()
        self._draw_timeline(row)
        self._draw_edges(row)
        self.draw_picture()

    def heading(self) -> str:
        """Return what is listed, and how much of it there is."""
        count = wording.number(self._rows.count(), self.app.symbols) if self._rows.loaded else ""
        return f"{self._what.capitalize()} {count}".rstrip()

    def summary(self) -> Content:
        """Return of which scan the rows are, and how many are marked."""
        if self._rows.trouble:
            return [LineSpan(clean(self._rows.trouble), "bad")]
        found = self._scan is not None and self._asked_scan() is None
        newest = "newest scan" if self._scan is None else f"scan {self._scan}"
        marks = len(self.query_one(VirtualTable).marks)
        return [LineSpan(f"{newest}, newest results" if found else newest, "dim"),
                *([LineSpan(f"  {marks} marked", "key")] if marks else [])]  # fmt: skip

    def aside(self) -> Content:
        """Return the key that chooses the scan."""
        return key_parts(self.pane_key("results.scan", "scan"))

    def pane_keys(self) -> Sequence[PaneKey]:
        """Return the keys of the list."""
        return [*self.pane_key("pane.tab_next", "next list"), *self.pane_key("list.sort", "sort")]

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
        self.query_one(VirtualTable).set_source(rows)
        self._came()

    def to_remember(self) -> dict[str, Any]:
        """Return filter and list."""
        mine = {"what": self._what, "sort": self._sort, "descending": self._descending,
                "scan": self._asked_scan()}  # fmt: skip
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

        self.app.push_screen(ChooseScreen("Order", choices, self.app.symbols), chosen)

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

    # The picture: see `PictureScreen`

    @on(VirtualTable.CursorMoved)
    def _moved(self, event: VirtualTable.CursorMoved) -> None:
        self._cursor_moved(event.key)

    @on(VirtualTable.Activated)
    def _opened(self, _event: VirtualTable.Activated) -> None:
        self.act_results_picture()

    def pictured_row(self) -> dict[str, Any] | None:
        """Return the row whose picture is shown."""
        return self._row()

    def neighbours(self) -> list[dict[str, Any]]:
        """Return the rows that are likely to come next: the one below, then the one above."""
        place = self.query_one(VirtualTable).cursor_index
        rows = [self._rows.record(each) for each in (place + 1, place - 1) if each >= 0]
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
        return results.why_empty(self._scan, self._rows.loaded, self.filter_text, self.state)

    def _turn(self, by: int) -> None:
        names: tuple[What, ...] = ("events", "candidates", "frames")
        self._list(names[(names.index(self._what) + by) % len(names)])

    def _list(self, what: What) -> None:
        self._what = what
        self.query_one("#cutoff").display = what != "frames"
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

    def _draw_edges(self, row: dict[str, Any] | None) -> None:
        """Say in the edges of the panes whose picture and video they show."""
        moment, facts, path = results.titles(self._what, row, self.app.symbols)
        self.query_one("#look", Frame).show(
            moment, facts, path,
            keys=[*self.pane_key("results.boxes", "box"), *self.pane_key("list.open", "larger")],
        )  # fmt: skip
        rejected = "events only" if self._what == "candidates" else "rejected"
        self.query_one("#whole", Frame).show(
            "Whole video", path,
            keys=[*self.pane_key("results.rejected", rejected),
                  *self.pane_key("judge.next", "next unjudged")],
        )  # fmt: skip
        self.query_one("#about", Frame).show(
            "All judged" if self._round_lines() else "Selected",
            keys=[*self.pane_key("results.tags", "tags"),
                  *self.pane_key("results.caption", "caption")],
        )  # fmt: skip

    def _draw_timeline(self, row: dict[str, Any] | None) -> None:
        line = self.query_one("#timeline", Line)
        if line.size.width:
            line.show(timeline.line(self._rows.near(row), row, line.size.width, self.app.symbols))

    async def _remark(self, command: MarkFrame | CorrectFrame, words: str) -> str:
        await self.app.bridge.ask(command)
        self._rows.reload()
        return words

    def _correct(self, row: dict[str, Any], what: Literal["caption", "tags"], text: str) -> None:
        command = CorrectFrame(row["content"], row["frame"], what, text)
        self.work(self._remark(command, f"{what} stored beside the model's"))

    async def _written(self, row: dict[str, Any]) -> str:
        jpeg = await self.still(row, FULL_PIXELS)
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
