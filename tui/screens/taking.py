"""Taking results along: marks, corrections, copies and pictures; exports are added to that."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from core.protocol.commands import CorrectFrame, MarkFrame
from core.text import clean
from core.times import reference

from ..views import browse, results, wording
from .exporting import ExportingScreen
from .new_file import plain_stem, write_new
from .picturing import PictureScreen

FULL_PIXELS = 4096


class TakingScreen(ExportingScreen, PictureScreen):
    """A list of results that can be marked, corrected, copied and exported."""

    def act_results_write(self) -> None:
        """Write the frame to a file and show its path."""
        row = self._row()
        if row is not None:
            self.work(self._written(row))

    def act_results_mark(self) -> None:
        """Mark the frame in the library, or take its mark away."""
        row = self._row()
        if row is not None:
            on_ = not row["marked"]
            words = "marked; /is:marked lists all" if on_ else "mark removed"
            self.work(self._remark(MarkFrame(row["content"], row["frame"], on_), words))

    def act_results_caption(self) -> None:
        """Put a caption of one's own beside the model's."""
        row = self._row()
        if row is not None:
            given = row["corrected_caption"] or results.caption(row)
            self.ask("caption (empty: restore the model's)", given,
                     lambda text: self._correct(row, "caption", text))  # fmt: skip

    def act_results_tags(self) -> None:
        """Put tags of one's own beside the model's."""
        row = self._row()
        if row is not None:
            self.ask("tags, separated by commas (empty: restore the model's)", results.tags(row),
                     lambda text: self._correct(row, "tags", text))  # fmt: skip

    def copy_choices(self) -> list[tuple[str, str]]:
        """Return what of the row can be copied."""
        row = self._row()
        if row is None:
            return []
        place = results.place_of(row)
        whole = f"{place}  {reference(row['frame'], row['scan'], row['stream'])}"
        choices = [(whole, f"moment: {wording.short_path(place, 9)}"),
                   (row["path"], f"path: {wording.short_path(row['path'], 9)}")]  # fmt: skip
        said = results.caption(row) or results.note(row)
        if said:
            choices.append((said, f"text: {said}"))
        return choices

    async def _remark(self, command: MarkFrame | CorrectFrame, words: str) -> str:
        await self.app.bridge.ask(command)
        self._rows.reload()
        return words

    def _correct(self, row: dict[str, Any], what: Literal["caption", "tags"], text: str) -> None:
        command = CorrectFrame(row["content"], row["frame"], what, text)
        self.work(self._remark(command, f"{what} stored beside the model's"))

    async def _written(self, row: dict[str, Any]) -> str:
        jpeg = await self.still(row, FULL_PIXELS)
        path = Path(browse.here()) / f"{plain_stem(row['path'])}-{row['frame']}.jpg"
        written = write_new(path, jpeg)
        return f"written: {clean(written.name)} in {clean(str(written.parent))}"
