"""What models answered in finished scans: facts, scores against references, differences."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..comparisons import TextScored
from ..request import Request


@dataclass(frozen=True, slots=True)
class ScoreTexts(Request[TextScored], right="read", heavy=True):
    """Compare the texts and tags of a scan with references; `against` is another scan.

    `metrics` are names separated by commas; empty for all that can be computed. `stage` is the one
    to score; empty for all that give texts or tags about whole pictures.
    """

    scan: int
    references: Path
    metrics: str = ""
    stage: str = ""
    against: int | None = None
