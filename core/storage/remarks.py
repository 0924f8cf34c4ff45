"""What a person said about frames: marks, and captions and tags put beside a model's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from .database import Database
from .text_index import put_correction

_BATCH = 400


@dataclass(frozen=True, slots=True)
class Remark:
    """What was said about one frame. `caption` and `tags` are None if not corrected."""

    marked: bool = False
    caption: str | None = None
    tags: tuple[str, ...] | None = None


class Remarks:
    """Reads and writes remarks. They belong to a content, so a renamed file keeps them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def mark(self, content: str, frame: int, *, on: bool) -> None:
        """Mark a frame, or take its mark away."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM marks WHERE content = ? AND frame = ?",
                               (content, frame))  # fmt: skip
            if on:
                connection.execute("INSERT INTO marks VALUES (?, ?, ?)", (content, frame, _now()))

    def correct(self, content: str, frame: int, what: str, text: str) -> None:
        """Keep a caption or tags (separated by commas); an empty text takes them back."""
        key = (content, frame, what)
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM corrections WHERE content = ? AND frame = ? AND what = ?", key
            )
            if text.strip():
                connection.execute(
                    "INSERT INTO corrections VALUES (?, ?, ?, ?, ?)", (*key, text.strip(), _now())
                )
            put_correction(connection, content, frame, what, text)

    def of(self, frames: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Remark]:
        """Return the remarks on some of (content, frame)."""
        found: dict[tuple[str, int], Remark] = {}
        for start in range(0, len(frames), _BATCH):
            found |= self._of_few(frames[start : start + _BATCH])
        return found

    def of_contents(self, contents: Sequence[str]) -> dict[str, dict[int, Remark]]:
        """Return the remarks on all frames of some contents, by content and frame."""
        frames: list[tuple[str, int]] = []
        for start in range(0, len(contents), _BATCH):
            part = contents[start : start + _BATCH]
            wanted = f"content IN ({','.join('?' * len(part))})"
            with self._database.reading() as connection:
                rows = connection.execute(
                    f"SELECT content, frame FROM marks WHERE {wanted} "
                    f"UNION SELECT content, frame FROM corrections WHERE {wanted}",
                    (*part, *part),
                ).fetchall()
            frames += [(str(content), int(frame)) for content, frame in rows]
        found: dict[str, dict[int, Remark]] = {}
        for (content, frame), remark in self.of(frames).items():
            found.setdefault(content, {})[frame] = remark
        return found

    def _of_few(self, frames: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Remark]:
        places = ",".join(["(?,?)"] * len(frames))
        values = [value for key in frames for value in key]
        with self._database.reading() as connection:
            marks = connection.execute(
                f"SELECT content, frame FROM marks WHERE (content, frame) IN (VALUES {places})",
                values,
            ).fetchall()
            corrections = connection.execute(
                "SELECT content, frame, what, body FROM corrections "
                f"WHERE (content, frame) IN (VALUES {places})",
                values,
            ).fetchall()
        said: dict[tuple[str, int], dict[str, str]] = {}
        for content, frame, what, body in corrections:
            said.setdefault((content, frame), {})[what] = body
        marked = {(content, frame) for content, frame in marks}
        return {
            key: Remark(key in marked, said.get(key, {}).get("caption"), _tags(said.get(key, {})))
            for key in marked | set(said)
        }


def _tags(said: dict[str, str]) -> tuple[str, ...] | None:
    if "tags" not in said:
        return None
    return tuple(tag.strip() for tag in said["tags"].split(",") if tag.strip())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
