"""Conditions of a filter as SQL: which rows of a list fulfil them.

A condition that a kind of row cannot fulfil (frames have no strokes) is fulfilled by none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["moments", "candidates", "frames"]
Sql = tuple[str, list[Any]]
NEVER: Sql = ("0", [])
JUDGED_FLAGS = ("right", "wrong", "unsure", "judged", "unjudged")
"""values of `is` that are about judgements"""
_ROUNDING = 1e-11
"""a score of 0.29 is not below a cut-off of 0.29, whatever their floats are"""
DATE_LENGTHS = (4, 7, 10, 16, 19)
"""of YYYY, YYYY-MM, YYYY-MM-DD, with hours and minutes, with seconds"""
DATE_RANGE = ".."


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition; more than one value: any of them fulfils it.

    `name` is one of `BUILDERS`; `sign` is `=`, `<`, `<=`, `>` or `>=`, and of `below` a kind.
    """

    name: str
    sign: str
    values: tuple[str | float, ...]
    negated: bool = False


def where(kind: Kind, conditions: Iterable[Condition]) -> Sql:
    """Return the SQL that all conditions are fulfilled, and its parameters."""
    parts: list[str] = []
    parameters: list[Any] = []
    for condition in conditions:
        found = [BUILDERS[condition.name](kind, condition.sign, value)
                 for value in condition.values]  # fmt: skip
        either = " OR ".join(f"coalesce({sql}, 0)" for sql, _ in found)
        parts.append(f"{'NOT ' if condition.negated else ''}({either})")
        parameters += [value for _, values in found for value in values]
    return " AND ".join(parts) or "1", parameters


FRAME_OF = {
    "moments": "json_extract(r.body, '$.peak_frame')",
    "candidates": "json_extract(r.body, '$.peak_frame')",
    "frames": "r.frame",
}
_TEXT: dict[Kind, str] = {
    "moments": "(r.kind || ' ' || coalesce(json_extract(r.body, '$.verdict'), ''))",
    "candidates": "(" + " || ' ' || ".join(
        f"coalesce(json_extract(r.body, '$.{name}'), '')"
        for name in ("kind", "stage", "reason", "verdict")
    ) + ")",
}  # fmt: skip
"""where the words of a filter are searched, besides the path and remarks of users"""
_STROKES = "coalesce(json_array_length(r.body, '$.strokes'), 0)"
_NUMBERS: dict[Kind, dict[str, str]] = {
    "moments": {
        "time": "r.peak_seconds",
        "score": "r.score",
        "energy": "json_extract(r.body, '$.energy')",
        "strokes": _STROKES,
    },
    "candidates": {
        "time": "json_extract(r.body, '$.peak_seconds')",
        "score": "json_extract(r.body, '$.score')",
        "energy": "json_extract(r.body, '$.energy')",
        "strokes": _STROKES,
    },
    "frames": {"time": "r.seconds"},
}
_ANSWERS = (
    "SELECT 1 FROM shown AS s JOIN annotations AS a ON a.id = s.annotation "
    "JOIN asked AS q ON q.id = a.asked "
    "WHERE s.content = tasks.content AND s.spec_hash = scans.spec_hash AND a.frame "
)
_PATH = "CAST(tasks.path AS TEXT)"


def _said(kind: Kind, condition: str) -> str:
    """Return the SQL that an answer about a frame of the row fulfils a condition."""
    if kind == "frames":
        within = "= r.frame"
    else:
        within = (
            "BETWEEN json_extract(r.body, '$.start_frame') AND json_extract(r.body, '$.end_frame')"
        )
    return f"EXISTS ({_ANSWERS}{within} AND {condition})"


def _of_source(condition: str) -> str:
    """Return the SQL that the row's source fulfils a condition: asked once for each source."""
    return (
        "tasks.number IN (SELECT t.number FROM tasks AS t LEFT JOIN contents AS c "
        "ON c.content = t.content LEFT JOIN paths AS p ON p.path = t.path "
        f"WHERE t.scan = tasks.scan AND {condition})"
    )


