"""Boxes that people drew on frames: they belong to a content, so a renamed file keeps them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from ..errors import UnknownName, UsageError
from ..records import DrawnBox
from ..text import clean, counted
from .database import Database

MOST_OF_A_FRAME = 1000
MOST_LETTERS = 200
_BATCH = 400
_READ = "SELECT content, frame, seconds, label, x, y, width, height, id FROM drawn_boxes"
Corner = tuple[float, float, float, float]
"""x, y, width and height as shares of the picture, from its upper left corner"""


class DrawnBoxes:
    """Reads and writes boxes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def draw(self, content: str, frame: int, seconds: float, label: str, box: Corner) -> int:
        """Keep the part of a box that lies in the picture and return its number.

        A box that is there already is not drawn twice. Raises UsageError.
        """
        label = _named(label)
        x, y, width, height = _inside(box)
        with self._database.transaction(revises=False) as connection:
            same = connection.execute(
                "SELECT id FROM drawn_boxes WHERE content = ? AND frame = ? AND label = ? "
                "AND (x, y, width, height) = (?, ?, ?, ?)",
                (content, frame, label, x, y, width, height),
            ).fetchone()
            if same is not None:  # as when a request is repeated whose reply was lost
                return int(same[0])
            (count,) = connection.execute(
                "SELECT count(*) FROM drawn_boxes WHERE content = ? AND frame = ?", (content, frame)
            ).fetchone()
            if count >= MOST_OF_A_FRAME:
                raise UsageError(
                    f"frame {frame} already has {MOST_OF_A_FRAME}, the most allowed: remove one"
                )
            made = connection.execute(
                "INSERT INTO drawn_boxes (content, frame, seconds, label, x, y, width, height, "
                "made) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (content, frame, seconds, label, x, y, width, height, _now()),
            )
        return int(made.lastrowid or 0)

    def erase(self, content: str, frame: int, number: int) -> None:
        """Remove a box of a frame. Raises UnknownName."""
        with self._database.transaction(revises=False) as connection:
            gone = connection.execute(
                "DELETE FROM drawn_boxes WHERE content = ? AND frame = ? AND id = ?",
                (content, frame, number),
            ).rowcount
        if not gone:
            there = ", ".join(str(box.number) for box in self.of_frame(content, frame)) or "none"
            raise UnknownName(f"frame {frame} has no drawn box {number}; its boxes: {there}")

    def of_frame(self, content: str, frame: int) -> list[DrawnBox]:
        """Return the boxes of a frame, in the order they were drawn in."""
        with self._database.reading() as connection:
            rows = connection.execute(
                f"{_READ} WHERE content = ? AND frame = ? ORDER BY id", (content, frame)
            ).fetchall()
        return [DrawnBox(*row[1:]) for row in rows]

    def of_frames(self, frames: Sequence[tuple[str, int]]) -> dict[tuple[str, int], list[DrawnBox]]:
        """Return the boxes of some of (content, frame); those without are left out."""
        contents = self.of_contents(sorted({content for content, _ in frames}))
        wanted = set(frames)
        found: dict[tuple[str, int], list[DrawnBox]] = {}
        for content, boxes in contents.items():
            for box in boxes:
                if (content, box.frame) in wanted:
                    found.setdefault((content, box.frame), []).append(box)
        return found

    def of_contents(self, contents: Sequence[str]) -> dict[str, list[DrawnBox]]:
        """Return the boxes of some contents, in order of time; those without are left out."""
        found: dict[str, list[DrawnBox]] = {}
        for start in range(0, len(contents), _BATCH):
            part = contents[start : start + _BATCH]
            with self._database.reading() as connection:
                rows = connection.execute(
                    f"{_READ} WHERE content IN ({','.join('?' * len(part))}) ORDER BY seconds, id",
                    part,
                ).fetchall()
            for content, *row in rows:
                found.setdefault(str(content), []).append(DrawnBox(*row))
        return found


def _named(label: str) -> str:
    label = label.strip()
    if not label:
        raise UsageError("a box needs a label")
    if len(label) > MOST_LETTERS:
        raise UsageError(f"{counted(len(label), 'letter')} in a label; the limit is {MOST_LETTERS}")
    return label


def _inside(box: Corner) -> Corner:
    """Return the part of a box that lies in the picture. Raises UsageError if none does."""
    if not all(math.isfinite(value) for value in box):
        raise UsageError(f"{clean(str(box))} is no box: it needs x, y, width and height")
    x, y, width, height = box
    left, top = max(x, 0.0), max(y, 0.0)
    right, bottom = min(x + width, 1.0), min(y + height, 1.0)
    if right <= left or bottom <= top:
        raise UsageError("the box is empty, or lies outside of the picture")
    width, height = (round(size, 9) for size in (right - left, bottom - top))
    return left, top, width, height


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
