"""Panes of a screen: which is shown where the terminal is too small for all, and their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..keys import actions
from ..widgets.frame import Frame, PaneKey, is_small
from ..widgets.virtual_table import VirtualTable
from .moving import NavigationScreen

if TYPE_CHECKING:
    from ..app import SightlineApp


class PaneScreen(NavigationScreen):
    """A screen of panes. Below 80x24 it is `-bare`: no frames, and one pane at a time.

    The first pane is the list, `#list`. Containers of panes have the class `box`.
    """

    app: SightlineApp

    def __init__(self) -> None:
        super().__init__()
        self._pane = 0

    def is_small(self) -> bool:
        """Return whether the terminal is too small for frames."""
        return is_small(self.app.size)

    def pane_key(self, action_id: str, word: str) -> list[PaneKey]:
        """Return the key of an action, for the edge of a pane; nothing where it cannot be done."""
        keys = self.app.keymap[action_id]
        offered = keys and not self.app.why_not(actions.BY_ID[action_id])
        return [PaneKey(keys[0], word, action_id)] if offered else []

    @property
    def pane_shown(self) -> int:
        """The number of the pane that is shown where only one can be; else 0, the list."""
        return self._pane if self.is_small() else 0

    def show_pane(self, number: int) -> None:
        """Show this pane, where only one can be shown; the list is the first."""
        self._pane = number
        self.arrange_panes()

    def arrange_panes(self) -> None:
        """Hide the panes that a small terminal has no space for; show all on a larger one."""
        small, frames = self.is_small(), list(self.query(Frame))
        self.set_class(small, "-bare")
        self._pane %= max(len(frames), 1)
        for number, frame in enumerate(frames):
            frame.set_class(small and number != self._pane, "-hidden")
        for box in self.query(".box"):
            shown = [each for each in box.query(Frame) if not each.has_class("-hidden")]
            box.set_class(small and not shown, "-hidden")

    def act_pane_next(self) -> None:
        """Go to the next pane; on a small terminal, show it."""
        self._turn_pane(1)

    def act_pane_former(self) -> None:
        """Go to the former pane; on a small terminal, show it."""
        self._turn_pane(-1)

    def _turn_pane(self, by: int) -> None:
        if not self.is_small():
            (self.focus_next if by > 0 else self.focus_previous)(VirtualTable)
            return
        self.show_pane(self._pane + by)
        for table in list(self.query(Frame))[self._pane].query(VirtualTable):
            table.focus()
