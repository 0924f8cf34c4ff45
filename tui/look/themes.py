"""The themes that come with the app, as colours of the roles."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from .roles import ROLES, Role

if TYPE_CHECKING:
    from textual.theme import Theme

Palette = Mapping[Role, str]
"""a colour (#rrggbb) for every role"""

DEFAULT = "storm"
LIGHT = "paper"
ANSI = "ansi"
"""the terminal's own 16 colours"""


def _palette(colours: str) -> Palette:
    """Return the colours of all roles, given in the order of ROLES."""
    return dict(zip(ROLES, colours.split(), strict=True))


PALETTES: Mapping[str, Palette] = {
    "storm": _palette(
        "#0d1117 #161d29 #22304a #1a2230 #2b3647 #8fb8ff #ffffff #d7dee9 #aebbd0 #8b98ab #566377"
        " #8fb8ff #7fd88f #ff7b86 #ffb86b #ffe066 #5fd7d0 #d3a6ff #9fc5a8 #7ad7f0 #566377"
    ),
    "paper": _palette(
        "#fbfaf7 #f0eee8 #d5e3ff #e6e9ef #c3c0b6 #1f57c3 #000000 #24292f #4a5160 #5a6270 #868c97"
        " #1f57c3 #116329 #b0122b #855000 #6b5500 #095c6c #7b3fb5 #3c6e47 #0b6a8a #868c97"
    ),
    "contrast": _palette(
        "#000000 #141414 #0a3f8f #3a3a3a #9a9a9a #00e5ff #ffffff #ffffff #ffffff #d0d0d0 #a8a8a8"
        " #00e5ff #66ff66 #ff8080 #ffd000 #ffff00 #00ffff #ff9dff #c8ffc8 #7ad7f0 #a8a8a8"
    ),
    "daltonic": _palette(
        "#0d1117 #161d29 #22304a #1a2230 #2b3647 #ffffff #ffffff #d7dee9 #aebbd0 #8b98ab #566377"
        " #ffffff #56b4e9 #ff8c42 #ffd9c2 #f0e442 #2fc7a0 #b79cff #b9c2cf #7ad7f0 #566377"
    ),
}
"""daltonic tells right from wrong under red-green blindness as well; contrast is for glare"""
ABOUT = {
    "storm": "dark",
    "paper": "light",
    "contrast": "white on black, strong colours",
    "daltonic": "dark, for red-green blindness",
    ANSI: "the terminal's own 16 colours",
}


def variables(palette: Palette) -> dict[str, str]:
    """Return the colours by the names that style sheets use: `$here-idle`."""
    return {role.replace("_", "-"): colour for role, colour in palette.items()}


def theme(name: str, palette: Palette) -> Theme:
    """Return a theme for Textual, so that its own widgets fit as well."""
    from textual.theme import Theme

    cursor = {
        "input-cursor-background": palette["key"], "input-cursor-foreground": palette["ground"],
        "input-selection-background": palette["here"],
        "screen-selection-background": palette["here"],
    }  # fmt: skip
    return Theme(
        name=name, primary=palette["key"], secondary=palette["motion"], accent=palette["key"],
        foreground=palette["text"], background=palette["ground"], surface=palette["raised"],
        panel=palette["raised"], warning=palette["warn"], error=palette["bad"],
        success=palette["good"], dark=is_dark(palette), variables=variables(palette) | cursor,
    )  # fmt: skip


def ansi_theme() -> Theme:
    """Return the theme that leaves all colours to the terminal."""
    from dataclasses import replace

    from textual.theme import BUILTIN_THEMES

    builtin = BUILTIN_THEMES["ansi-dark"]
    names: dict[Role, str] = dict.fromkeys(ROLES, "ansi_default")
    names |= {"dim": "ansi_bright_black", "faint": "ansi_bright_black", "key": "ansi_bright_blue",
              "line": "ansi_bright_black", "line_on": "ansi_bright_blue"}  # fmt: skip
    return replace(builtin, name=ANSI, variables={**builtin.variables, **variables(names)})


def is_dark(palette: Palette) -> bool:
    """Return whether the page is darker than what is written on it."""
    return luminance(palette["ground"]) < luminance(palette["text"])


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21, as WCAG 2.2 defines it."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@lru_cache(maxsize=256)
def luminance(colour: str) -> float:
    """Return the relative luminance of a colour (#rrggbb), 0 to 1, as WCAG 2.2 defines it."""
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
