"""What models said about one source."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ..stores.answers import Annotation, AnswerKey

UNANSWERED = "unanswered"
"""how the reason begins where models, not reading, failed a source"""


@dataclass
class ModelAnswers:
    """What models said about a source, and how they were asked."""

    frames: int = 0
    annotations: list[Annotation] = field(default_factory=list)
    asked: dict[str, AnswerKey] = field(default_factory=dict)
    ended: dict[str, Any] = field(default_factory=dict)

    def failure(self) -> str:
        """Return how many questions failed in which stages and why, or an empty string."""
        failed = [note for note in self.annotations if note.failed]
        if not failed:
            return ""
        stages = ", ".join(
            f"{count} of {sum(a.stage == name for a in self.annotations)} in {name}"
            for name, count in Counter(note.stage for note in failed).items()
        )
        return f"{UNANSWERED}: {stages} ({failed[0].failed}); --retry-failed retries them"
