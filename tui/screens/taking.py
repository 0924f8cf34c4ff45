"""Taking results along: marks, corrections, copies, pictures and exports."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Literal

from core.errors import SightlineError
from core.protocol.commands import CorrectFrame, MarkFrame
from core.protocol.requests.exports import BeginExport, ExportRows, GetExport
from core.text import clean, counted
from core.times import reference

from ..views import browse, results, wording
from .new_file import free_path, plain_stem, write_new
from .picturing import PictureScreen
from .reviewing import ReviewingScreen

FULL_PIXELS = 4096
PROGRESS_SECONDS = 0.25


class TakingScreen(ReviewingScreen, PictureScreen):
    """A list of results that can be marked, corrected, copied and exported."""

    def act_results_write(self) -> None:
        """Write the frame to a file and show its path."""
        row = self._row()
        if row is not None:
            self.work(self._written(row))

    def act_results_export(self) -> None:
        """Write the rows in view (this list, this filter, this order) to a file.

        A cut-off hides rows, but leaves none out; at the end of a round, only what is right counts.
        """
        folder = free_path(Path(browse.here()) / f"sightline-{self._what}.jsonl")
        which = "write the right ones to" if self._review.is_over else "write to"
        self.ask(f"{which} (.jsonl or .csv)", str(folder),
                 lambda text: self.work(self._exported(text)))  # fmt: skip

    def act_results_files(self) -> None:
        """Write events in view in any format, as clips or as pictures, into a folder."""
        self.ask(results.WHICH_FILES, "", self._ask_folder)

    def _ask_folder(self, wanted: str) -> None:
        folder = str(Path(browse.here()) / "sightline-export")
        # The line that asked is closed first, and the next one opened after that.
        self.call_after_refresh(
            self.ask, "into folder", folder,
            lambda text: self.work(self._files(wanted, browse.whole(browse.unquoted(text)))),
        )  # fmt: skip

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

    async def _files(self, wanted: str, folder: str) -> str:
        request = results.export_request(wanted, folder, self._scan, self.filter_text)
        begun = await self.app.bridge.ask(BeginExport(request))
        while not (state := await self.app.bridge.ask(GetExport(begun.number))).finished:
            self.say(results.export_progress(state))
            await asyncio.sleep(PROGRESS_SECONDS)
        if state.trouble:
            raise SightlineError(state.trouble)
        return results.export_end(state, folder)

    async def _exported(self, text: str) -> str:
        path = free_path(Path(browse.whole(browse.unquoted(text))))
        format_ = path.suffix.lstrip(".") or "jsonl"
        written = await self.app.bridge.ask(ExportRows(self._export_query(), format_, path))
        many = counted(written.rows, "row")
        return f"{many} written: {clean(path.name)} in {clean(str(path.parent))}"
