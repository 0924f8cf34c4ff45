"""Fetching and verifying models from the command line, where no engine is asked.

What passes through here unchanged is named in `__all__`; nothing is imported before it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from ..hub.check import Checked
    from ..hub.control import Control
    from ..hub.download import Download
    from ..hub.hub import Hub
    from ..hub.progress import DownloadProgress
    from ..hub.resolved import Channel, Resolved

__all__ = [
    "Channel", "Checked", "Control", "Download", "DownloadProgress", "Hub", "Resolved",
    "failed_line", "finished_line", "note_verified", "notice_line", "open_hub", "planned_line",
    "progress_line", "switch", "try_once",
]  # fmt: skip


def open_hub(*, offline: bool = False, notify: Callable[[str], None] = lambda _text: None) -> Hub:
    """Return the one that fetches models; `notify` gets a line when the hub is waited for."""
    from ..hub.hub import Hub

    return Hub(offline=offline, notify=notify)


def switch() -> Control:
    """Return what pauses and cancels a download from another thread."""
    from ..hub.control import Control

    return Control()


def planned_line(planned: Download) -> dict[str, Any]:
    """Return what there is to fetch, as `--json` prints it."""
    from ..hub import pull_lines

    return pull_lines.planned_line(planned)


def progress_line(now: DownloadProgress) -> dict[str, Any]:
    """Return how much of it is here, as `--json` prints it."""
    from ..hub import pull_lines

    return pull_lines.progress_line(now)


def finished_line(found: Resolved) -> dict[str, Any]:
    """Return what was fetched and where it lies, as `--json` prints it."""
    from ..hub import pull_lines

    return pull_lines.finished_line(found)


def failed_line(name: str, reason: str) -> dict[str, Any]:
    """Return why nothing was fetched, as `--json` prints it."""
    from ..hub import pull_lines

    return pull_lines.failed_line(name, reason)


def notice_line(name: str, text: str) -> dict[str, Any]:
    """Return that the hub is waited for, as `--json` prints it."""
    from ..hub import pull_lines

    return pull_lines.notice_line(name, text)


def try_once(found: Resolved) -> Any:
    """Load a model and try it once; return the report of `core/models/smoke_test.py`."""
    from ..models.smoke_test import smoke

    return smoke(found)


def note_verified(found: Resolved, report: Any) -> Path:
    """Note what worked in the user's models.toml and return its path; `report` may be None."""
    from ..models.catalog import VerifiedModel, add_verified
    from ..version import package_version

    row = VerifiedModel(
        repo=found.repo, commit=found.revision, on=date.today(),
        how="files against their checksums" if report is None else "loaded, one answer",
    )  # fmt: skip
    if report is not None:
        seen = {
            "attn": report.attn, "tried": report.tried, "processor": report.processor,
            "dtype": report.dtype, "device": report.device,
            "transformers": package_version("transformers") or "",
            "saved_with": report.saved_with, "quantised": report.quantised,
        }  # fmt: skip
        row = row.model_copy(update=seen)
    return add_verified(row)
