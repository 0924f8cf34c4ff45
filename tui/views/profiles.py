"""Profiles: what each is for, and every setting with its value, origin and meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import SightlineError
from core.text import clean

from ..look.roles import Role
from ..widgets.columns import Column
from ..widgets.rows import Row

LIST_COLUMNS = (
    Column("PROFILE", 16),
    Column("OF", 6),
    Column("FOR", None, minimum=10, priority=1),
)
SETTING_COLUMNS = (
    Column("SETTING", 26, cut="start"),
    Column("VALUE", None, flex=2, minimum=8),
    Column("FROM", 8, priority=1),
    Column("MEANING", None, flex=3, minimum=10, priority=2),
)
COMPARE_COLUMNS = (
    Column("SETTING", 24, cut="start"),
    Column("FIRST", None, minimum=8),
    Column("SECOND", None, minimum=8),
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a resolved profile; `origin` says whether the profile itself sets it."""

    key: str
    value: Any
    origin: str
    meaning: str


def listed() -> list[Row]:
    """Return every profile; one that cannot be read says why."""
    from core.config.profiles import available, read

    rows = []
    for name, profile in available().items():
        tone: Role = "text"
        try:
            about = str(read(profile).get("description", ""))
        except SightlineError as error:
            about, tone = str(error), "bad"
        rows.append(Row(name, (name, "preset" if profile.preset else "yours", clean(about)), tone))
    return rows


def settings(name: str, changes: Mapping[str, Any]) -> list[Setting]:
    """Return every setting of a profile with changes on top. Raises ProfileError."""
    from core.config.profiles import find, read, resolve, setting_keys
    from core.config.spec import meaning

    spec = resolve(name, dict(changes)).every_table()
    own = _flat(read(find(name)))
    found = []
    for key in setting_keys():
        origin = "edited" if key in changes else ("profile" if key in own else "")
        found.append(Setting(key, _value(spec, key), origin, clean(meaning(key))))
    return found


def setting_row(setting: Setting, trouble: Mapping[str, str]) -> Row:
    """Return one setting as a row; what is wrong with an edited one replaces its meaning."""
    wrong = trouble.get(setting.key, "")
    tone: Role = "bad" if wrong else ("good" if setting.origin == "edited" else "text")
    shown = shown_value(setting.value)
    return Row(setting.key, (setting.key, shown, setting.origin, wrong or setting.meaning), tone)


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


def _flat(tables: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tables.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _value(spec: Mapping[str, Any], key: str) -> Any:
    value: Any = spec
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