def _word(kind: Kind, sign: str, value: Any) -> Sql:
    corrected = (
        f"EXISTS (SELECT 1 FROM corrections AS c WHERE c.content = r.content "
        f"AND c.frame = {FRAME_OF[kind]} AND c.body LIKE ? ESCAPE '\\')"
    )
    if kind == "frames":  # what models said is searched as it is kept, in JSON
        text, said = _said(kind, "a.body LIKE ? ESCAPE '\\'"), json.dumps(value)[1:-1]
    else:
        text, said = f"{_TEXT[kind]} LIKE ? ESCAPE '\\'", value
    sql = f"({text} OR {_PATH} LIKE ? ESCAPE '\\' OR {corrected})"
    return sql, [_like(said), _like(value), _like(value)]


def _kind(kind: Kind, sign: str, value: Any) -> Sql:
    if kind == "frames":
        return NEVER
    column = "r.kind" if kind == "moments" else "json_extract(r.body, '$.kind')"
    return f"lower({column}) = ?", [value]


def _below(kind: Kind, sign: str, value: Any) -> Sql:
    """A row of one kind whose score is below a cut-off; the kind comes in place of a sign."""
    compared = _NUMBERS[kind].get("score")
    if compared is None or kind == "frames":
        return NEVER
    column = "r.kind" if kind == "moments" else "json_extract(r.body, '$.kind')"
    return f"({column} = ? AND {compared} < ?)", [sign, value - _ROUNDING]


def _path(kind: Kind, sign: str, value: Any) -> Sql:
    return f"{_PATH} LIKE ? ESCAPE '\\'", [_like(value)]


def _in(kind: Kind, sign: str, value: Any) -> Sql:
    """Return the SQL that a source is a file or lies in a folder, at any depth.

    A name without a leading slash is that of any folder on the way, or of the file.
    """
    name = str(value).removeprefix("./").rstrip("/") or "/"
    start = "" if name.startswith("/") else "%/"
    below, itself = f"{start}{_escaped(name)}/%", f"{start}{_escaped(name)}"
    within = "/%" if name == "/" else below
    return f"({_PATH} LIKE ? ESCAPE '\\' OR {_PATH} LIKE ? ESCAPE '\\')", [within, itself]


def _number_of(name: str) -> Callable[[Kind, str, Any], Sql]:
    def built(kind: Kind, sign: str, value: Any) -> Sql:
        compared = _NUMBERS[kind].get(name)
        return NEVER if compared is None else (f"{compared} {sign} ?", [value])

    return built


def _score(kind: Kind, sign: str, value: Any) -> Sql:
    if kind != "frames":
        return _number_of("score")(kind, sign, value)
    tags = (
        "EXISTS (SELECT 1 FROM json_each(a.body, '$.tags') AS t "
        f"WHERE json_extract(t.value, '$.score') {sign} ?)"
    )
    return _said(kind, f"(json_extract(a.body, '$.score') {sign} ? OR {tags})"), [value, value]


def _tag(kind: Kind, sign: str, value: Any) -> Sql:
    said = _said(
        kind,
        "EXISTS (SELECT 1 FROM json_each(a.body, '$.tags') AS t "
        "WHERE fold(json_extract(t.value, '$.tag')) = fold(?))",
    )
    written = (
        "EXISTS (SELECT 1 FROM corrections AS c WHERE c.content = r.content AND c.what = 'tags' "
        f"AND c.frame = {FRAME_OF[kind]} AND instr(',' || replace(fold(c.body), ', ', ',') || ',', "
        "',' || fold(?) || ','))"
    )
    return f"({said} OR {written})", [value, value]


def _label(kind: Kind, sign: str, value: Any) -> Sql:
    return _said(kind, "fold(json_extract(a.body, '$.label')) = fold(?)"), [value]


