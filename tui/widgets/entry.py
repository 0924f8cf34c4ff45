"""A line to type in that shows safely whatever was pasted into it."""

from __future__ import annotations

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widgets import Input

from .cells import safe

MOST_PASTED = 10_000
MOST_PASTED_PATHS = 1_000_000
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class Entry(Input):
    """An Input that does not blink, sends no control character, and takes pastes of many lines.

    Its value stays as it was given: a file's name may hold anything.
    """

    DEFAULT_CSS = "Entry, Entry:focus { border: none; height: 1; padding: 0 1; }"

    def __init__(self, value: str = "", *, placeholder: str = "", id: str) -> None:  # noqa: A002
        super().__init__(value, placeholder=safe(placeholder), id=id, select_on_focus=False)
        self.cursor_blink = False

    def fill(self, prompt: str, value: str) -> None:
        """Ask for something else, with a value to begin with."""
        self.placeholder = safe(prompt)
        self.value = value
        self.cursor_position = len(value)

    @property
    def _value(self) -> Text:
        return Text(shown(self.value), no_wrap=True, overflow="ignore", end="")

    def _position_to_cell(self, position: int) -> int:
        return Text(shown(self.value)[:position]).cell_len

    def _on_paste(self, event: events.Paste) -> None:
        # The lines of a paste become one: dropping all but the first would lose what was meant.
        event.stop()
        event.prevent_default()
        text = " ".join(event.text[:MOST_PASTED].split("\n")).replace("\r", "").strip()
        self.replace(text, *self.selection)


class PathEntry(Entry):
    """An Entry that leaves it to others what becomes of a paste."""

    class Pasted(Message):
        """A text was pasted, of one line or several."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        self.post_message(self.Pasted(event.text[:MOST_PASTED_PATHS]))


def shown(value: str) -> str:
    """Return `value` with as many letters, all of them safe to send."""
    text = safe(value)
    if len(text) == len(value):
        return text
    return "".join(safe(char) or _REPLACEMENT for char in value)
