"""What models answered in finished scans: facts, scores against references, differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..answer_facts import ScanFacts
from ..comparisons import TextScored
from ..request import Request, Streamed
from ..run_diff import RunDiff


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


@dataclass(frozen=True, slots=True)
class GetAnswerFacts(Streamed[ScanFacts, ScanFacts], right="read", heavy=True):
    """Facts about the answers of a scan; with `rows` also every answer. An empty `stage` is all."""

    scan: int
    stage: str = ""
    rows: bool = False

    @classmethod
    def gathered(cls, parts: Sequence[ScanFacts]) -> ScanFacts:
        """Return the facts with all rows."""
        return replace(parts[0], rows=tuple(row for part in parts for row in part.rows))


@dataclass(frozen=True, slots=True)
class DiffRuns(Streamed[RunDiff, RunDiff], right="read", heavy=True):
    """What changed between the answers of two finished scans.

    `references` are those of `ScoreTexts`; None for none. Stages that asked other questions are
    not compared, unless `anyway`.
    """

    before: int
    after: int
    references: Path | None = None
    metrics: str = ""
    stage: str = ""
    anyway: bool = False

    @classmethod
    def gathered(cls, parts: Sequence[RunDiff]) -> RunDiff:
        """Return the whole with all items."""
        return replace(parts[0], rows=tuple(row for part in parts for row in part.rows))
