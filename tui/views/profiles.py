"""Profiles: whether each can run, every setting with its value, origin and meaning, and trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import SightlineError
from core.protocol.requests.trials import JudgedAtEach, Tried, TriedEvent, change_words
from core.text import clean, counted

from ..look.roles import Role
from ..widgets.columns import Column
from ..widgets.rows import Row
from ..widgets.symbols import Symbols
from ..widgets.text_pane import TextLine
from . import wording

LIST_COLUMNS = (
    Column("PROFILE", None, minimum=14),
    Column("HERE", 9),
    Column("FOR", None, flex=2, minimum=14, priority=1),
)
SETTING_COLUMNS = (
    Column("", 1),
    Column("SETTING", 20, cut="start"),
    Column("VALUE", None, flex=2, minimum=7),
    Column("", None, flex=3, minimum=9),
)
COMPARE_COLUMNS = (
    Column("SETTING", 20, cut="start"),
    Column("FIRST", None, minimum=8),
    Column("SECOND", None, minimum=8),
)
FAULT_LINES = 12
LISTED_EVENTS = 8
"""added and lost events that are named"""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a resolved profile.

    `was` is its value in the profile this one extends; of an edited one, in the profile as saved.
    """

    key: str
    value: Any
    was: Any
    is_edited: bool
    meaning: str

    @property
    def is_changed(self) -> bool:
        """Whether the value is another one than before."""
        return bool(self.value != self.was)


def listed(faults: Mapping[str, Sequence[str]] | None = None) -> list[Row]:
    """Return every profile with whether it can run; None where that is not known yet."""
    from core.config.profiles import available, read

    rows = []
    for name, profile in available().items():
        tone: Role = "text"
        try:
            about = str(read(profile).get("description", ""))
        except SightlineError as error:
            about, tone = str(error), "bad"
        here = _state(faults, name)
        tone = "warn" if here not in ("", "runs") and tone == "text" else tone
        rows.append(Row(name, (name, here, clean(about)), tone))
    return rows


def _state(faults: Mapping[str, Sequence[str]] | None, name: str) -> str:
    if faults is None or name not in faults:
        return ""
    return f"{len(faults[name])} missing" if faults[name] else "runs"


def parent_of(name: str) -> str:
    """Return the profile that one extends, or an empty string. Raises ProfileError."""
    from core.config.profiles import find, read

    return str(read(find(name)).get("extends", ""))


def settings(name: str, changes: Mapping[str, Any]) -> list[Setting]:
    """Return every setting of a profile with changes on top. Raises ProfileError."""
    from core.config.profiles import resolve, setting_keys
    from core.config.spec import meaning

    saved, parent = resolve(name).every_table(), parent_of(name)
    now = resolve(name, dict(changes)).every_table()
    base = resolve(parent).every_table() if parent else saved
    return [
        Setting(
            key, _value(now, key), _value(saved if key in changes else base, key),
            key in changes, clean(meaning(key)),
        )
        for key in setting_keys()
    ]  # fmt: skip


def setting_row(setting: Setting, trouble: Mapping[str, str], symbols: Symbols) -> Row:
    """Return one setting as a row: what is wrong with it, or what it was, beside its value."""
    wrong = trouble.get(setting.key, "")
    shown = shown_value(setting.value)
    if wrong:
        return Row(setting.key, ("!", setting.key, shown, clean(wrong)), "bad")
    if not setting.is_changed:
        return Row(setting.key, ("", setting.key, shown, ""))
    was = f"was {shown_value(setting.was)}"
    tone: Role = "good" if setting.is_edited else "text"
    return Row(setting.key, (symbols.knob, setting.key, shown, was), tone)


def about_profile(
    name: str, faults: Sequence[str] | None, used: bool, is_preset: bool
) -> list[TextLine]:
    """Return what a profile is for, where it comes from, and what it lacks here."""
    from core.config.profiles import find, read

    try:
        tables = read(find(name))
    except SightlineError as error:
        return [("title", name), ("bad", str(error))]
    of = f"extends {clean(str(tables['extends']))}" if tables.get("extends") else ""
    whose = "preset" if is_preset else "yours"
    lines: list[TextLine] = [
        ("title", "  ".join(filter(None, (name, whose, of, "in use" if used else "")))),
        clean(str(tables.get("description", ""))),
    ]
    if faults is None:
        return lines
    if not faults:
        return [*lines, ("good", "everything it needs is on this machine")]
    shown = [("warn", clean(fault)) for fault in faults[:FAULT_LINES]]
    return [*lines, ("bad", "cannot run here yet:"), *shown]  # type: ignore[list-item]


