"""The user's keys: the `[keys]` table of the settings file, checked as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import ProfileError
from core.text import clean, nearest

from .actions import BY_ID, FIXED, PRESETS, SCREENS, clashes, defaults
from .names import refusal, spelled

LONGEST_NAME = 40
"""of what is wrong, a message repeats no more than this"""


def keymap_from(table: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the keys of every action: the preset, changed by the table.

    `{"preset": "vim", "queue.retry": "R", "app.detach": ["d", "f5"], "copy.menu": ""}`: an action
    has one key, or several, or none. Raises ProfileError, one line, for a preset or action that
    does not exist, a key that cannot be relied on, and two actions of one screen with the same
    key.
    """
    keymap = {**defaults(), **_preset(table.get("preset", "default"))}
    for name, keys in _flat(table).items():
        if name not in BY_ID:
            known = nearest(name, list(BY_ID))
            raise ProfileError(f"[keys]: there is no action '{_short(name)}'{known}")
        keymap[name] = _keys(name, keys)
    for screen, key, one, other in clashes(keymap):
        raise ProfileError(
            f"[keys]: in {SCREENS[screen]} '{key}' would do both {one} ({BY_ID[one].title.lower()})"
            f" and {other}; give one of them another key, or none"
        )
    return keymap


def _preset(name: object) -> Mapping[str, tuple[str, ...]]:
    if not isinstance(name, str) or name not in PRESETS:
        raise ProfileError(
            f"[keys]: preset must be one of {', '.join(PRESETS)}, not '{_short(str(name))}'"
        )
    return PRESETS[name]


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return dotted names: TOML reads `queue.retry = "R"` without quotes as a table in a table."""
    flat: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        elif prefix or name != "preset":
            flat[f"{prefix}{name}"] = value
    return flat


def _keys(action: str, given: object) -> tuple[str, ...]:
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list | tuple) or not all(isinstance(key, str) for key in listed):
        raise ProfileError(f'[keys]: {action} must be a key, as "R", or a list of keys')
    keys = tuple(dict.fromkeys(spelled(key) for key in listed if key))
    for key in keys:
        _check(action, key)
    for key, owner in FIXED.items():
        if owner == action and key not in keys:
            raise ProfileError(f"[keys]: {action} must keep '{key}'; it may have others besides")
    return keys


def _check(action: str, key: str) -> None:
    reason = refusal(key)
    if reason:
        raise ProfileError(f"[keys]: {action} cannot have '{_short(key)}': {reason}")
    if FIXED.get(key, action) != action:
        raise ProfileError(
            f"[keys]: {action} cannot have '{key}': it always means "
            f"{FIXED[key]} ({BY_ID[FIXED[key]].title.lower()})"
        )


def _short(text: str) -> str:
    return clean(text, limit=LONGEST_NAME)
