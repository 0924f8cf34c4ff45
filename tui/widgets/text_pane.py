"""Lines of text, wrapped to the pane; of a new text only what changed is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual.geometry import Size

from ..look.roles import Role
from .cells import safe, shorten, wrapped
from .painted import Painted, Span
from .symbols import Symbols

TextLine = str | tuple[Role, str]


class TextPane(Painted):
    """Text that is looked at, not typed into; longer than the pane, it scrolls by `scroll_by`."""

    DEFAULT_CSS = "TextPane { height: 1fr; }"

    def __init__(
        self,
        text: Sequence[TextLine] = (),
        *,
        symbols: Symbols,
        wrap: bool = True,
        id: str | None = None,  # noqa: A002 - Textual's word for it
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._symbols = symbols
        self._wrap = wrap
        self._text = list(text)
        self._top = 0

    def show(self, text: Iterable[TextLine]) -> None:
        """Show this from now on."""
        before, self._text = self._text, list(text)
        height = self.styles.height
        if height is not None and height.is_auto and before != self._text:
            self.refresh(layout=True)
        self.refresh_changed()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many lines there are, for a pane as high as its text."""
        return len(self._all(width))

    def scroll_by(self, lines: int) -> None:
        """Scroll down, or up when negative, no further than there is text."""
        most = max(len(self._all(self.size.width)) - self.size.height, 0)
        self._top = min(max(self._top + lines, 0), most)
        self.refresh_changed()

    def lines(self, width: int, height: int) -> list[list[Span]]:
        """Return the lines in view."""
        drawn = self._all(width)
        top = min(self._top, max(len(drawn) - height, 0))
        return [[span] for span in drawn[top : top + height]]

    def _all(self, width: int) -> list[Span]:
        drawn = []
        for line in self._text:
            tone, text = ("text", line) if isinstance(line, str) else line
            parts = (
                wrapped(safe(text), width)
                if self._wrap
                else [shorten(safe(text), width, self._symbols)]
            )
            drawn += [Span(part, tone) for part in parts]  # type: ignore[arg-type]
        return drawn
