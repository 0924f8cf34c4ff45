"""What every screen with a list can do: move, mark, jump, and enlarge a pane."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.reactive import Reactive
from textual.screen import Screen

from ..widgets.virtual_table import VirtualTable

LETTERS = "asdfghjklqwertyuiopzxcvbnm"
SIZES = ("-smaller", "", "-larger", "-zoomed")
"""of the list, beside what is shown with it"""


class NavigationScreen(Screen[None]):
    """A screen whose keys move in the list that has the focus."""

    focused = Reactive(None, repaint=False)  # else all of it is sent when the focus moves

    def __init__(self) -> None:
        super().__init__()
        self._targets: dict[str, tuple[VirtualTable, int]] = {}
        self._typed_label = ""
        self._share = SIZES.index("")
        self._table: VirtualTable | None = None

    def table(self) -> VirtualTable | None:
        """Return the list that keys move in."""
        if self._table is None or not self._table.is_attached:  # asked for many times a second
            self._table = next(iter(self.query(VirtualTable)), None)
        return self._table

    def key_facts(self) -> str:
        """Return what stands to the right of the keys."""
        return ""

    # Conditions (see actions.CONDITIONS)

    def row_here(self) -> bool:
        """Return whether a row is under the cursor."""
        table = self.table()
        return table is not None and table.cursor_key is not None

    def rows_marked(self) -> bool:
        """Return whether a row is marked."""
        table = self.table()
        return table is not None and bool(table.marks)

    def two_marked(self) -> bool:
        """Return whether exactly two rows are marked."""
        table = self.table()
        return table is not None and len(table.marks) == 2

    # Moving

    def act_move_down(self) -> None:
        """Move the cursor down."""
        self._move(lambda table: table.cursor_by(1))

    def act_move_up(self) -> None:
        """Move the cursor up."""
        self._move(lambda table: table.cursor_by(-1))

    def act_move_first(self) -> None:
        """Move to the first row."""
        self._move(lambda table: table.first())

    def act_move_last(self) -> None:
        """Move to the last row."""
        self._move(lambda table: table.last())

    def act_move_half_down(self) -> None:
        """Move down half a page."""
        self._move(lambda table: table.page(0.5))

    def act_move_half_up(self) -> None:
        """Move up half a page."""
        self._move(lambda table: table.page(-0.5))

    def act_move_page_down(self) -> None:
        """Move down a page."""
        self._move(lambda table: table.page(1))

    def act_move_page_up(self) -> None:
        """Move up a page."""
        self._move(lambda table: table.page(-1))

    def act_find_next(self) -> None:
        """Go to the next match: a filtered list holds nothing else. After the last, the first."""
        self._move(lambda table: _turn(table, 1))

    def act_find_former(self) -> None:
        """Go to the former match; before the first, the last."""
        self._move(lambda table: _turn(table, -1))

    # Marks

    def act_mark_toggle(self) -> None:
        """Mark the row, or take its mark away."""
        self._move(lambda table: table.toggle_mark())

    def act_mark_none(self) -> None:
        """Take all marks away."""
        self._move(lambda table: table.set_marks())

    def act_mark_range(self) -> None:
        """Mark from the last mark to here."""
        self._move(lambda table: table.mark_range())

    # Room for the list

    def act_pane_zoom(self) -> None:
        """Give the list the whole screen, or take it back."""
        self._give("" if self.has_class("-zoomed") else "-zoomed")

    def act_pane_larger(self) -> None:
        """Make the list larger."""
        self._give(SIZES[min(self._share + 1, len(SIZES) - 1)])

    def act_pane_smaller(self) -> None:
        """Make the list smaller."""
        self._give(SIZES[max(self._share - 1, 0)])

    def _give(self, name: str) -> None:
        self._share = SIZES.index(name)
        for each in filter(None, SIZES):
            self.set_class(each == name, each)

    # Jumping

    @property
    def jumping(self) -> bool:
        """Whether the next keys name a label."""
        return bool(self._targets)

    def act_app_jump(self) -> None:
        """Put a label at every row in view, of every list; the next keys go to one."""
        places = [
            (table, place)
            for table in self.query(VirtualTable)
            if table.display
            for place in table.in_view
        ]
        self._targets = dict(zip(labels(len(places)), places, strict=False))
        self._typed_label = ""
        self._show_labels()

    def jump_key(self, event: events.Key) -> None:
        """Take a key typed while labels are shown; one that leads nowhere ends it."""
        self._typed_label += event.character or "\0"
        left = [label for label in self._targets if label.startswith(self._typed_label)]
        target = self._targets.get(self._typed_label)
        if target is not None or not left:
            self._targets = {}
        self._show_labels()
        if target is not None:
            table, place = target
            table.focus()
            table.cursor_to(place)

    def _show_labels(self) -> None:
        typed = len(self._typed_label)
        for table in self.query(VirtualTable):
            table.set_labels({
                place: label[typed:]
                for label, (owner, place) in self._targets.items()
                if owner is table and label.startswith(self._typed_label)
            })  # fmt: skip

    def _move(self, change: Callable[[VirtualTable], object]) -> None:
        table = self.table()
        if table is not None:
            change(table)


def labels(count: int) -> list[str]:
    """Return labels of one letter as far as they go, then of two; none begins another."""
    firsts = 0
    while len(LETTERS) - firsts + firsts * len(LETTERS) < count and firsts < len(LETTERS):
        firsts += 1
    singles = LETTERS[: len(LETTERS) - firsts]
    doubles = [a + b for a in LETTERS[len(LETTERS) - firsts :] for b in LETTERS]
    return [*singles, *doubles][:count]


def _turn(table: VirtualTable, by: int) -> None:
    if table.row_count:
        table.cursor_to((table.cursor_index + by) % table.row_count)