def _model(kind: Kind, sign: str, value: Any) -> Sql:
    name = "json_extract(q.body, '$.identity.model')"
    revision = "coalesce(json_extract(q.body, '$.identity.revision'), '')"
    return _said(kind, f"instr(fold({name} || '@' || {revision}), fold(?))"), [value]


def _camera(kind: Kind, sign: str, value: Any) -> Sql:
    return _of_source("instr(camera(c.info), fold(?))"), [value]


def _lens(kind: Kind, sign: str, value: Any) -> Sql:
    return _of_source("instr(lens(c.info), fold(?))"), [value]


def _date(kind: Kind, sign: str, value: Any) -> Sql:
    """Return the SQL for a date as far as it is given: 2024-06 is any day of that month.

    Of `A..B` both count as well, and either may be missing.
    """
    if DATE_RANGE in str(value):
        bounds = zip((">=", "<="), str(value).split(DATE_RANGE), strict=True)
        parts = [_date(kind, each, date) for each, date in bounds if date]
        return " AND ".join(sql for sql, _ in parts), [v for _, values in parts for v in values]
    length = len(str(value))
    found = f"substr(captured(c.info, p.mtime_ns), 1, {length})"
    return _of_source(f"{found} {sign} ?"), [value]


def _place(kind: Kind, sign: str, value: Any) -> Sql:
    north, east, km = (float(part) for part in str(value).split(","))
    return _of_source("distance_km(c.info, ?, ?) <= ?"), [north, east, km]


def _is(kind: Kind, sign: str, value: Any) -> Sql:
    return _FLAGS[str(value)](kind), []


def _is_accepted(kind: Kind) -> str:
    return "json_extract(r.body, '$.accepted')" if kind == "candidates" else "1"


def _is_rejected(kind: Kind) -> str:
    return {"candidates": "NOT json_extract(r.body, '$.accepted')", "frames": "1"}.get(kind, "0")


def _is_marked(kind: Kind) -> str:
    return (
        "EXISTS (SELECT 1 FROM marks WHERE marks.content = r.content "
        f"AND marks.frame = {FRAME_OF[kind]})"
    )


def _is_unmarked(kind: Kind) -> str:
    return f"NOT {_is_marked(kind)}"


def _is_located(kind: Kind) -> str:
    return _of_source("distance_km(c.info, 0.0, 0.0) IS NOT NULL")


def _is_duplicate(kind: Kind) -> str:
    raise RuntimeError("is:duplicate must be resolved first, see reports.duplicates")


def _is_judged(kind: Kind) -> str:
    raise RuntimeError("conditions about judgements are no SQL, see judged_keys")


def _task(kind: Kind, sign: str, value: Any) -> Sql:
    """Return the SQL that the row's source is one of some, as JSON of their tasks' numbers."""
    return "tasks.number IN (SELECT value FROM json_each(?))", [value]


_FLAGS: dict[str, Callable[[Kind], str]] = {
    "marked": _is_marked, "accepted": _is_accepted, "rejected": _is_rejected,
    "located": _is_located, "duplicate": _is_duplicate, "unmarked": _is_unmarked,
    **dict.fromkeys(JUDGED_FLAGS, _is_judged),
}  # fmt: skip
FLAGS = tuple(_FLAGS)
BUILDERS: dict[str, Callable[[Kind, str, Any], Sql]] = {
    "word": _word, "kind": _kind, "file": _path, "path": _path, "in": _in,
    "time": _number_of("time"), "score": _score, "energy": _number_of("energy"),
    "strokes": _number_of("strokes"),
    "tag": _tag, "label": _label, "model": _model, "camera": _camera, "lens": _lens,
    "date": _date, "place": _place, "is": _is, "task": _task, "below": _below,
}  # fmt: skip


def _like(word: str) -> str:
    return f"%{_escaped(word)}%"


def _escaped(word: str) -> str:
    for special in ("\\", "%", "_"):
        word = word.replace(special, f"\\{special}")
    return word
