"""What a stretch of text is for. Widgets name a role, never a colour; a theme colours the roles."""

from __future__ import annotations

from typing import Literal, cast, get_args

Role = Literal[
    "ground", "raised", "here", "here_idle", "line", "line_on", "strong", "text", "title", "dim",
    "faint", "key", "good", "bad", "warn", "flash", "motion", "cut", "look", "add", "gone",
]  # fmt: skip
"""
ground, raised: the page; tabs, keys, dialogs
here, here_idle: the row under the cursor, in the pane with the focus and in others
line, line_on: frames, idle and with the focus
strong, text, title, dim, faint: from what matters most to what nobody needs
key: what can be pressed
good, bad, warn: right and done; wrong and failed; unsure and paused
flash (and any score), motion, cut, look (tags): kinds of finds
add, gone: words that differ between two texts
"""
Ground = Literal["ground", "raised", "here", "here_idle", "chip"]
"""what lies behind a text; a `chip` is the key colour, with the text in the colour of the page"""

ROLES: tuple[Role, ...] = get_args(Role)
BOLD: frozenset[Role] = frozenset(("strong", "title", "key", "bad"))
"""roles that are bold in every theme"""

KINDS: frozenset[str] = frozenset(("flash", "motion", "cut"))


def kind_role(kind: str) -> Role:
    """Return the role of a kind of find; those of plugins share one."""
    return cast("Role", kind) if kind in KINDS else "look"
