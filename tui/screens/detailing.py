"""The panes beside the results: why, what was measured within a second, and the whole video.

They are filled once the cursor has rested, as the picture is, and only with what is in view.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from textual import on
from textual.widget import Widget

from core.errors import SightlineError
from core.protocol.requests.pictures import GetStills
from core.protocol.requests.review import (
    Density,
    GetDensity,
    GetRatios,
    GetSeries,
    Ratios,
    SeriesRows,
)
from core.times import duration

from ..views import evidence, results
from ..views.films import Films
from ..views.pictures import Kept
from ..widgets.curve import Course, Curve
from ..widgets.filmstrip import Filmstrip, StripFrame
from ..widgets.frame import Frame, PaneKey
from ..widgets.line import Line, LineSpan
from ..widgets.ratio_bars import RatioBars
from ..widgets.text_pane import TextLine, TextPane
from ..widgets.timeline import Timeline
from .latest import run_latest
from .picturing import PICTURES_OFF, PictureScreen

FILM_PIXELS = 160
NO_FILM = "no film over a slow link"
TABS = ("why", "around", "facts")
AROUND = "-around"
"""the class of a screen whose pane below the picture is `around`"""
"""what the pane below the picture shows in turn; `around` where it has no pane of its own"""
Row = dict[str, Any]


class DetailScreen(PictureScreen):
    """A list of finds, with panes that show what was measured of the one under the cursor."""

    def __init__(self) -> None:
        super().__init__()
        self._tab = self.kept("pane", "why") if self.kept("pane", "why") in TABS else "why"
        self._offset = 0
        self._of: str = ""
        """the key of the row that the offset counts from"""
        self._ratios: dict[str, Ratios] = {}
        self._series: Kept[SeriesRows] = Kept()
        self._densities: Kept[Density] = Kept()
        self._films = Films(self._stills)

    # What a screen says of itself

    def selected_row(self) -> Row | None:
        """Return the row under the cursor."""
        raise NotImplementedError

    def selected_video(self) -> tuple[str, int] | None:
        """Return content and scan of the video that the cursor is in."""
        raise NotImplementedError

    def fact_lines(self, row: Row | None) -> list[TextLine]:
        """Return what there is to say about a row."""
        raise NotImplementedError

    def ending_lines(self) -> list[TextLine] | None:
        """Return the summary of a round that is over."""
        return None

    def on_mount(self) -> None:
        """Show the pane that was chosen."""
        self.show_tab()

    # Layout

    @property
    def other_list(self) -> str:
        """What the key for rejected candidates leads to."""
        return "rejected"

    def around_pane(self) -> Frame:
        """Return the pane of what was measured within a second."""
        signs = self.app.symbols
        return Frame(Filmstrip(symbols=signs), Curve(symbols=signs), symbols=signs, id="around")

    def about_pane(self) -> Frame:
        """Return the pane that says why."""
        signs = self.app.symbols
        inside: list[Widget] = [
            Line(id="why", symbols=signs), RatioBars(symbols=signs),
            TextPane(symbols=signs, id="detail"),
        ]  # fmt: skip
        return Frame(*inside, symbols=signs, id="about")

    def whole_pane(self) -> Frame:
        """Return the pane of the whole video."""
        signs = self.app.symbols
        return Frame(Timeline(symbols=signs), symbols=signs, id="whole")

    # Actions

    def act_pane_tab_next(self) -> None:
        """Show something else in the pane below: why, within a second, facts."""
        self._turn_tab(1)

    def act_pane_tab_former(self) -> None:
        """Show what the pane showed before."""
        self._turn_tab(-1)

    def act_results_former(self) -> None:
        """Go to the former frame of the video."""
        self.work(self._step(-1))

    def act_results_next(self) -> None:
        """Go to the next frame of the video."""
        self.work(self._step(1))

    def _turn_tab(self, by: int) -> None:
        tabs = TABS if self.has_class("-narrow") else tuple(t for t in TABS if t != "around")
        here = tabs.index(self._tab) if self._tab in tabs else 0
        self._tab = tabs[(here + by) % len(tabs)]
        self.show_tab()
        self.rest()

    def show_tab(self) -> None:
        """Show the pane that was chosen."""
        for tab in TABS:
            self.set_class(tab == self._tab, AROUND if tab == "around" else f"-{tab}")

    async def _step(self, by: int) -> None:
        row = self.selected_row()
        if row is None:
            return
        found = await self._series_of(row)
        if found is None or self.selected_row() is not row:
            return
        self._offset = evidence.moved(row, found, self._offset_of(row) + by)[0]
        here = self.moved_row()
        if here is not None:
            self.query_one(Curve).move(here["seconds"] - row["seconds"])
            self.query_one(Timeline).move(here["seconds"])
            self.draw_soon()
            self.rest()

    def _offset_of(self, row: Row) -> int:
        """Return how many frames from a row's frame one has gone; another row starts anew."""
        if self._of != results.key_of(row):
            self._of, self._offset = results.key_of(row), 0
        return self._offset

    def moved_row(self) -> Row | None:
        """Return the row under the cursor, as of the frame that one has gone to."""
        row = self.selected_row()
        if row is None or not self._offset_of(row):
            return row
        found = self._series.get(_series_key(row))
        return row if found is None else evidence.moved(row, found, self._offset)[1]

    # Filling the panes

    @on(Filmstrip.Resized)
    def _film_resized(self) -> None:
        self.rest()

    def look(self) -> None:
        """Show the picture, and fill the panes, of the row under the cursor."""
        super().look()
        if not self.is_drawable:
            return
        run_latest(self, "detail", self._detail)

    def forget_videos(self) -> None:
        """Ask again where in videos finds are: there are more."""
        self._densities = Kept()

    async def _detail(self) -> None:
        row = self.selected_row()
        found = None if row is None else await self._series_of(row)
        ratios = None if row is None else await self._ratios_of(str(row["kind"]))
        if self.selected_row() is not row or not self.is_drawable:
            return
        self._show_why(row, ratios, found)
        self._show_course(row, found)
        await self._show_whole()
        if row is not None and found is not None:
            await self._show_film(row, found)

    def _show_why(self, row: Row | None, ratios: Ratios | None, found: SeriesRows | None) -> None:
        ending = self.ending_lines()
        said = None
        if row is not None and row["kind"] != "frame" and ending is None and self._tab != "facts":
            said = evidence.why(row, ratios, None if found is None else found.threshold)
        self.set_class(said is not None, "-reason")
        self.set_class(said is not None and bool(said.bars), "-ratios")
        detail = self.query_one("#detail", TextPane)
        if said is None:
            title = "All judged" if ending else "Facts"
            self.query_one("#about", Frame).show(title, keys=self._about_keys())
            detail.show(ending or self.fact_lines(row))
            return
        self.query_one("#about", Frame).show(
            said.title,
            said.facts,
            keys=[*self._about_keys(), *self.pane_key("results.tune", "tune")],
        )
        self.query_one("#why", Line).show(said.line)
        self.query_one(RatioBars).show(said.bars, said.decided)
        detail.show([] if said.bars else self.fact_lines(row))

    def _about_keys(self) -> list[PaneKey]:
        word = "why" if self._tab == "facts" else "facts"
        return self.pane_key("pane.tab_next", "more" if self.has_class("-narrow") else word)

    def _show_course(self, row: Row | None, found: SeriesRows | None) -> None:
        frame, curve = self.query_one("#around", Frame), self.query_one(Curve)
        title = f"{self.app.symbols.plus_minus} {evidence.SPAN_SECONDS:.0f} s"
        if row is None or found is None:
            frame.show(title)
            curve.show(Course((), ()))
            self.query_one(Filmstrip).say("" if row is None else "no measurements of this are kept")
            return
        here = self.moved_row() or row
        curve.show(evidence.course(found, row["seconds"]), here["seconds"] - row["seconds"])
        name, aside = evidence.course_facts(found, row["seconds"])
        frame.show(title, name, aside, keys=self._frame_keys())

    def _frame_keys(self) -> list[PaneKey]:
        """Return the keys that go from frame to frame, as one."""
        both = self.pane_key("results.former", "") + self.pane_key("results.next", "frame")
        keys = " ".join(each.key for each in both)
        return [each._replace(key=keys) for each in both[-1:]]

    async def _show_whole(self) -> None:
        line, frame, video = self.query_one(Timeline), self.query_one("#whole", Frame), None
        if frame.display:
            video = self.selected_video()
        density = None if video is None else await self._density(*video)
        if density is None or self.selected_video() != video:
            line.clear()
            frame.show("Whole video")
            return
        accepted, rejected = evidence.marks_of(density)
        here = self.moved_row()
        line.show(density.seconds, accepted, rejected, None if here is None else here["seconds"])
        frame.show(
            "Whole video", evidence.density_facts(density, self.app.symbols.unjudged),
            [LineSpan(duration(density.seconds), "dim")],
            keys=[*self.pane_key("results.rejected", self.other_list),
                  *self.pane_key("judge.next", "next unjudged")],
        )  # fmt: skip

    async def _show_film(self, row: Row, found: SeriesRows) -> None:
        strip = self.query_one(Filmstrip)
        place = strip.place
        if not strip.region or place.is_too_small:
            return
        if not self.app.pictures_allowed or self.app.picture_share != "all":
            strip.say(NO_FILM if self.app.pictures_allowed else PICTURES_OFF)
            return
        frames = evidence.film(row, found, self._offset_of(row), strip.count)
        await strip.show(self._film_frames(frames, strip))
        try:
            await self._films.fetch([each for _, each in frames if each is not None], place)
        except (SightlineError, OSError, ValueError) as error:
            strip.say(str(error))
        else:
            await strip.show(self._film_frames(frames, strip))

    def _film_frames(
        self, frames: Sequence[tuple[str, Row | None]], strip: Filmstrip
    ) -> list[StripFrame]:
        return [StripFrame(label, self._films.kept(row, strip.place)) for label, row in frames]

    # Asking

    async def _series_of(self, row: Row) -> SeriesRows | None:
        """Return what was measured around a row; None where nothing is kept."""
        try:
            return await self._series.got(_series_key(row), partial(self._ask_series, row))
        except SightlineError:
            return None

    async def _ask_series(self, row: Row) -> SeriesRows:
        first, last = evidence.frames_around(row)
        stage = str(row.get("stage") or row["kind"])
        asked = GetSeries(row["content"], stage, first, last, int(row["scan"]))
        return await self.app.bridge.ask(asked)

    async def _ratios_of(self, kind: str) -> Ratios | None:
        if kind not in self._ratios:
            try:
                self._ratios[kind] = await self.app.bridge.ask(GetRatios(kind))
            except SightlineError:
                return None
        return self._ratios[kind]

    async def _density(self, content: str, scan: int) -> Density | None:
        asked = GetDensity(content, evidence.DENSITY_BINS, scan)
        try:
            return await self._densities.got(asked, partial(self.app.bridge.ask, asked))
        except SightlineError:
            return None

    async def _stills(self, rows: Sequence[Row]) -> Sequence[bytes]:
        seconds = tuple(float(row["seconds"]) for row in rows)
        asked = GetStills(rows[0]["path"], seconds, FILM_PIXELS)
        return (await self.app.bridge.ask(asked)).jpegs


def _series_key(row: Row) -> tuple[object, ...]:
    return row["content"], row["kind"], row["frame"], row["scan"]
