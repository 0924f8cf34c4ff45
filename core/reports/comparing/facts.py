"""Facts about the answers of one scan."""

from __future__ import annotations

from collections.abc import Iterator

from ...protocol.answer_facts import AnswerRow, ScanFacts, StageFacts, flags_of
from ...protocol.fact_line import fact_line
from ...storage.library import Library
from .answers import ItemAnswer, ScanAnswers, scan_answers, stages_of
from .figures import counts, distributions, failure_patterns

ROWS_OF_A_PART = 500


def scan_facts(library: Library, scan: int, stage: str, *, rows: bool) -> Iterator[ScanFacts]:
    """Yield the facts of a scan, then its answers in parts if `rows`.

    Raises UnknownName, UsageError for a stage without answers.
    """
    found = scan_answers(library, scan)
    stages = [*stages_of(found, stage)]
    yield ScanFacts(scan, tuple(stage_facts(found, name) for name in stages))
    listed = [
        row_of(name, each) for name in stages if rows for each in found.by_stage[name].values()
    ]
    for first in range(0, len(listed), ROWS_OF_A_PART):
        yield ScanFacts(scan, (), tuple(listed[first : first + ROWS_OF_A_PART]))


def stage_facts(found: ScanAnswers, stage: str) -> StageFacts:
    """Return the facts about all answers of a stage."""
    answers = [*found.by_stage[stage].values()]
    return StageFacts(
        stage=stage,
        model=found.model(stage),
        items=len(answers),
        states=dict(counts(each.state for each in answers)),
        flags=dict(counts(flag for each in answers for flag in flags_of(dict(each.facts)))),
        figures=tuple(distributions(answers)),
        failures=failure_patterns(answers),
    )


def row_of(stage: str, answer: ItemAnswer) -> AnswerRow:
    """Return an answer as a row of a list."""
    facts = dict(answer.facts)
    return AnswerRow(
        stage, answer.path, answer.seconds, answer.key[2], answer.state, shown(answer),
        answer.reason, fact_line(facts), flags_of(facts), facts,
    )  # fmt: skip


def shown(answer: ItemAnswer) -> str:
    """Return what an answer says, as text."""
    if answer.tags is not None:
        return ", ".join(answer.tags)
    if answer.boxes is not None:
        return "; ".join(f"{box.label} {box.score:.2f}" for box in answer.boxes)
    if answer.verdict:
        return f"{answer.verdict}: {answer.text}" if answer.text else answer.verdict
    return answer.text
