"""What was found lately: provisional events of videos that are read, and those of results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.text import clean

from ..look.roles import kind_role
from ..widgets.columns import Column
from ..widgets.rows import Row, Tinted
from . import wording

if TYPE_CHECKING:
    from core.protocol.messages import EventFound, Message
    from core.protocol.state import EngineState, TaskState

MOST = 12
SAME_SECONDS = 1.0
"""two events of one kind within this time, of one decision and the next, are one"""
COLUMNS = (
    Column("TIME", 8), Column("KIND", 7, priority=1), Column("SCORE", 6, align="right"),
    Column("FILE", None, minimum=6, cut="middle", priority=2),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Find:
    """An event: of a source that is finished, or provisional."""

    scan: int
    number: int
    path: str
    kind: str
    seconds: float
    score: float
    provisional: bool = False

    @property
    def key(self) -> str:
        """What distinguishes it."""
        return f"{self.scan}.{self.number}.{self.kind}.{self.seconds:.3f}"

    def is_of(self, scan: int, number: int) -> bool:
        """Return whether it was found in this source."""
        return self.scan == scan and self.number == number


class JustFound:
    """The newest finds, the latest first. A result replaces what was provisional in its source."""

    def __init__(self) -> None:
        self._finds: list[Find] = []
        self._heard = -1
        self._ended: set[tuple[int, int]] = set()
        """sources with results that the state still shows as running"""

    @property
    def shown(self) -> Sequence[Find]:
        """The newest of all."""
        return self._finds[:MOST]

    def by_key(self, key: str | None) -> Find | None:
        """Return the find of a row."""
        return next((find for find in self._finds if find.key == key), None)

    def update(self, state: EngineState | None, messages: Sequence[tuple[int, Message]]) -> None:
        """Take in what is new."""
        running = {
            (scan.scan, task.number): task for scan in (state.scans if state else ())
            for task in scan.tasks
        }  # fmt: skip
        self._ended = (self._ended | self._hear(messages)) & running.keys()
        kept = [f for f in self._finds if not f.provisional or (f.scan, f.number) in running]
        self._finds = kept
        for (scan, number), task in running.items():
            if (scan, number) not in self._ended:
                self._take(scan, task)
        self._trim()

    def _hear(self, messages: Sequence[tuple[int, Message]]) -> set[tuple[int, int]]:
        """Take in events of results; return the sources that they are of."""
        from core.protocol.messages import EventFound

        if messages and messages[-1][0] < self._heard:  # another engine counts from the beginning
            self._heard = -1
        new = [m for n, m in messages if n > self._heard and isinstance(m, EventFound)]
        self._heard = messages[-1][0] if messages else self._heard
        ended = {(each.scan, each.number) for each in new}
        self._finds = [
            f for f in self._finds if not f.provisional or (f.scan, f.number) not in ended
        ]
        self._finds = [*map(_final, reversed(new)), *self._finds]
        return ended

    def _take(self, scan: int, task: TaskState) -> None:
        """Replace what was provisional in a source; what is new comes first."""
        mine = [f for f in self._finds if f.provisional and f.is_of(scan, task.number)]
        now = [
            Find(scan, task.number, task.path, each.kind, each.seconds, each.score, True)
            for each in task.provisional_events
        ]
        again = {old.key: same for old in mine if (same := _same(old, now)) is not None}
        taken = {find.key for find in again.values()}
        new = [find for find in reversed(now) if find.key not in taken]
        others = [again.get(f.key) if f in mine else f for f in self._finds]
        self._finds = list(dict.fromkeys([*new, *(find for find in others if find is not None)]))

    def _trim(self) -> None:
        """Forget results beyond the newest, and keep what is provisional: it may come again."""
        results = [find for find in self._finds if not find.provisional][:MOST]
        self._finds = [f for f in self._finds if f.provisional or f in results]


def row_of(find: Find) -> Row:
    """Return a find as a row."""
    cells = (
        clock(find.seconds), Tinted(clean(find.kind, limit=40), kind_role(find.kind)),
        wording.score(find.score), wording.short_path(find.path),
    )  # fmt: skip
    return Row(find.key, cells, "dim" if find.provisional else "text")


def clock(seconds: float) -> str:
    """Return a time as hh:mm:ss."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest:02d}"


def _same(old: Find, now: Sequence[Find]) -> Find | None:
    """Return what an earlier provisional event is by now."""
    near = [f for f in now if f.kind == old.kind and abs(f.seconds - old.seconds) <= SAME_SECONDS]
    return min(near, key=lambda find: abs(find.seconds - old.seconds), default=None)


def _final(event: EventFound) -> Find:
    return Find(event.scan, event.number, event.path, event.kind, event.peak_seconds, event.score)
