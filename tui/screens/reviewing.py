"""Judging on the Results screen: keys, cut-off, counts, and what a round came to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textual.timer import Timer

from core.errors import SightlineError
from core.protocol.commands import JudgeEvent
from core.protocol.queries import ALL_SCANS, ListScans, What
from core.protocol.requests.review import GetHistogram
from core.protocol.requests.scores import GetSensitivity, ScoreJudgements
from core.protocol.scores import JudgedScore

from ..views import rounds
from ..views.cutoff import STEPS, CutOffs, precision
from ..views.review import Made, Review, next_unjudged
from ..widgets.line import Line
from ..widgets.text_pane import TextLine
from ..widgets.virtual_table import VirtualTable
from .choose import ChooseScreen
from .latest import run_latest
from .screen import AppScreen

if TYPE_CHECKING:
    from ..views.grouped import GroupedRows

CUT_SECONDS = 0.15
"""the list is fetched again once the cut-off has rested so long"""
COUNT_SECONDS = 1.0
"""the least time between two requests for counts"""
MOST_SCANS = 200
UNKNOWN = -1
"""no scan's number"""


class ReviewingScreen(AppScreen):
    """A list of results whose rows can be judged; the lists themselves are the subclass's."""

    _rows: GroupedRows
    _what: What
    _scan: int | None

    def __init__(self) -> None:
        super().__init__()
        self._cuts = CutOffs()
        self._review = Review(self, self._sent, self.run_worker, advances=self.app.options.advances)
        self._round: JudgedScore | None = None
        self._over_at: str | None = None
        self._cut_timer: Timer | None = None
        self._counting = self._count_again = False
        self._counted_scan = UNKNOWN
        self._stored_count = 0

    def _listed(self, cut_offs: tuple[tuple[str, float], ...]) -> GroupedRows:
        raise NotImplementedError

    def _take_rows(self, rows: GroupedRows) -> None:
        raise NotImplementedError

    def _row(self) -> dict[str, Any] | None:
        raise NotImplementedError

    # Conditions

    def judged_before(self) -> bool:
        """Return whether something was judged here."""
        return self._review.can_undo

    def can_cut(self) -> bool:
        """Return whether the row under the cursor has a kind and a score."""
        return self.here() is not None

    # Actions

    def act_judge_right(self) -> None:
        """Judge the row right."""
        self._review.press("right")

    def act_judge_wrong(self) -> None:
        """Judge the row wrong."""
        self._review.press("wrong")

    def act_judge_unsure(self) -> None:
        """Judge the row unsure."""
        self._review.press("unsure")

    def act_judge_undo(self) -> None:
        """Take the last judgement back."""
        self._review.press("undo")

    def act_judge_next(self) -> None:
        """Go to the next unjudged row."""
        self.run_worker(self._to_unjudged(1))

    def act_judge_former(self) -> None:
        """Go to the former unjudged row."""
        self.run_worker(self._to_unjudged(-1))

    def act_cutoff_lower(self) -> None:
        """Show more rows of the kind under the cursor."""
        self._cut(-1)

    def act_cutoff_higher(self) -> None:
        """Hide the rows of the kind under the cursor with the lowest scores."""
        self._cut(1)

    def act_cutoff_none(self) -> None:
        """Hide nothing."""
        if self._cuts.off():
            self._cut_moved()

    def act_results_scan(self) -> None:
        """Choose the scan whose results are listed."""
        self.work(self._choose_scan())

    def act_results_tune(self) -> None:
        """Go to the profile of the scan, with the sensitivity that equals the cut-off."""
        self.work(self._tune())

    # The list that is judged: see `views.review.Judged`

    def here(self) -> tuple[str, dict[str, Any]] | None:
        """Return key and row under the cursor, if it can be judged."""
        key, row = self.query_one(VirtualTable).cursor_key, self._row()
        return None if key is None or row is None or self._what == "frames" else (key, row)

    def redraw(self) -> None:
        """Show the judgements as they are now."""
        if self.is_drawable:
            self.query_one(VirtualTable).source_changed()
            self.draw_soon()

    def stored(self, made: Made) -> None:
        """Take into list and counts what the engine stored."""
        row = self._rows.by_key(made.key)
        self._rows.patch(made.key, {"judgement": made.new or None})
        self._stored_count += 1
        if row is not None and row.get("accepted", True):
            self._cuts.judged(made.kind, row["score"], made.old, made.new)

    async def to_next(self) -> bool:
        """Go to the next unjudged row; at the end of the round, ask for its summary."""
        place = await self._unjudged(1)
        if place is not None:
            self._go_to(place)
            return True
        if self._rows.trouble:  # rows are missing, so nobody knows whether it is over
            return True
        self._sum_up()
        return False

    def to_row(self, key: str) -> bool:
        """Go to a row."""
        place = self._rows.place_of(key)
        if place is not None:
            self._go_to(place)
        return place is not None

    def _go_to(self, place: int) -> None:
        """Put the cursor on a result, in a folded file as well."""
        table, index = self.query_one(VirtualTable), self._rows.reveal(place)
        table.source_changed()
        table.cursor_to(index)

    def news(self, text: str, *, bad: bool = False) -> None:
        """Say something in one line."""
        self.say(text, bad=bad)

    async def _sent(self, command: JudgeEvent) -> None:
        await self.app.bridge.ask(command)

    async def _to_unjudged(self, by: int) -> None:
        place = await self._unjudged(by)
        if place is None:
            self.say("no unjudged row in this list")
            self._review.is_over = True
            self._sum_up()
        else:
            self._go_to(place)

    async def _unjudged(self, by: int) -> int | None:
        rows = self._rows
        here = rows.beside(self.query_one(VirtualTable).cursor_index, by)
        return await next_unjudged(rows.need, rows.total, here, by, self._left)

    async def _left(self) -> int:
        """Return how many rows of the list are unjudged."""
        query = self._rows.query
        words = f"{query.text} is:unjudged".strip()
        asked = replace(query, text=words, first=0, last=1)
        try:
            return (await self.app.bridge.ask(asked)).total
        except SightlineError:  # not known: what is loaded is looked through
            return 1

    # Counts and cut-off

    def _listed_scan(self) -> int:
        """Return the scan that is listed, or `ALL_SCANS`; UNKNOWN before rows came."""
        row = self._rows.result(0) or self._row()
        if self._scan is not None:
            return self._scan
        return UNKNOWN if row is None else int(row["scan"])

    def _recount(self) -> None:
        """Ask for the counts again, after those that are being asked for."""
        self._count_again = True
        if not self._counting and self.is_drawable:
            self._counting = True
            self.run_worker(self._counts())

    async def _counts(self) -> None:
        try:
            while self._count_again and self.is_drawable:
                self._count_again = False
                await self._count(self._listed_scan())
                await asyncio.sleep(COUNT_SECONDS)
        except SightlineError:
            pass  # the list itself says what is wrong, and asks again
        finally:
            self._counting = False

    async def _count(self, scan: int) -> None:
        if scan == UNKNOWN:
            return
        stored, ask = self._stored_count, self.app.bridge.ask
        kinds = [each.kind for each in (await ask(ScoreJudgements(scan))).kinds]
        found = [await ask(GetHistogram(scan, kind, STEPS)) for kind in kinds]
        if stored != self._stored_count:  # counted before the last judgement
            self._count_again = True
            return
        self._counted_scan = scan
        self._cuts.show(found)
        self._draw_cut()
        self.draw_status()

    def _cut(self, by: int) -> None:
        found = self.here()
        if found is not None and self._cuts.move(found[1]["kind"], by):
            self._cut_moved()

    def _cut_moved(self) -> None:
        self._review.looked_at()
        self._draw_cut()
        self.draw_status()
        if self._cut_timer is not None:
            self._cut_timer.stop()
        self._cut_timer = self.set_timer(CUT_SECONDS, self._cut_rested)

    def _cut_rested(self) -> None:
        run_latest(self, "cutoff", self._narrowed)

    async def _narrowed(self) -> None:
        """List what is above the cut-offs; the cursor stays on its row or the nearest above."""
        table, former = self.query_one(VirtualTable), self._rows
        place = former.beside(table.cursor_index, -1)
        key = self._kept_key(place)
        rows = self._listed(self._cuts.asked)
        if key is not None:
            await rows.find(key, place)
        if former is not self._rows:  # another list was chosen meanwhile
            rows.close()
            return
        self._take_rows(rows)
        if key is not None:
            table.cursor_to_key(key)

    def _kept_key(self, place: int) -> str | None:
        """Return the key of the nearest row at or above a place that no cut-off hides."""
        for each in range(place, -1, -1):
            row = self._rows.result(each)
            if row is None:
                return None
            if self._what == "frames" or self._cuts.admits(row["kind"], row["score"]):
                return f"{row['scan']}.{row['key']}"
        return None

    # The end of a round, and where it leads

    def _sum_up(self) -> None:
        self._round, self._over_at = None, self.query_one(VirtualTable).cursor_key
        self.run_worker(self._summed())

    async def _summed(self) -> None:
        try:
            self._round = await self.app.bridge.ask(ScoreJudgements(self._listed_scan()))
        except SightlineError as error:
            self.say(str(error), bad=True)
        self.draw_soon()

    def _round_lines(self) -> list[TextLine] | None:
        """Return the summary of a round that is over."""
        if not self._review.is_over or self._round is None:
            return None
        names = ("results.export", "results.tune", "results.rejected", "judge.undo")
        keys = {name: " ".join(self.app.keymap[name][:1]) for name in names}
        return rounds.summary(self._round, keys, self.app.symbols.dash)

    def _cursor_moved(self, key: str | None) -> None:
        """The summary goes once the cursor leaves the row that ended the round."""
        if self._review.is_over and key is not None and key != self._over_at:
            self._review.looked_at()

    async def _tune(self) -> None:
        found = self.here()
        if found is None:
            return
        row, ask = found[1], self.app.bridge.ask
        kind, scan = row["kind"], int(row["scan"])
        cut = self._cuts.steps.get(kind, 0) / STEPS
        if not cut:
            judged = await ask(ScoreJudgements(scan, (kind,)))
            cut = next((each.cut_off.score for each in judged.kinds if each.cut_off), 0.0)
        if not cut:
            self.say(f"no cut-off: . raises it; right and wrong {kind} events suggest one")
            return
        setting = await ask(GetSensitivity(kind, cut))
        if setting.value is None:
            self.say(f"no {setting.setting} equals a cut-off of {cut:.2f}")
            return
        self._to_profile(await self._profile_of(scan), setting.setting, round(setting.value, 4))

    async def _profile_of(self, scan: int) -> str:
        page = await self.app.bridge.ask(ListScans(last=MOST_SCANS))
        return next((str(row["profile"]) for row in page.rows if row["scan"] == scan), "")

    def _to_profile(self, profile: str, setting: str, value: float) -> None:
        from .profiles import ProfilesScreen

        def propose() -> None:
            screen = self.app.current_screen
            if isinstance(screen, ProfilesScreen) and screen.is_drawable:
                screen.propose(profile, setting, value)

        self.app.go("profiles")
        self.app.call_after_refresh(propose)

    async def _choose_scan(self) -> None:
        rows = (await self.app.bridge.ask(ListScans(last=MOST_SCANS))).rows
        choices = [(str(ALL_SCANS), rounds.every_scan_line(rows))]
        choices += [(str(row["scan"]), rounds.scan_line(row)) for row in rows]
        chosen: Callable[[str | None], None] = self._scan_chosen
        screen = ChooseScreen(
            "Which scan", choices, self.app.symbols, at=str(self._listed_scan())
        )  # fmt: skip
        self.app.push_screen(screen, chosen)

    def _scan_chosen(self, key: str | None) -> None:
        if key is not None:
            self.app.kept["results.scan"] = int(key)
            self.draw()

    # Drawing

    def _draw_cut(self) -> None:
        """Draw the cut-off of the kind under the cursor."""
        line = self.query_one("#cutoff", Line)
        found = self.here()
        if not line.display:
            return
        if found is None:
            line.show("")
            return
        line.show(rounds.cut_line(self._cuts, found[1]["kind"], line.size.width, self.app.symbols))

    def key_facts(self) -> str:
        """Return precision and how many of the events shown are judged."""
        total = self._cuts.total()
        if self._what == "frames" or not total.events:
            return ""
        if self.has_class("-narrow"):
            return f"{total.judged}/{total.events} "
        said = precision(total.right, total.wrong, self.app.symbols.dash)
        return f"{said}  {total.judged} of {total.events} "
