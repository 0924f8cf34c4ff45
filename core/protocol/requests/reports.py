"""Reports for maintainers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..bug_report import BugReport
from ..request import Request


@dataclass(frozen=True, slots=True)
class GetBugReport(Request[BugReport], right="read", heavy=True):
    """What is needed to reproduce a fault in a scan; `names`: with paths as they are."""

    scan: int
    names: bool = False
    findings: tuple[dict[str, Any], ...] = ()
    """of `doctor`, to be put into it"""
