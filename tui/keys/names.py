"""How keys are written in settings, footer and docs, and which of them no program can rely on.

A key is written as what it types (`R`, `/`, `?`) or by name (`enter`, `pgdn`, `ctrl+p`).
"""

from __future__ import annotations

import string
import unicodedata

_NAMED = {
    "esc", "enter", "space", "tab", "backspace", "delete", "insert", "home", "end", "pgup", "pgdn",
    "up", "down", "left", "right",
} | {f"f{number}" for number in range(1, 13)}  # fmt: skip
_ALSO = {
    "escape": "esc", "return": "enter", "pageup": "pgup", "pagedown": "pgdn", "page_up": "pgup",
    "page_down": "pgdn", "del": "delete", "ins": "insert", "comma": ",", "plus": "+", "minus": "-",
    "slash": "/", "colon": ":", "backslash": "\\",
}  # fmt: skip
_WITH_CTRL = frozenset(
    {
        *string.ascii_lowercase,
        "up",
        "down",
        "left",
        "right",
        "home",
        "end",
        "pgup",
        "pgdn",
        "delete",
    }
)
_WITH_SHIFT = frozenset({"tab", "up", "down", "left", "right"})

_TAKEN = {
    "ctrl+h": "a terminal sends it as backspace",
    "ctrl+i": "a terminal sends it as tab",
    "ctrl+m": "a terminal sends it as enter",
    "ctrl+j": "a terminal may send it as enter, and VS Code takes it",
    "ctrl+[": "a terminal sends it as esc",
    "ctrl+space": "terminals do not agree on what it sends",
    "ctrl+@": "terminals do not agree on what it sends",
    "ctrl+/": "terminals do not agree on what it sends",
    "ctrl+_": "terminals do not agree on what it sends",
    "ctrl+a": "it is the prefix of screen",
    "ctrl+b": "it is the prefix of tmux",
    "ctrl+q": "VS Code closes itself with it",
    "ctrl+s": "some terminals stop their output with it",
    "f1": "desktop terminals open their help with it",
    "f10": "desktop terminals open their menu with it",
    "f11": "desktop terminals fill the screen with it",
}

# What Textual calls a key that types something else than a letter or digit.
_TEXTUAL = {"esc": "escape", "pgup": "pageup", "pgdn": "pagedown"}
_TEXTUAL_SIGNS = {
    "solidus": "slash", "reverse_solidus": "backslash", "commercial_at": "at",
    "hyphen_minus": "minus", "plus_sign": "plus", "low_line": "underscore",
}  # fmt: skip


def spelled(key: str) -> str:
    """Return a key in the one spelling used here, whatever its letter case and other names."""
    key = key.strip(" ") or key
    if len(key) <= 1:
        return "space" if key == " " else key
    *modifiers, last = key.split("+") if not key.endswith("+") else [*key[:-2].split("+"), "+"]
    last = last.lower() if len(last) > 1 or modifiers else last
    last = _ALSO.get(last, last)
    chosen = {modifier.lower() for modifier in modifiers}
    if chosen == {"shift"} and len(last) == 1 and last.isalpha():
        return last.upper()
    return "+".join([*sorted(chosen), last])


def refusal(key: str) -> str:
    """Return why a key, spelled as `spelled` does, cannot be used; empty when it can."""
    if key in _TAKEN:
        return _TAKEN[key]
    modifiers, last = _parted(key)
    if not modifiers:
        known = last in _NAMED or (len(last) == 1 and last.isprintable() and last != " ")
        return "" if known else "unknown key"
    fits = {"ctrl": _WITH_CTRL, "shift": _WITH_SHIFT}.get(modifiers, frozenset())
    return "" if last in fits else "not every terminal sends it"


def textual_name(key: str) -> str:
    """Return what Textual calls a key."""
    modifiers, last = _parted(key)
    if len(last) == 1 and not last.isalnum():
        sign = unicodedata.name(last, last).lower().replace("-", "_").replace(" ", "_")
        last = _TEXTUAL_SIGNS.get(sign, sign)
    last = _TEXTUAL.get(last, last)
    return f"{modifiers}+{last}" if modifiers else last


def _parted(key: str) -> tuple[str, str]:
    if len(key) < 2 or "+" not in key[:-1]:
        return "", key
    modifiers, _, last = key[:-1].rpartition("+")
    return modifiers, last + key[-1]
