"""A bar as a line: what a share looks like, with ticks, in both sets of signs."""

from __future__ import annotations

import math

from tui.widgets.line_bar import Tick, line_bar
from tui.widgets.symbols import ASCII, UNICODE


def text(*given: object, **more: object) -> str:
    return "".join(span.text for span in line_bar(*given, **more))  # type: ignore[arg-type]


def test_a_share_is_drawn_to_half_a_cell() -> None:
    for share, expected in (
        (0.0, "──────────"), (None, "──────────"), (math.nan, "──────────"), (-1, "──────────"),
        (0.5, "━━━━━─────"), (0.55, "━━━━━╸────"), (1e-9, "╸─────────"),
        (0.9999, "━━━━━━━━━╸"), (1.0, "━━━━━━━━━━"), (7.0, "━━━━━━━━━━"),
    ):  # fmt: skip
        assert text(share, 10, UNICODE) == expected, share
    assert text(0.55, 10, ASCII) == "======----"
    assert text(0.5, 0, UNICODE, "good", (Tick(0.5),)) == ""


def test_ticks_say_whether_the_bar_reaches_them() -> None:
    ticks = (Tick(0.2, "dim"), Tick(0.8, "strong"))
    assert text(0.5, 10, UNICODE, "good", ticks) == "━━┃━━───│─"
    assert text(0.5, 10, ASCII, "good", ticks) == "==!==---!-"
    assert text(0.5, 10, UNICODE, "good", (Tick(9.0),)) == "━━━━━────│"  # outside: at the end
    roles = [(span.text, span.tone) for span in line_bar(0.5, 10, UNICODE, "good", ticks)]
    assert roles == [("━━", "good"), ("┃", "dim"), ("━━", "good"), ("───", "line"),
                     ("│", "strong"), ("─", "line")]  # fmt: skip
