"""What a pull says, as the JSON objects of `models pull --json`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from .download import Download
from .progress import DownloadProgress
from .resolved import Resolved


def planned_line(planned: Download) -> dict[str, Any]:
    """Return what there is to fetch."""
    found = planned.resolved
    files = [
        {"path": p.file.path, "size_bytes": p.file.size_bytes, "have_bytes": p.have_bytes,
         "cached": p.cached}
        for p in planned.files
    ]  # fmt: skip
    return {
        "type": "PullPlanned", "name": found.name, "repo": found.repo, "revision": found.revision,
        "size_bytes": planned.size_bytes, "missing_bytes": planned.missing_bytes,
        "free_bytes": planned.free_bytes, "fits": planned.fits, "files": files,
    }  # fmt: skip


def progress_line(now: DownloadProgress) -> dict[str, Any]:
    """Return how much of it is here."""
    return {
        "type": "PullProgress", **asdict(now), "size_bytes": now.size_bytes,
        "done_bytes": now.done_bytes, "seconds_left": now.seconds_left,
    }  # fmt: skip


def finished_line(found: Resolved) -> dict[str, Any]:
    """Return what was fetched, and where it lies."""
    folder = None if found.folder is None else str(found.folder)
    line = {
        "type": "PullFinished", "name": found.name, "repo": found.repo,
        "revision": found.revision, "folder": folder,
    }  # fmt: skip
    return line if found.folder is not None else {**line, "url": found.url}


def failed_line(name: str, reason: str) -> dict[str, Any]:
    """Return why nothing was fetched."""
    return {"type": "PullFailed", "name": name, "reason": reason}


def notice_line(name: str, text: str) -> dict[str, Any]:
    """Return that the hub is waited for, or what a pull did beside fetching."""
    return {"type": "PullNotice", "name": name, "text": text}
