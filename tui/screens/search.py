"""Searching what is indexed: a query, its hits as a contact sheet or a list, one in full."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import Input

from core.errors import SightlineError
from core.protocol.commands import JudgeEvent, SubmitScan
from core.protocol.requests.search import MOST_FOUND, Search, SearchReply
from core.text import clean, counted

from ..views import browse, search, wording
from ..widgets.frame import Frame
from ..widgets.frame_view import FrameView
from ..widgets.line import Line, LineSpan
from ..widgets.query_entry import QueryEntry
from ..widgets.sheet import Sheet
from ..widgets.text_pane import TextPane
from ..widgets.virtual_table import VirtualTable
from .add import AddScreen, Chosen
from .choose import ChooseScreen
from .hits import HitsScreen
from .new_file import free_path, write_new

INDEX_PROFILE = "index"
HINT = "/ types a query: words, -words, ./picture.jpg, date:2024, tag:storm"


class SearchScreen(HitsScreen):
    """One query at a time."""

    scope = "search"

    def __init__(self) -> None:
        super().__init__()
        self._wish = search.Wish(
            self.kept("line", ""), what=_one_of(search.WHAT, self.kept("what", "")),
            sort=_one_of(search.SORTS, self.kept("sort", "")),
            rate=search.rate_at(self.kept("rate", search.USUAL_STEP)),
        )  # fmt: skip
        self._history = search.remembered(self.kept("history", []), self._wish.line)
        self._asked = 0
        self._is_waiting = not self._wish.is_empty
        """for an engine, to look for what was looked for last"""

    def body(self) -> ComposeResult:
        """Yield the query, the hits, and the hit under the cursor."""
        signs = self.app.symbols
        with Frame(symbols=signs, title="Search", id="query"):
            yield QueryEntry(self._wish.line, placeholder=HINT, id="line")
            yield Line(id="chips", symbols=signs)
        with Container(classes="body box", id="search-panes"):
            with Frame(symbols=signs, id="list"):
                yield Sheet(symbols=signs, empty=HINT, id="sheet")
                yield VirtualTable(search.COLUMNS, self._source, symbols=signs, empty=HINT)
            with Frame(symbols=signs, title="Picture", id="look"):
                yield FrameView(symbols=signs)
            with Frame(symbols=signs, title="Selected", id="about"):
                yield TextPane(symbols=signs, id="detail")

    def on_mount(self) -> None:
        """Look for what was looked for last."""
        super().on_mount()
        self.query_one(QueryEntry).remember(self._history)
        self.query_one(Sheet).set_across(self._across)
        self._show_view()

    # What stands in the edges

    def heading(self) -> str:
        """Return what is listed."""
        return {"frames": "Hits", "objects": "Objects"}.get(
            self._wish.what, self._wish.what.title()
        )

    def summary(self) -> str:
        """Return how many hits there are."""
        if self._reply is None:
            return ""
        return f"{search.counts(self._reply, self.app.symbols)}  {self._order()}"

    def place(self) -> str:
        """Return where the cursor is."""
        if not self._rows:
            return ""
        here, of = (wording.number(n, self.app.symbols) for n in (self._index + 1, self._all))
        return f"{here} of {of}"

    def _order(self) -> str:
        return {"match": "best first", "time": "by file and time", "date": "by date"}[
            self._wish.sort
        ]

    def draw(self) -> None:
        """Show the query's conditions, and what is known of the hit under the cursor."""
        if self._is_waiting and self.state is not None:
            self._search()
        self._draw_query()
        row = self._row()
        lines = [] if row is None else search.detail(row)
        self.query_one("#detail", TextPane).show(lines)
        look, about = self.query_one("#look", Frame), self.query_one("#about", Frame)
        title = "Picture" if row is None else wording.short_path(row["path"])
        look.show(title, "" if row is None else search.match(row), (), "", ())
        about.show("Selected", "", (), "", self.pane_key("search.like", "more like this"))
        self.draw_picture()

    def _draw_query(self) -> None:
        _, conditions = search.parted(self._wish.line)
        chips = [*conditions, *(f"like {wording.short_path(each)}" for each in self._wish.like)]
        parts = [LineSpan(f" {clean(chip)}  ", "key") for chip in chips]
        rate = f"cut-off {search.percent(self._wish.rate)} false "
        if self._wish.like:
            rate = "no cut-off for pictures "
        self.query_one("#chips", Line).show(
            parts or [LineSpan(f" {self._wish.what}, no conditions", "dim")],
            [LineSpan(rate, "dim")],
        )
        facts = self._reply.facts if self._reply is not None else {}
        model = wording.short_path(str(facts.get("model") or "words only"), 1) if facts else ""
        self.query_one("#query", Frame).show("Search", model, (), "", ())

    # The query

    def act_find_filter(self) -> None:
        """Type a query."""
        entry = self.query_one(QueryEntry)
        entry.remember(self._history)
        entry.focus()
        entry.select_all()  # typing replaces what was looked for last

    def searching(self) -> bool:
        """Return whether something is looked for."""
        return not self._wish.is_empty

    def act_app_back(self) -> None:
        """Leave the line, the picture, the pane; a query stays."""
        entry = self.query_one(QueryEntry)
        if self.focused is entry:
            entry.value = self._wish.line
            self._focus_hits()
        elif self.has_class("-picture"):
            self.act_search_picture()
        else:
            super().act_app_back()

    @on(Input.Submitted, "#line")
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self._focus_hits()
        self._ask_for(replace(self._wish, line=event.value.strip()))

    def _ask_for(self, wish: search.Wish) -> None:
        """Look for something else; the cursor goes to its best hit."""
        if replace(wish, rate=self._wish.rate) != self._wish:
            self._rows = []
            self._show_rows()
        self._wish = wish
        self.query_one(QueryEntry).value = wish.line
        if wish.line:
            self._history = search.remembered(self._history, wish.line)
        if wish.is_empty:
            self._reply, self._rows = None, []
            self._say_in_place(HINT)
            self._show_rows()
        else:
            self._search()

    def _search(self) -> None:
        self._asked, self._is_waiting = self._asked + 1, False
        try:
            request = self._wish.request()
        except SightlineError as error:
            self.say(str(error), bad=True)
            return
        self._say_in_place("searching ...")
        self.run_worker(self._found(request, self._asked))

    async def _found(self, request: Search, asked: int) -> None:
        try:
            reply = await self.app.bridge.ask(request)
        except SightlineError as error:
            if asked == self._asked and self.is_drawable:
                self._reply, self._rows = None, []
                self._say_in_place(str(error))
                self._show_rows()
                self.say(str(error), bad=True)
            return
        if asked != self._asked or not self.is_drawable:
            return
        self._reply, self._rows = reply, list(reply.rows)
        self._say_in_place(search.nothing(reply, self._wish))
        self._show_rows()
        for note in reply.notes[:1]:
            self.say(note)
        if not reply.total:
            self.say(search.nothing(reply, self._wish))

    def rule(self, reply: SearchReply) -> str:
        """Return the cut-off in words, where hits are in its order."""
        if not reply.rest or self._wish.sort != "match":
            return ""
        lower, higher = (self.app.keymap[f"search.{name}"] for name in ("less", "more"))
        return search.rule(reply, self._wish, " ".join([*lower[:1], *higher[:1]]))

    def hidden(self) -> set[str]:
        """Return the keys that do nothing here: frames and objects are not judged."""
        judged = {"judge.right", "judge.wrong", "judge.unsure"}
        return super().hidden() | (judged if self._wish.what in ("frames", "objects") else set())

    async def more(self) -> None:
        """Fetch the hits that follow those that are here."""
        asked, first = self._asked, len(self._rows)
        if self._reply is None or not first < min(self._all, MOST_FOUND):
            return
        request = self._wish.request(first, min(first + search.PAGE_ROWS, MOST_FOUND))
        try:
            reply = await self.app.bridge.ask(request)
        except SightlineError as error:
            self.say(str(error), bad=True)
            return
        if asked == self._asked and len(self._rows) == first and self.is_drawable:
            self._rows += reply.rows
            self._show_rows()

    # Actions

    def act_pane_tab_next(self) -> None:
        """List frames, objects, events or candidates."""
        self._ask_for(self._wish.turned(1))

    def act_pane_tab_former(self) -> None:
        """List frames, objects, events or candidates."""
        self._ask_for(self._wish.turned(-1))

    def act_search_like(self) -> None:
        """Find more that looks like this."""
        row = self._row()
        if row is not None:
            self._ask_for(replace(self._wish, line="", like=(search.address(row),)))

    def act_search_drop(self) -> None:
        """Drop the example, else the last condition."""
        self._ask_for(self._wish.without_last())

    def act_search_less(self) -> None:
        """Let less pass."""
        self._ask_for(self._wish.stepped(-1))

    def act_search_more(self) -> None:
        """Let more pass."""
        self._ask_for(self._wish.stepped(1))

    def act_search_usual(self) -> None:
        """Go back to the usual cut-off."""
        self._ask_for(replace(self._wish, rate=search.USUAL_RATE))

    def act_list_sort(self) -> None:
        """Choose the order."""
        choices = [("match", "best match first"), ("time", "by file and time"),
                   ("date", "by capture date")]  # fmt: skip

        def chosen(key: str | None) -> None:
            if key is not None:
                self._ask_for(replace(self._wish, sort=_one_of(search.SORTS, key)))

        self.app.push_screen(ChooseScreen("order", choices, self.app.symbols), chosen)

    def act_search_index(self) -> None:
        """Choose files and folders to index."""
        self.app.push_screen(AddScreen(INDEX_PROFILE, self.app.symbols), self._index_them)

    def _index_them(self, found: Chosen | None) -> None:
        if found is not None:
            command = SubmitScan(
                found.paths, found.profile, {"run.index": True}, follow_links=found.follow_links
            )
            self.work(self.app.submit(command))

    def act_judge_right(self) -> None:
        """Judge the event right; again takes it back."""
        self._judge("right")

    def act_judge_wrong(self) -> None:
        """Judge the event wrong; again takes it back."""
        self._judge("wrong")

    def act_judge_unsure(self) -> None:
        """Judge the event unsure; again takes it back."""
        self._judge("unsure")

    def _judge(self, judgement: Any) -> None:
        row = self._row()
        if row is None or row["event"] is None:
            self.say("only events and candidates can be judged: ] lists them")
            return
        said: Any = "" if self._judged.get(row["key"]) == judgement else judgement
        event = row["event"]
        command = JudgeEvent(row["content"], event["kind"], event["peak_frame"], said)
        self.work(self._judged_as(row, said, command))

    async def _judged_as(self, row: dict[str, Any], said: str, command: JudgeEvent) -> str:
        await self.app.bridge.ask(command)
        self._judged[row["key"]] = said
        self._show_rows()
        return f"judged {said}" if said else "judgement removed"

    def act_search_export(self) -> None:
        """Write the hits above the cut-off to a file."""
        if self._reply is None:
            self.say("nothing was searched for yet")
            return
        path = free_path(Path(browse.here()) / "sightline-search.jsonl")
        self.ask("write hits to (.jsonl; .txt: paths only)", str(path),
                 lambda text: self.work(self._written(text)))  # fmt: skip

    async def _written(self, text: str) -> str:
        request = replace(self._wish.request(0, MOST_FOUND), every=False)
        reply = await self.app.bridge.ask(request)
        path = Path(browse.whole(browse.unquoted(text)))
        if path.suffix == ".txt":
            lines = list(dict.fromkeys(row["path"] for row in reply.rows))
        else:
            lines = [json.dumps({"type": "Hit", **row}) for row in reply.rows]
        data = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")
        written = write_new(path, data)
        where = f"{clean(written.name)} in {clean(str(written.parent))}"
        return f"{counted(len(lines), 'hit')} written: {where}"

    def copy_choices(self) -> list[tuple[str, str]]:
        """Return what of the hit can be copied."""
        row = self._row()
        if row is None:
            return []
        place = search.address(row)
        choices = [(place, f"moment: {wording.short_path(place, 9)}"),
                   (row["path"], f"path: {wording.short_path(row['path'], 9)}")]  # fmt: skip
        text = row["caption"] or ", ".join(row["tags"])
        return [*choices, *([(text, f"text: {clean(text)}")] if text else [])]

    def to_remember(self) -> dict[str, Any]:
        """Return the query, and how its hits are shown."""
        mine = {"line": self._wish.line, "what": self._wish.what, "sort": self._wish.sort,
                "rate": search.step_of(self._wish.rate), "sheet": self._is_sheet,
                "across": self._across, "history": self._history}  # fmt: skip
        return super().to_remember() | {f"search.{name}": value for name, value in mine.items()}


def _one_of(known: tuple[Any, ...], name: str) -> Any:
    return name if name in known else known[0]