def about_setting(setting: Setting, wrong: str) -> list[TextLine]:
    """Return a setting in full: name, meaning, value and what it was."""
    lines: list[TextLine] = [("title", setting.key), setting.meaning]
    if wrong:
        return [*lines, ("bad", clean(wrong))]
    now = shown_value(setting.value)
    if setting.is_changed:
        state = "not saved" if setting.is_edited else "changed from the profile it extends"
        return [*lines, ("strong", f"{now}  was {shown_value(setting.was)}  ({state})")]
    return [*lines, ("dim", now)]


def judged_lines(found: JudgedAtEach | None, kind: str) -> list[TextLine]:
    """Return what sensitivities keep of all judged events of a kind."""
    if found is None or not found.judged or not found.each:
        return []
    lines: list[TextLine] = [
        ("dim", f"your {counted(found.judged, 'judgement')} of {clean(kind)}:")
    ]
    for each in found.each:
        lines.append(
            f"at {each.sensitivity:.2f}  {each.right} right  {each.wrong} wrong  "
            f"(score from {each.threshold:.2f})"
        )
    return lines


def trial_lines(
    found: Tried, names: tuple[str, str], seconds: float, width: int, symbols: Symbols
) -> list[TextLine]:
    """Return a trial: both sides on the time of the video, what changes, what of it is judged."""
    source = "read, nothing stored" if found.was_read else "from stored measurements"
    noted = f", {found.note}" if found.note else ""
    lines: list[TextLine] = [
        ("title", wording.short_path(found.path)),
        ("dim", f"{source}, {seconds:.1f} s{noted}"),
    ]
    cells = max(len(name) for name in names)
    for name, events in zip(names, (found.saved, found.now), strict=True):
        count = f" {len(events):>4}"
        line = marks(events, found.seconds, width - cells - 1 - len(count), symbols)
        lines.append(("text", f"{name:<{cells}} {line}{count}"))
    lines.append(("strong", _changed(found)))
    kept = found.judgements
    if kept.right or kept.wrong:
        lines.append(
            f"judged here: {kept.right_saved}{symbols.becomes}{kept.right_now} of {kept.right} "
            f"right, {kept.wrong_saved}{symbols.becomes}{kept.wrong_now} of {kept.wrong} wrong"
        )
    return lines + _named(found)


def _changed(found: Tried) -> str:
    words = change_words(found)
    if words == "0 added, 0 lost":
        return "the same events"
    return ", ".join(f"none{each[1:]}" if each.startswith("0 ") else each
                     for each in words.split(", "))  # fmt: skip


def _named(found: Tried) -> list[TextLine]:
    changed = [("+", each) for each in found.added] + [("-", each) for each in found.lost]
    lines: list[TextLine] = []
    for sign, event in changed[:LISTED_EVENTS]:
        judged = f"  {event.judgement}" if event.judgement else ""
        at = wording.at(event.peak_seconds)
        said = f"{sign} {at}  {clean(event.kind)}  {wording.score(event.score)}{judged}"
        lines.append(("add" if sign == "+" else "gone", said))
    more = len(changed) - LISTED_EVENTS
    return [*lines, ("dim", f"and {more} more")] if more > 0 else lines


def marks(events: Sequence[TriedEvent], seconds: float, width: int, symbols: Symbols) -> str:
    """Return a line of time with a sign at each event."""
    cells = [symbols.horizontal] * max(width, 1)
    length = max([seconds, *(each.peak_seconds for each in events)], default=0.0) or 1.0
    for each in events:
        cells[min(int(each.peak_seconds / length * len(cells)), len(cells) - 1)] = symbols.vertical
    return "".join(cells)


def compared(one: str, other: str) -> list[Row]:
    """Return the settings in which two profiles differ. Raises ProfileError."""
    pairs = zip(settings(one, {}), settings(other, {}), strict=True)
    return [
        Row(a.key, (a.key, shown_value(a.value), shown_value(b.value)))
        for a, b in pairs
        if a.value != b.value
    ]


def shown_value(value: Any) -> str:
    """Return a value as it is written in a profile."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(shown_value(each) for each in value) + "]"
    return clean(f'"{value}"' if isinstance(value, str) else str(value), limit=200)


def _value(spec: Mapping[str, Any], key: str) -> Any:
    value: Any = spec
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
