"""Groups of options to choose from, each with a title: a row of signs, names and notes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message

from ..look.roles import Ground
from .cells import head, safe, wrapped
from .painted import Painted, Span
from .symbols import Symbols

TITLE_CELLS = 10


class Shown(NamedTuple):
    """One option: whether it is chosen, its name, and what is said of it."""

    is_on: bool
    name: str
    note: str = ""


class _Cell(NamedTuple):
    """Where an option is drawn."""

    group: int
    place: int
    line: int
    start: int
    spans: tuple[Span, ...]


class ChoiceRows(Painted, can_focus=True):
    """Options in groups; the keys move a cursor over them, space chooses."""

    DEFAULT_CSS = "ChoiceRows { height: auto; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l", "move(1)", show=False),
        Binding("left,h", "move(-1)", show=False),
        Binding("down,j", "turn(1)", show=False),
        Binding("up,k", "turn(-1)", show=False),
        Binding("space", "choose", show=False),
    ]

    class Toggled(Message):
        """An option was chosen, or no longer."""

        def __init__(self, group: str, name: str) -> None:
            super().__init__()
            self.group = group
            self.name = name

    class Left(Message):
        """The cursor left the last group downwards."""

    def __init__(self, *, symbols: Symbols, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._symbols = symbols
        self._groups: Sequence[tuple[str, Sequence[Shown]]] = ()
        self._meaning = ""
        self._at = (0, 0)

    @property
    def here(self) -> tuple[str, str]:
        """Return group and name of the option under the cursor; empty where there is none."""
        group, place = self._at
        if group >= len(self._groups) or place >= len(self._groups[group][1]):
            return "", ""
        return self._groups[group][0], self._groups[group][1][place].name

    def show(self, groups: Sequence[tuple[str, Sequence[Shown]]]) -> None:
        """Show these groups; the cursor stays at its option."""
        before = self._height()
        self._groups = groups
        if self._height() != before:
            self.refresh(layout=True)
        self.refresh_changed()

    def explain(self, meaning: str) -> None:
        """Say below the cursor's group what the option under it means."""
        self._meaning = meaning
        self.refresh_changed()

    def action_move(self, by: int) -> None:
        """Go to the next option of the group."""
        group, place = self._at
        self._to(group, place + by)

    def action_turn(self, by: int) -> None:
        """Go to the next group, to its option that is chosen."""
        group = self._at[0] + by
        if group >= len(self._groups):
            self.post_message(self.Left())
        elif group >= 0:
            places = [n for n, each in enumerate(self._groups[group][1]) if each.is_on]
            self._to(group, places[0] if places else 0)

    def action_choose(self) -> None:
        """Choose the option under the cursor, or no longer."""
        group, name = self.here
        if name:
            self.post_message(self.Toggled(group, name))

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked."""
        where = event.get_content_offset(self)
        if where is None:
            return
        for cell in self._placed(self.size.width):
            end = cell.start + sum(cell_len(span.text) for span in cell.spans)
            if cell.line == where.y and cell.start <= where.x < end:
                self._to(cell.group, cell.place)
                self.action_choose()

    class Moved(Message):
        """The cursor is at another option."""

    def _to(self, group: int, place: int) -> None:
        self._at = group, min(max(place, 0), len(self._groups[group][1]) - 1)
        self.post_message(self.Moved())
        self.refresh_changed()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many lines the groups take."""
        return self._lines_for(width)

    def lines(self, width: int, height: int) -> list[list[Span]]:
        """Return titles, options, and the meaning of the option under the cursor."""
        drawn: list[list[Span]] = [[] for _ in range(self._lines_for(width))]
        cells = self._placed(width)
        for cell in cells:
            line = drawn[cell.line]
            if not line:
                first = cell.line == min(c.line for c in cells if c.group == cell.group)
                title = self._groups[cell.group][0] if first else ""
                line.append(Span(f"{title:<{TITLE_CELLS}}", "title"))
            line.extend(cell.spans)
        self._draw_meanings(drawn, cells, width)
        return drawn

    def _draw_meanings(self, drawn: list[list[Span]], cells: Sequence[_Cell], width: int) -> None:
        """Every group has a line for the meaning, so that nothing moves with the cursor."""
        last = max((c.line for c in cells if c.group == self._at[0]), default=0)
        said = head(safe(self._meaning), max(width - TITLE_CELLS, 0)) if self.has_focus else ""
        if said:
            drawn[last + 1] = [Span(" " * TITLE_CELLS), Span(said, "dim")]

    def _placed(self, width: int) -> list[_Cell]:
        cells, line = [], 0
        for number, (_, options) in enumerate(self._groups):
            start = TITLE_CELLS
            for place, option in enumerate(options):
                spans = self._option(option, (number, place) == self._at)
                cells_wide = sum(cell_len(span.text) for span in spans)
                if start > TITLE_CELLS and start + cells_wide > width + 2:
                    line, start = line + 1, TITLE_CELLS
                cells.append(_Cell(number, place, line, start, spans))
                start += cells_wide
            line += 2
        return cells

    def _option(self, option: Shown, is_here: bool) -> tuple[Span, ...]:
        on = self._symbols.chosen if option.is_on else self._symbols.free
        here: Ground | None = "here" if is_here and self.has_focus else None
        mark = self._symbols.cursor if is_here and self.has_focus else " "
        return (
            Span(mark, "key", here),
            Span(on, "key" if option.is_on else "dim", here),
            Span(f" {safe(option.name)}", "strong" if option.is_on else "text", here),
            Span(f" {safe(option.note)}" if option.note else "", "dim", here),
            Span("  "),
        )  # fmt: skip

    def _lines_for(self, width: int) -> int:
        cells = self._placed(width) if width else []
        return max((cell.line for cell in cells), default=0) + 2

    def _height(self) -> int:
        return self._lines_for(self.size.width)


def folded(text: str, width: int, lines: int, ellipsis: str) -> list[str]:
    """Return a text in so many lines at most, the last with an ellipsis if it is cut."""
    found = wrapped(safe(text), width)
    if len(found) > lines:
        found = [*found[: lines - 1], head(found[lines - 1], width - cell_len(ellipsis)) + ellipsis]
    return found
