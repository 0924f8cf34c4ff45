"""The style of every role on a terminal: made once a theme, then looked up."""

from __future__ import annotations

from typing import Literal

from rich.style import Style

from .roles import BOLD, Ground, Role
from .themes import DEFAULT, PALETTES, Palette

Depth = Literal["colours", "ansi", "none"]
"""the colours of a palette; the terminal's own 16; no hue at all (NO_COLOR)"""

_ANSI: dict[Role, str] = {
    "line": "bright_black", "line_on": "bright_blue", "dim": "bright_black",
    "faint": "bright_black", "key": "bright_blue", "good": "green", "bad": "red", "warn": "yellow",
    "flash": "bright_yellow", "motion": "cyan", "cut": "magenta", "add": "bright_cyan",
    "gone": "bright_black",
}  # fmt: skip
_PLAIN_GROUNDS: dict[Ground, Style] = {
    "here": Style(reverse=True), "here_idle": Style(underline=True),
    "chip": Style(reverse=True, bold=True),
}  # fmt: skip
"""what tells grounds apart where there are no colours to do it"""
_PLAIN_ROLES: dict[Role, Style] = {
    "dim": Style(dim=True), "faint": Style(dim=True), "add": Style(bold=True),
    "gone": Style(strike=True),
}  # fmt: skip
_BOLD = Style(bold=True)


class Look:
    """The styles of one theme. `heavy` asks for heavy frames where the focus has no colour."""

    def __init__(self, palette: Palette = PALETTES[DEFAULT], depth: Depth = "colours") -> None:
        self.palette = palette
        self.depth = depth
        self._styles: dict[tuple[Role, Ground, bool], Style] = {}

    @property
    def heavy(self) -> bool:
        """Whether the frame of the pane with the focus is drawn with heavy lines."""
        return self.depth != "colours"

    def style(self, role: Role, ground: Ground = "ground", *, bold: bool = False) -> Style:
        """Return how a text is drawn."""
        key = role, ground, bold
        found = self._styles.get(key)
        if found is None:
            found = self._styles[key] = self._made(role, ground) + (_BOLD if bold else Style())
        return found

    def _made(self, role: Role, ground: Ground) -> Style:
        if role == "faint" and ground in ("here", "here_idle"):
            role = "dim"  # faint cannot be read there
        bold = Style(bold=True) if role in BOLD else Style()
        if self.depth == "none":
            return bold + _PLAIN_ROLES.get(role, Style()) + _PLAIN_GROUNDS.get(ground, Style())
        if self.depth == "ansi":
            named = Style(color=_ANSI.get(role, "default"), bgcolor="default")
            return bold + named + _PLAIN_GROUNDS.get(ground, Style())
        if ground == "chip":
            return Style(color=self.palette["ground"], bgcolor=self.palette["key"], bold=True)
        return bold + Style(color=self.palette[role], bgcolor=self.palette[ground])


DEFAULT_LOOK = Look()
PLAIN_LOOK = Look(depth="none")
"""for widgets outside the app"""
