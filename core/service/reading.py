"""Reading a library: what the handlers of requests call, in whatever thread."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..times import WrittenTime

if TYPE_CHECKING:
    from ..protocol.instant_view import InstantView
    from ..protocol.queries import ScoreRequest
    from ..protocol.requests.pictures import GetStill
    from ..protocol.scores import Scored
    from ..protocol.views import (
        JobLine,
        ModelMemory,
        ScanLine,
        TaskView,
    )
    from ..records import SourceInfo
    from ..reports.still_readers import StillReaders
    from ..storage.library import Library


class Records:
    """What handlers read of a library; it is never written. Front ends send requests instead."""

    def __init__(self, library: Library) -> None:
        self._library = library

    @classmethod
    def open(cls, folder: Path) -> Records:
        """Open a library for reading. Raises UnknownName if there is none, EnvironmentFault."""
        from ..storage.library import Library

        return cls(Library(folder, writable=False))

    def close(self) -> None:
        """Close the library."""
        self._library.close()

    def scans(self) -> list[ScanLine]:
        """Return every scan, the newest first."""
        from ..reports import lists

        return lists.scan_lines(self._library)

    def jobs(self, kind: str = "") -> list[JobLine]:
        """Return every job, or every one of a kind, the newest first."""
        from ..reports import lists

        return lists.job_lines(self._library, kind)

    def job(self, number: int) -> JobLine:
        """Return one job. Raises UnknownName."""
        from ..reports import lists

        return lists.job_line(self._library, number)

    def job_rows(self, number: int) -> list[dict[str, Any]]:
        """Return the results of a job's finished units of work, as JSON objects."""
        return list(self._library.jobs.rows(number).values())

    def tasks(self, scan: int) -> list[TaskView]:
        """Return the sources of a scan. Raises UnknownName."""
        from ..reports import lists

        return lists.task_views(self._library, scan)

    def instant(self, path: str, when: float | WrittenTime) -> InstantView:
        """Return everything kept about one instant of a source. Raises UsageError."""
        from ..reports import instant

        written = when if isinstance(when, WrittenTime) else WrittenTime(when)
        return instant.instant(self._library, path, written)

    def still(self, request: GetStill, readers: StillReaders) -> bytes:
        """Return a JPEG of an instant, read from its file. Raises SightlineError."""
        from ..reports import instant
        from ..scans.stored_spec import spec_of

        info, seconds, scan = self._named(request) or self._found(request)
        with readers.lent(spec_of(self._library, scan).limits) as reader:
            return instant.still(info, seconds, request.longest_side, reader)

    def _named(self, request: GetStill) -> tuple[SourceInfo, float, int] | None:
        """Return the frame that a listed result is about: nothing has to be looked for."""
        scan, path, content = request.when.scan, request.path, request.content
        if not content or not scan:
            return None
        if not any((s, c) == (scan, content) for s, _, c in self._library.runs.latest_of(path)):
            return None
        return self._library.results.info(content, path), request.when.seconds, scan

    def _found(self, request: GetStill) -> tuple[SourceInfo, float, int]:
        view = self.instant(request.path, request.when)
        return view.info, view.picture_seconds, view.scan

    def score(self, scan: int, request: ScoreRequest) -> Scored:
        """Compare a scan's events with a truth file. Raises UsageError."""
        from ..reports import scoring

        return scoring.scored(self._library, scan, request)

    def model_memory(self) -> list[ModelMemory]:
        """Return what each model that was ever loaded took, the largest first."""
        from ..protocol.views import ModelMemory

        return [
            ModelMemory(each.name, each.device, each.bytes, each.batches)
            for each in self._library.footprints.all()
        ]
