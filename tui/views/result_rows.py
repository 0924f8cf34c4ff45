"""Results as rows of a table: under a header for each file, or each with its file."""

from __future__ import annotations

from functools import partial
from typing import Any

from core.protocol.queries import What
from core.text import clean

from ..look.roles import Role, kind_role
from ..widgets.cells import fit
from ..widgets.columns import Column
from ..widgets.line_bar import line_bar
from ..widgets.painted import Span
from ..widgets.rows import Cell, Row, Tinted
from ..widgets.symbols import Symbols
from . import wording
from .results import caption, key_of, note, tags
from .rounds import sign

_SIGN, _TIME = Column("", 1), Column("TIME", 12)
_KIND, _SCORE = Column("KIND", 7, priority=1), Column("SCORE", 5, align="right", priority=1)
BY_FILE = (
    _SIGN, _TIME, _KIND, _SCORE,
    Column("", None, minimum=3, priority=2),
    Column("NOTE", None, flex=2, minimum=30, priority=3),
)  # fmt: skip
WITH_FILE = (
    _SIGN, _TIME, _KIND, _SCORE,
    Column("", None, minimum=3, priority=3),
    Column("FILE", None, flex=3, minimum=10, cut="middle", priority=2),
    Column("NOTE", None, flex=3, minimum=8, priority=4),
)  # fmt: skip
FRAMES = (
    _TIME,
    Column("FILE", None, flex=2, minimum=10, cut="middle", priority=1),
    Column("TAGS", None, flex=2, minimum=8, priority=2),
    Column("OBJECTS", 7, align="right", priority=3),
    Column("CAPTION", None, flex=4, minimum=12),
)
_ROLES: dict[str, Role] = {"right": "good", "wrong": "bad", "unsure": "warn"}


def columns(what: What, *, named: bool) -> tuple[Column, ...]:
    """Return the columns of a list; `named` where each row names its file."""
    if what == "frames":
        return FRAMES
    return WITH_FILE if named else BY_FILE


def result_row(
    what: What, row: dict[str, Any], judgement: str, symbols: Symbols, *, named: bool
) -> Row:
    """Return one result as a row; a judged one is dim, so that what is left stands out."""
    if what == "frames":
        return _frame_row(row)
    faint = bool(judgement) or not row["accepted"]
    cells: tuple[Cell, ...] = (
        Tinted(sign(judgement, symbols), _ROLES.get(judgement, "faint")),
        wording.at(row["peak_seconds"]),
        Tinted(clean(row["kind"]), kind_role(row["kind"]) if row["accepted"] else "dim"),
        wording.score(row["score"]),
        partial(_bar, row, faint, symbols),
        *([wording.short_path(row["path"])] if named else []),
        note(row) if row["accepted"] else clean(row["reason"]),
    )
    return Row(key_of(row), cells, "dim" if faint else "text", marked=bool(row["marked"]))


def _bar(row: dict[str, Any], faint: bool, symbols: Symbols, width: int) -> list[Span]:
    """Return the score as a bar; of a rejected candidate the reason, which says more."""
    if not row["accepted"]:
        return [Span(fit(clean(row["reason"] or "rejected"), width, symbols), "faint")]
    role: Role = "faint" if faint else kind_role(row["kind"])
    return line_bar(row["score"], width, symbols, role)


def _frame_row(row: dict[str, Any]) -> Row:
    cells = (
        wording.at(row["seconds"]), wording.short_path(row["path"]), tags(row),
        str(len(row["objects"])) if row["objects"] else "-", caption(row),
    )  # fmt: skip
    tone: Role = "bad" if row["failures"] else "text"
    return Row(key_of(row), cells, tone, marked=bool(row["marked"]))
