"""Exporting what the Results screen lists: the dialog, and what it asks of the engine."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from core.config.user_settings import library_folder, load
from core.errors import SightlineError
from core.protocol.queries import ALL_SCANS, ListResults
from core.protocol.requests.exports import BeginExport, ExportRows, GetExport, GetFormats
from core.protocol.views import ExportState
from core.text import clean, clean_path

from ..views import browse
from ..views.exporting import REJECTED, RIGHT, VIEW, ExportChoice, said
from .export import ExportScreen
from .reviewing import UNKNOWN, ReviewingScreen

PROGRESS_SECONDS = 0.25


class ExportingScreen(ReviewingScreen):
    """A list of results that can be exported."""

    def act_results_export(self) -> None:
        """Choose which of the listed rows to write, as what, with what and to where."""
        self.work(self._open_export())

    async def _open_export(self) -> None:
        query = self._rows.query
        assert isinstance(query, ListResults)
        scan = self._listed_scan()
        if scan in (UNKNOWN, ALL_SCANS):
            self.say("an export is of one scan: p chooses it" if scan == ALL_SCANS else
                     "nothing to export: no results are listed")  # fmt: skip
            return
        formats = (await self.app.bridge.ask(GetFormats())).formats
        choice = ExportChoice(
            replace(query, scan=scan), [(each.name, clean(each.description)) for each in formats],
            Path(browse.here()), self._other_library(),
            RIGHT if self._review.is_over else VIEW,
        )  # fmt: skip
        if query.what == "candidates":
            choice.query = replace(choice.query, what="events")
            choice.extras = {REJECTED}
        self.app.push_screen(ExportScreen(choice, self.app), self._export_chosen)

    def _other_library(self) -> Path | None:
        """Return the library where a shell would open another one."""
        mine = self.app.options.library
        return None if library_folder(None, load()).resolve() == mine.resolve() else mine.resolve()

    def _export_chosen(self, choice: ExportChoice | None) -> None:
        if choice is not None:
            self.work(self._exported(choice))

    async def _exported(self, choice: ExportChoice) -> str:
        tables, request, target = choice.tables(), choice.request(), choice.target()
        query, rows = choice.query_of(choice.which), {}
        for format_, path in tables:
            written = await self.app.bridge.ask(ExportRows(query, format_, path))
            rows[clean_path(path.name)] = written.rows
        state = ExportState() if request is None else await self._export_end(
            (await self.app.bridge.ask(BeginExport(request))).number
        )  # fmt: skip
        failed = f"{state.failed} failed: {clean(state.failures[0])}" if state.failed else ""
        notes = [*map(clean, state.notes), *([failed] if failed else [])]
        return said(rows, state.files, target, notes)

    async def _export_end(self, number: int) -> ExportState:
        while not (state := await self.app.bridge.ask(GetExport(number))).finished:
            self.say(f"writing: {state.progress.words}")
            await asyncio.sleep(PROGRESS_SECONDS)
        if state.trouble:
            raise SightlineError(state.trouble)
        return state
