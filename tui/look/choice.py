"""Which theme the app begins with, and which there are to choose from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from core.text import clean, nearest

from . import user_themes
from .styles import Look
from .themes import ABOUT, ANSI, DEFAULT, LIGHT, PALETTES, Palette, ansi_theme, theme

if TYPE_CHECKING:
    from textual.theme import Theme

    from ..terminal.probe import TerminalFacts


class Themes:
    """The app's themes and the user's own; `faults` say which files hold none, and why."""

    def __init__(
        self, config: Path, facts: TerminalFacts | None = None, *, no_color: bool = False
    ) -> None:
        own, self.faults = user_themes.load(config)
        self._own = own
        self._palettes: dict[str, Palette] = {**PALETTES, **own}
        self._facts = facts
        self._no_color = no_color

    def textual(self) -> list[Theme]:
        """Return all of them as Textual wants them."""
        return [*(theme(name, colours) for name, colours in self._palettes.items()), ansi_theme()]

    def first(self, setting: str, last: str) -> tuple[str, str]:
        """Return the theme to begin with, and what is wrong with the setting.

        That of the settings, else the one chosen last, else what suits the terminal. With 16
        colours only the setting counts: themes chosen elsewhere cannot be read there.
        """
        known = [*self._palettes, ANSI]
        if setting in known:
            return setting, ""
        words = f"settings.toml: unknown theme '{clean(setting, limit=40)}'"
        fault = f"{words}{nearest(setting, known)}" if setting else ""
        if last in known and not self._few_colours():
            return last, fault
        return self._suits(), fault

    def look(self, name: str) -> Look:
        """Return the styles of a theme on this terminal."""
        palette = self._palettes.get(name, PALETTES[DEFAULT])
        if self._no_color:
            return Look(palette, "none")
        return Look(palette, "ansi" if name == ANSI else "colours")

    def choices(self) -> list[tuple[str, str]]:
        """Return (name, line to show) of every theme."""
        names = [*self._palettes, ANSI]
        width = max(len(name) for name in names)
        return [(name, f"{clean(name):<{width}}  {self._about(name)}") for name in names]

    def chosen(self, name: str, setting: str) -> str:
        """Return what to say of a theme that was chosen."""
        if self._no_color:
            return "colours are off (NO_COLOR or --no-color); the theme shows once they are on"
        if setting and setting != name:
            return f"theme {clean(name)} until the app is left; settings.toml sets {clean(setting)}"
        return f"theme {clean(name)}"

    def _about(self, name: str) -> str:
        return "your own" if name in self._own else ABOUT[name]

    def _few_colours(self) -> bool:
        return self._facts is not None and self._facts.colour == "16"

    def _suits(self) -> str:
        if self._few_colours():
            return ANSI
        return LIGHT if self._facts is not None and self._facts.light else DEFAULT
