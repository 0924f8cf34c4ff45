"""Which sources have anything that a format contains, and one line about those that have not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ...text import counted
from .document import Document
from .format import Format


class Contents:
    """Counts, for each format that declares `holds`, the sources it contains something of."""

    def __init__(self, formats: Sequence[Format]) -> None:
        self._formats = [each for each in dict.fromkeys(formats) if each.holds is not None]
        self._with: Counter[str] = Counter()
        self._pictures_without: Counter[str] = Counter()

    def count(self, document: Document) -> None:
        """Count one exported source."""
        for each in self._formats:
            if holds(each, document):
                self._with[each.name] += 1
            elif document.source.kind == "picture":
                self._pictures_without[each.name] += 1

    def lines(self) -> Iterator[str]:
        """Yield a line for each format that lacks files, or that contains nothing at all."""
        for each in self._formats:
            pictures = self._pictures_without[each.name]
            if each.per != "source":
                if not self._with[each.name]:
                    yield f"{each.name}: no {each.contains} in the exported results"
            elif pictures:
                yield f"{each.name}: no file for {counted(pictures, 'picture')} without " + (
                    each.contains
                )


def holds(chosen: Format, document: Document) -> bool:
    """Return whether a format contains anything of a source; true if the format does not say."""
    return chosen.holds is None or chosen.holds(document)
