"""The state machine of judging, its cut-off and its counts, without a screen."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from core.errors import EngineGone, SightlineError, UsageError
from core.protocol.commands import JudgeEvent
from core.protocol.requests.review import Histogram
from core.protocol.scores import CutOff, JudgedEvents, JudgedScore
from tui.views import rounds
from tui.views.cutoff import CutOffs, precision
from tui.views.review import MOST_UNDONE, Made, Review, next_unjudged
from tui.widgets.symbols import ASCII, UNICODE


class Listed:
    """Rows `0` to `n` - 1, with a cursor, and an engine that stores or refuses."""

    def __init__(self, count: int, *, advances: bool = True) -> None:
        self.rows = [
            {"content": "b2:0", "kind": "flash", "frame": n, "judgement": None}
            for n in range(count)
        ]  # fmt: skip
        self.cursor = 0
        self.sent: list[JudgeEvent] = []
        self.said: list[str] = []
        self.signs: list[str] = []
        self.refusal: SightlineError | None = None
        self.engine = asyncio.Event()
        self.engine.set()
        self.tasks: list[asyncio.Task[None]] = []
        self.review = Review(self, self.send, self.start, advances=advances)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.ensure_future(work))

    async def send(self, command: JudgeEvent) -> None:
        self.signs.append(self.sign(command.peak_frame))
        await self.engine.wait()
        if self.refusal is not None:
            raise self.refusal
        self.sent.append(command)

    async def over(self) -> None:
        await asyncio.gather(*self.tasks)

    async def keys(self, *keys: Any) -> None:
        for key in keys:
            self.review.press(key)
        await self.over()

    def sign(self, place: int) -> str:
        return self.review.judgement(str(place), self.rows[place])

    @property
    def judgements(self) -> list[str]:
        return [self.sign(place) for place in range(len(self.rows))]

    def here(self) -> tuple[str, dict[str, Any]] | None:
        return (str(self.cursor), self.rows[self.cursor]) if self.rows else None

    def redraw(self) -> None:
        pass

    def stored(self, made: Made) -> None:
        self.rows[int(made.key)]["judgement"] = made.new or None

    async def to_next(self) -> bool:
        async def look_up(place: int) -> dict[str, Any]:
            return self.rows[place]

        async def left() -> int:
            return sum(row["judgement"] is None for row in self.rows)

        place = await next_unjudged(look_up, len(self.rows), self.cursor, 1, left)
        self.cursor = self.cursor if place is None else place
        return place is not None

    def to_row(self, key: str) -> bool:
        self.cursor = int(key)
        return True

    def news(self, text: str, *, bad: bool = False) -> None:
        self.said.append(text)


def test_each_key_judges_and_goes_to_the_next_unjudged_row_and_the_round_ends() -> None:
    async def run() -> None:
        rows = Listed(5)
        rows.cursor = 2
        await rows.keys("right", "wrong")
        assert (rows.judgements, rows.cursor) == (["", "", "right", "wrong", ""], 4)
        await rows.keys("unsure")  # over the end, once
        assert (rows.cursor, rows.review.is_over) == (0, False)
        await rows.keys("right", "right")
        assert rows.review.is_over and rows.cursor == 1
        assert rows.judgements == ["right", "right", "right", "wrong", "unsure"]
        assert rows.signs == ["right", "wrong", "unsure", "right", "right"]  # before the answer
        assert len(rows.sent) == 5 and rows.said == []
        await rows.keys("undo")
        assert not rows.review.is_over and rows.judgements[1] == "" and rows.cursor == 1

    asyncio.run(run())


def test_the_same_key_takes_it_back_in_place_and_undo_restores_what_was_there() -> None:
    async def run() -> None:
        rows = Listed(3)
        await rows.keys("right")
        rows.cursor = 0
        await rows.keys("right")
        assert (rows.judgements[0], rows.cursor) == ("", 0)
        await rows.keys("undo")
        assert (rows.judgements[0], rows.cursor) == ("right", 0)
        await rows.keys("wrong", "undo", "undo")
        assert (rows.judgements, rows.cursor) == (["", "", ""], 0)
        assert not rows.review.can_undo
        await rows.keys("undo")
        assert rows.said == ["nothing to undo"]
        assert [each.judgement for each in rows.sent] == [
            "right",
            "",
            "right",
            "wrong",
            "right",
            "",
        ]

    asyncio.run(run())


@pytest.mark.parametrize("error", [EngineGone("the engine ended"), UsageError("no such event")])
def test_what_is_refused_or_lost_is_shown_as_before_and_said_in_one_line(
    error: SightlineError,
) -> None:
    async def run() -> None:
        rows = Listed(3)
        await rows.keys("right")
        rows.refusal = error
        await rows.keys("wrong", "wrong", "unsure")
        assert rows.judgements == ["right", "", ""]
        assert rows.cursor == 1 and len(rows.sent) == 1
        assert rows.said == [f"not stored: {error}"]  # the keys behind it are dropped
        await rows.keys("undo")
        assert rows.judgements == ["right", "", ""] and rows.review.can_undo
        rows.refusal = None
        await rows.keys("undo")
        assert rows.judgements == ["", "", ""]

    asyncio.run(run())


def test_keys_typed_meanwhile_wait_eight_at_most() -> None:
    async def run() -> None:
        rows = Listed(20)
        rows.engine.clear()
        for _ in range(12):
            rows.review.press("right")
            await asyncio.sleep(0)
        assert rows.judgements.count("right") == 1 and rows.sent == []
        rows.engine.set()
        await rows.over()
        assert rows.judgements == ["right"] * 9 + [""] * 11 and rows.cursor == 9
        assert rows.said == ["too fast: the last key was not used"] * 3

    asyncio.run(run())


def test_advance_may_be_switched_off_and_undo_has_an_end() -> None:
    async def run() -> None:
        rows = Listed(2, advances=False)
        await rows.keys("right")
        assert rows.cursor == 0 and rows.judgements == ["right", ""] and not rows.review.is_over
        for _ in range(MOST_UNDONE):
            await rows.keys("wrong")
        await rows.keys(*["undo"] * 8)
        while rows.review.can_undo:
            await rows.keys("undo")
        assert len(rows.sent) == 1 + 2 * MOST_UNDONE
        empty = Listed(0)
        await empty.keys("right")
        assert empty.said == ["nothing to judge here"]

    asyncio.run(run())


def test_the_next_unjudged_row_is_looked_for_in_both_directions_and_not_in_vain() -> None:
    async def run() -> None:
        looked = 0
        rows: dict[int, str] = {}

        async def look_up(place: int) -> dict[str, Any]:
            nonlocal looked
            looked += 1
            return {"judgement": rows.get(place)}

        async def left() -> int:
            return 100_000 - len(rows)

        rows = {4: "right", 5: "wrong"}
        assert await next_unjudged(look_up, 8, 3, 1, left) == 6
        assert await next_unjudged(look_up, 8, 6, -1, left) == 3
        rows = dict.fromkeys(range(100_000), "right")
        looked = 0
        assert await next_unjudged(look_up, 100_000, 5, 1, left) is None
        assert looked < 300
        assert await next_unjudged(look_up, 0, -1, 1, left) is None

    asyncio.run(run())


def histogram(kind: str, scores: dict[int, int], right: dict[int, int]) -> Histogram:
    def bins(counts: dict[int, int]) -> tuple[int, ...]:
        return tuple(counts.get(n, 0) for n in range(100))

    return Histogram(1, kind, 100, bins(scores), bins(right), bins({}), bins({}))


def test_a_cut_off_counts_by_kind_and_follows_judgements() -> None:
    cuts = CutOffs()
    cuts.show([histogram("flash", {10: 3, 29: 2, 99: 5}, {99: 1}), histogram("cut", {50: 7}, {})])
    assert cuts.total().events == 17 and not cuts.asked
    for _ in range(29):
        assert cuts.move("flash", 1)
    assert [*cuts.asked] == [("flash", 0.29)]
    assert cuts.of_kind("flash") == (10, 7) and cuts.of_kind("cut") == (7, 7)
    assert cuts.admits("flash", 0.29) and not cuts.admits("flash", 0.2899)
    assert cuts.admits("cut", 0.0) and cuts.total().events == 14
    cuts.judged("flash", 0.29, "", "wrong")
    cuts.judged("flash", 0.1, "", "wrong")  # hidden, so not counted above
    assert (cuts.total().right, cuts.total().wrong, cuts.total().judged) == (1, 1, 2)
    cuts.judged("flash", 0.29, "wrong", "")
    assert cuts.total().judged == 1
    assert cuts.off() and not cuts.off() and cuts.total().wrong == 1
    for _ in range(120):
        cuts.move("cut", 1)
    assert [*cuts.asked] == [("cut", 0.99)] and not cuts.move("cut", 1)
    assert cuts.of_kind("motion") == (0, 0)


def test_precision_and_the_lines_that_say_it() -> None:
    assert precision(1, 0) == "precision 1.00 (0.21-1.00)"
    assert precision(58, 5) == "precision 0.92 (0.83-0.97)"
    assert precision(0, 0) == "precision -"
    flash = JudgedEvents("flash", 74, 58, 14, 2, 0, 0.8, 0.7, 0.9, CutOff(0.61, 58, 58, 9, 14, 0.4))
    every = JudgedEvents("", 74, 58, 14, 2, 0, 0.8, 0.7, 0.9)
    keys = {"results.export": "e", "results.tune": "w", "results.rejected": "r", "judge.undo": "b"}
    lines = [line if isinstance(line, str) else line[1]
             for line in rounds.summary(JudgedScore(1, every, (flash,)), keys, "-")]  # fmt: skip
    assert lines[0].startswith("all judged: 58 right, 14 wrong, 2 unsure   precision 0.81 (")
    assert "cut-off 0.61 keeps 58 of 58 right events and drops 9 of 14 wrong events" in lines[1]
    assert lines[2] == "e export the right ones   w tune   r rejected   b undo"
    cuts = CutOffs()
    cuts.show([histogram("flash", {10: 3, 99: 5}, {})])
    for symbols, shown in ((UNICODE, "●"), (ASCII, "O")):
        off = "".join(part.text for part in rounds.cut_line(cuts, "flash", 60, symbols))
        assert shown in off and "off" in off and off.endswith("flash 8")
    cuts.steps["flash"] = 50
    line = "".join(part.text for part in rounds.cut_line(cuts, "flash", 44, ASCII))
    assert "0.50  flash 8>5" in line and line.isascii() and len(line) <= 44
    signs = [rounds.sign(each, UNICODE) for each in ("right", "wrong", "unsure", "")]
    assert signs == ["✓", "✗", "?", "·"]
    ascii_signs = [rounds.sign(each, ASCII) for each in ("right", "wrong", "unsure", "")]
    assert ascii_signs == ["y", "n", "?", "."]
