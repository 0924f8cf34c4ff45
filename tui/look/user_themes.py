"""Themes of the user's own: TOML files with the names of the roles, in the settings folder."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.errors import ProfileError
from core.text import clean, nearest

from .roles import ROLES
from .themes import ANSI, DEFAULT, PALETTES, Palette

FOLDER = "themes"
MOST_BYTES = 65_536
MOST_FILES = 100
_BASE = "base"


def load(config: Path) -> tuple[dict[str, Palette], list[str]]:
    """Return the themes in `config`/themes by name, and what is wrong with other files there."""
    palettes: dict[str, Palette] = {}
    faults = []
    for path in _files(config / FOLDER):
        try:
            palettes[path.stem] = read(path)
        except ProfileError as error:
            faults.append(str(error))
    return palettes, faults


def read(path: Path) -> Palette:
    """Return the colours of one file; roles it does not name have those of its `base` theme.

    Raises ProfileError, which names the file, and the nearest role or colour.
    """
    where = clean(f"{FOLDER}/{path.name}", limit=80)
    if path.stem in PALETTES or path.stem == ANSI:
        raise ProfileError(f"{where}: {path.stem} comes with the app; use another name")
    table = _table(path, where)
    base = table.pop(_BASE, DEFAULT)
    if not isinstance(base, str) or base not in PALETTES:
        raise ProfileError(
            f"{where}: unknown base '{_said(base)}'{nearest(str(base), list(PALETTES))}"
        )
    return {**PALETTES[base], **_colours(table, where)}  # type: ignore[dict-item]


def _files(folder: Path) -> list[Path]:
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    except OSError:
        return []
    return [path for path in found if path.stem.isprintable()][:MOST_FILES]


def _table(path: Path, where: str) -> dict[str, Any]:
    try:
        if not path.is_file():
            raise ProfileError(f"{where}: not a file")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ProfileError(f"{where}: larger than {MOST_BYTES >> 10} KiB")
        return tomllib.loads(data.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, RecursionError) as error:
        raise ProfileError(f"{where}: {clean(str(error), limit=120)}") from error


def _colours(table: Mapping[str, Any], where: str) -> dict[str, str]:
    colours: dict[str, str] = {}
    for role, value in table.items():
        if role not in ROLES:
            hint = nearest(role, [*ROLES, _BASE])
            raise ProfileError(f"{where}: unknown role '{_said(role)}'{hint}")
        colours[role] = _colour(value, f"{where}: {role}")
    return colours


def _colour(value: object, where: str) -> str:
    """Return a colour, given as #rgb, #rrggbb or by its CSS name, as #rrggbb."""
    from textual.color import Color, ColorParseError

    try:
        parsed = Color.parse(value if isinstance(value, str) else "")
    except ColorParseError as error:
        near = f"; did you mean '{error.suggested_color}'?" if error.suggested_color else ""
        raise ProfileError(f"{where}: unknown colour '{_said(value)}'{near}") from error
    if parsed.a < 1 or parsed.ansi is not None or parsed.auto:
        raise ProfileError(f"{where}: '{_said(value)}' is no plain colour (#rrggbb or a name)")
    return parsed.hex6.lower()


def _said(value: object) -> str:
    return clean(str(value), limit=40)
