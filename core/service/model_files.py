"""Fetching and verifying models from the command line, where no engine is asked.

What passes through here unchanged is named in `__all__`; nothing is imported before it is used.
"""

from __future__ import annotations

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
    "note_verified", "open_hub", "switch", "try_once",
]  # fmt: skip


def open_hub(*, offline: bool = False) -> Hub:
    """Return the one that fetches models."""
    from ..hub.hub import Hub

    return Hub(offline=offline)


def switch() -> Control:
    """Return what pauses and cancels a download from another thread."""
    from ..hub.control import Control

    return Control()


def try_once(found: Resolved) -> Any:
    """Load a model and try it once; return the report of `core/models/smoke_test.py`."""
    from ..models.smoke_test import smoke

    return smoke(found)


def note_verified(found: Resolved, report: Any) -> Path:
    """Note what worked in the user's models.toml and return its path; `report` may be None."""
    from ..models.catalog import VerifiedModel, add_verified
    from ..version import package_version

    return add_verified(
        VerifiedModel(
            repo=found.repo, commit=found.revision, on=date.today(),
            how="files against their checksums" if report is None else "loaded, one answer",
            attn=() if report is None else tuple(report.attn),
            dtype="" if report is None else report.dtype,
            device="" if report is None else report.device,
            transformers="" if report is None else package_version("transformers") or "",
        )
    )  # fmt: skip
