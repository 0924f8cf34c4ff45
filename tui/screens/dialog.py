"""What every dialog is: one frame over the screen that asked for it."""

from __future__ import annotations

from textual import events
from textual.reactive import Reactive
from textual.screen import ModalScreen, ScreenResultType

from ..widgets.frame import is_small


class Dialog(ModalScreen[ScreenResultType]):
    """A dialog of one frame; on a small terminal it takes all of it, and has no frame."""

    DEFAULT_CSS = """
    Dialog { align: center middle; background: $ground; }
    Dialog > Frame {
        width: 90; max-width: 100%; height: 22; max-height: 100%; background: $raised;
    }
    Dialog.-bare > Frame { width: 100%; height: 100%; padding: 1 0 0 0; }
    """
    focused = Reactive(None, repaint=False)  # else all of it is sent when the focus moves

    def __init__(self) -> None:
        super().__init__()
        self.set_class(is_small(self.app.size), "-bare")

    def on_resize(self, event: events.Resize) -> None:
        """Drop the frame, or draw it again."""
        self.set_class(is_small(event.size), "-bare")
