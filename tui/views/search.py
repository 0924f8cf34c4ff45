"""Searching: what a typed line asks for, and hits as tiles, rows and lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.protocol.requests.search import Search, SearchReply, SearchSort, SearchWhat
from core.protocol.search_terms import image_term, parse_query
from core.text import clean, counted
from core.times import timecode

from ..widgets.columns import Column
from ..widgets.rows import Row
from ..widgets.sheet import Tile
from ..widgets.symbols import Symbols
from . import wording
from .rounds import sign

WHAT: tuple[SearchWhat, ...] = ("frames", "objects", "events", "candidates")
SORTS: tuple[SearchSort, ...] = ("match", "time", "date")
RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
"""the steps of the cut-off: the share of hits that are expected not to match"""
USUAL_RATE = 0.05
USUAL_STEP = RATES.index(USUAL_RATE)
PAGE_ROWS = 120
MOST_REMEMBERED = 50
COLUMNS = (
    Column("", 1),
    Column("MATCH", 6, align="right"),
    Column("TIME", 12, priority=1),
    Column("FILE", None, flex=3, minimum=12, cut="middle"),
    Column("SAID OF IT", None, flex=4, minimum=8, priority=2),
)
_TOKEN = re.compile(r'-?[a-z]+(?:!=|<=|>=|[:=<>])"[^"]*"|-?"[^"]*"|\S+')
_CONDITION = re.compile(
    r"-?(?:date|camera|place|tag|model|in|file|path|score|kind|is)(?:!=|<=|>=|[:=<>])\S", re.DOTALL
)
RowOf = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is looked for: the line as typed, examples, and how hits are chosen and ordered."""

    line: str = ""
    like: tuple[str, ...] = ()
    """frames to look like, as FILE@TIME or FILE"""
    what: SearchWhat = "frames"
    sort: SearchSort = "match"
    rate: float = USUAL_RATE

    @property
    def is_empty(self) -> bool:
        """Whether nothing is looked for."""
        return not self.line.strip() and not self.like

    def stepped(self, by: int) -> Wish:
        """Return the same with another false rate; a higher one lets more pass."""
        return replace(self, rate=rate_at(step_of(self.rate) + by))

    def turned(self, by: int) -> Wish:
        """Return the same for the next kind of hits."""
        return replace(self, what=WHAT[(WHAT.index(self.what) + by) % len(WHAT)])

    def without_last(self) -> Wish:
        """Return the same without the last example, else without the last condition."""
        if self.like:
            return replace(self, like=self.like[:-1])
        words, conditions = parted(self.line)
        return replace(self, line=" ".join(part for part in (words, *conditions[:-1]) if part))

    def request(self, first: int = 0, last: int = PAGE_ROWS) -> Search:
        """Return the request, also for what does not pass the cut-off. Raises UsageError."""
        words, conditions = parted(self.line)
        terms = (*parse_query(words), *(image_term(each) for each in self.like))
        return Search(
            terms, self.what, " ".join(conditions), self.sort, self.rate, every=True,
            first=first, last=last,
        )  # fmt: skip


def step_of(rate: float) -> int:
    """Return the step that is nearest to a false rate."""
    return min(range(len(RATES)), key=lambda step: abs(RATES[step] - rate))


def rate_at(step: int) -> float:
    """Return the false rate of a step, of the first or last beyond them."""
    return RATES[max(0, min(step, len(RATES) - 1))]


def parted(line: str) -> tuple[str, list[str]]:
    """Return the query of a line, and its conditions, such as `date:2024` and `-tag:rain`."""
    tokens = [found[0] for found in _TOKEN.finditer(line)]
    conditions = [token for token in tokens if _CONDITION.match(token)]
    return " ".join(token for token in tokens if not _CONDITION.match(token)), conditions


def remembered(history: Sequence[Any], line: str) -> list[str]:
    """Return the lines searched for, the newest last, each once."""
    others = [each for each in history if isinstance(each, str) and each not in ("", line)]
    return [*others, *([line] if line else [])][-MOST_REMEMBERED:]


def address(row: RowOf) -> str:
    """Return where a hit is, as `--like` and `show` take it."""
    return row["path"] if row["kind"] == "picture" else f"{row['path']}@{timecode(row['seconds'])}"


