"""Judging one row after another: what a key does, undo, and what is shown until it is stored.

Nothing here draws. At most one judgement is on its way to the engine; the next key waits for its
answer, so that a key always acts on the row that its user sees under the cursor.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from core.errors import SightlineError
from core.protocol.commands import JudgeEvent

Judgement = Literal["right", "wrong", "unsure", ""]
Key = Literal["right", "wrong", "unsure", "undo"]
MOST_UNDONE = 200
MOST_WAITING = 8
LookUp = Callable[[int], Awaitable[dict[str, Any] | None]]


@dataclass(frozen=True, slots=True)
class Made:
    """A judgement that was stored: of which row, and what was said of it before."""

    key: str
    content: str
    kind: str
    frame: int
    old: Judgement
    new: Judgement


class Judged(Protocol):
    """The list that is judged."""

    def here(self) -> tuple[str, dict[str, Any]] | None:
        """Return key and row under the cursor, if it can be judged."""

    def redraw(self) -> None:
        """Show the judgements as they are now."""

    def stored(self, made: Made) -> None:
        """Take into the list what the engine stored."""

    async def to_next(self) -> bool:
        """Go to the next unjudged row; False if there is none."""
        ...

    def to_row(self, key: str) -> bool:
        """Go to a row; False if the list does not have it."""
        ...

    def news(self, text: str, *, bad: bool = False) -> None:
        """Say something in one line."""


class Review:
    """The state of a round of judging; `is_over` once no unjudged row is left in the list."""

    def __init__(
        self,
        listed: Judged,
        send: Callable[[JudgeEvent], Awaitable[object]],
        start: Callable[[Coroutine[Any, Any, None]], object],
        *,
        advances: bool = True,
    ) -> None:
        self.is_over = False
        self._list = listed
        self._send = send
        self._start = start
        self._advances = advances
        self._made: deque[Made] = deque(maxlen=MOST_UNDONE)
        self._waiting: deque[Key] = deque()
        self._sent: dict[str, Judgement] = {}
        self._is_busy = False

    @property
    def can_undo(self) -> bool:
        """Return whether a judgement can be taken back."""
        return bool(self._made)

    def judgement(self, key: str, row: dict[str, Any]) -> Judgement:
        """Return what is to be shown of a row: what was said last, stored or on its way."""
        said: Judgement = row.get("judgement") or ""
        return self._sent.get(key, said)

    def looked_at(self) -> None:
        """The cursor was moved by hand: the round continues."""
        self.is_over = False

    def press(self, key: Key) -> None:
        """Judge the row under the cursor, or undo; after the keys that wait already."""
        if len(self._waiting) >= MOST_WAITING:
            self._list.news("too fast: the last key was not used")
            return
        self._waiting.append(key)
        if not self._is_busy:
            self._is_busy = True
            self._start(self._work())

    async def _work(self) -> None:
        try:
            while self._waiting:
                key = self._waiting.popleft()
                await (self._undo() if key == "undo" else self._judge(key))
        finally:
            self._is_busy = False
            self._waiting.clear()

    async def _judge(self, said: Judgement) -> None:
        found = self._list.here()
        if found is None:
            self._waiting.clear()
            self._list.news("nothing to judge here")
            return
        key, row = found
        old = self.judgement(key, row)
        new: Judgement = "" if said == old else said
        made = Made(key, row["content"], row["kind"], row["frame"], old, new)
        if await self._is_stored(made):
            self._made.append(made)
            await self._on(new)

    async def _on(self, new: Judgement) -> None:
        self.is_over = False
        if new and self._advances:
            self.is_over = not await self._list.to_next()
        self._list.redraw()

    async def _undo(self) -> None:
        if not self._made:
            self._list.news("nothing to undo")
            return
        last = self._made.pop()
        back = Made(last.key, last.content, last.kind, last.frame, last.new, last.old)
        if not await self._is_stored(back):
            self._made.append(last)
            return
        self.is_over = False
        if not self._list.to_row(last.key):
            self._list.news("undone; its row is not in this list")
        self._list.redraw()

    async def _is_stored(self, made: Made) -> bool:
        """Send a judgement; if it is refused, show what was there before and say why."""
        self._sent[made.key] = made.new
        self._list.redraw()
        try:
            await self._send(JudgeEvent(made.content, made.kind, made.frame, made.new))
        except SightlineError as error:
            self._waiting.clear()
            self._list.news(f"not stored: {error}", bad=True)
            return False
        else:
            self._list.stored(made)
            return True
        finally:
            del self._sent[made.key]
            self._list.redraw()


async def next_unjudged(
    look_up: LookUp, total: int, here: int, by: int, left: Callable[[], Awaitable[int]]
) -> int | None:
    """Return the place of the next unjudged row in the order of the list, or the former one.

    `here` comes last; after the end the search continues at the other end, once. `left` tells how
    many are unjudged, and is asked only if they are not near.
    """
    for step in range(1, total + 1):
        if step == ASK_AFTER and not await left():
            return None
        place = (here + by * step) % total
        row = await look_up(place)
        if row is not None and not row.get("judgement"):
            return place
    return None


ASK_AFTER = 200
"""rows that are looked at before the engine is asked whether any is left"""