def match(row: RowOf) -> str:
    """Return how well a hit matches: calibrated if the index is, else its cosine."""
    if row["z"] is not None:
        return f"{round(row['z'], 1) + 0.0:.1f}"  # never -0.0
    return f"{round(row['cosine'], 2) + 0.0:.2f}" if row["cosine"] is not None else "words"


def said(row: RowOf) -> str:
    """Return what was said of a hit: its event, object, caption or tags."""
    event = row["event"]
    if event is not None:
        return f"{clean(event['kind'])} {wording.score(event['score'])}"
    label = f"{clean(row['label'])}: " if row["label"] and row["box"] else ""
    return label + (clean(row["caption"]) or clean(", ".join(row["tags"][:5])))


def tile(row: RowOf, judgement: str, symbols: Symbols) -> Tile:
    """Return a hit as a tile."""
    name = wording.short_path(row["path"], 1)
    is_video = row["kind"] == "video"
    head = f"{match(row)} {timecode(row['seconds']) if is_video else name}"
    text = "the file is gone" if row["gone"] else said(row) or (name if is_video else "")
    own = sign(judgement, symbols) if judgement else ""
    return Tile(row["key"], head, text, own, faint=not row["passes"])


def listed(row: RowOf, judgement: str, symbols: Symbols) -> Row:
    """Return a hit as a row of the list."""
    time = timecode(row["seconds"]) if row["kind"] == "video" else "-"
    text = "the file is gone" if row["gone"] else said(row)
    own = sign(judgement, symbols) if judgement else ""
    tone = "text" if row["passes"] else "faint"
    cells = (own, match(row), time, wording.short_path(row["path"]), text)
    return Row(row["key"], cells, tone)  # type: ignore[arg-type]


def rule(reply: SearchReply, wish: Wish, keys: str) -> str:
    """Return the line between what passes the cut-off and what does not."""
    return (
        f" cut-off {percent(wish.rate)} false: {reply.total} above, {reply.rest} below  {keys} move"
    )


def percent(share: float) -> str:
    """Return a false rate as it is typed."""
    return f"{100 * share:.3g}%"


def counts(reply: SearchReply, symbols: Symbols) -> str:
    """Return how many hits there are, of how many vectors."""
    searched = reply.facts.get("searched")
    known = isinstance(searched, int) and searched > 0
    of = f" of {wording.number(int(searched or 0), symbols)}" if known else ""
    return f"{wording.number(reply.total, symbols)}{of}"


def nothing(reply: SearchReply, wish: Wish) -> str:
    """Return what to say where nothing passes the cut-off."""
    if reply.best is None:
        return "nothing found"
    return (
        f"nothing passes at a false rate of {percent(wish.rate)}; "
        f"the best was {wording.short_path(reply.best['path'])}, {match(reply.best)}"
    )


def why(row: RowOf) -> list[str]:
    """Return why a hit matched: its rank in each list."""
    lines = [f"{each['list']:<6} {each['value']:>6.2f}  rank {each['rank']}" for each in row["why"]]
    if row["probability"] is not None:
        lines.append(f"reached by chance: {100 * row['probability']:.2g}%")
    return lines


def detail(row: RowOf) -> list[str]:
    """Return all that is known of a hit, without its picture."""
    lines = [clean(row["caption"])] if row["caption"] else []
    if row["tags"]:
        lines.append(clean(", ".join(row["tags"])))
    if row["start_frame"] != row["end_frame"]:
        stretch = f"{timecode(row['start_seconds'])} to {timecode(row['end_seconds'])}"
        lines.append(f"moment {stretch}, {counted(row['hits'], 'hit')}")
    event = row["event"]
    if event is not None:
        state = "" if event["accepted"] else f", rejected: {clean(event['reason'])}"
        lines.append(f"{clean(event['kind'])} score {wording.score(event['score'])}{state}")
    lines += ["", *why(row), ""]
    if row["captured"]:
        lines.append(f"taken   {clean(row['captured'])}")
    if row["camera"]:
        lines.append(f"camera  {clean(row['camera'])}")
    lines.append(f"frame   {row['frame']}" + (f"  scan {row['scan']}" if row["scan"] else ""))
    if row["gone"]:
        lines.append("the file is gone")
    return [*lines, clean(row["path"])]
