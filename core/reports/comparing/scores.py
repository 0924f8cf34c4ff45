"""Answers of scans against references."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from ...errors import UsageError
from ...judge.paired import Measured, compared
from ...judge.texts.references import Matched, Reference, matched, read_references
from ...judge.texts.text_scores import Scorable, ScoreRows, chosen, measured, score_rows
from ...protocol.comparisons import PairedMetric, StageScores, TextScore, TextScored
from ...protocol.requests.comparisons import ScoreTexts
from ...storage.library import Library
from ...text import counted
from .answers import NOT_FINISHED, ItemAnswer, ItemKey, ScanAnswers, scan_answers, stages_of

Answers = Mapping[ItemKey, ItemAnswer]
NO_REFERENCE = Reference("")


@dataclass(frozen=True, slots=True)
class Referenced:
    """References of a scan's images, which scores to make of them, and what is left out."""

    by_path: Mapping[str, Reference]
    groups: tuple[str, ...]
    hash: str
    notes: tuple[str, ...]


def text_scored(library: Library, request: ScoreTexts) -> TextScored:
    """Score a scan, and compare it with another. Raises UsageError, MissingExtra."""
    found = scan_answers(library, request.scan)
    other = None if request.against is None else scan_answers(library, request.against)
    referenced = referenced_by(found, request.references, request.metrics)
    stages = [
        scored for stage in stages_of(found, request.stage)
        if (scored := _stage(stage, found, other, referenced)) is not None
    ]  # fmt: skip
    if not stages:
        raise UsageError(_nothing(found, request))
    lacking = [each.stage for each in stages if other and each.stage not in other.by_stage]
    notes = [f"{name}: scan {request.against} has no answers of this stage" for name in lacking]
    running = [f"scan {each.row.id} has not finished: only what it has answered is scored"
               for each in (found, other) if each and each.row.state in NOT_FINISHED]  # fmt: skip
    return TextScored(
        request.scan,
        request.against,
        referenced.hash,
        tuple(stages),
        (*running, *referenced.notes, *notes),
    )


def referenced_by(found: ScanAnswers, file: Path, metrics: str) -> Referenced:
    """Read references and find the scan's images they are about. Raises UsageError."""
    groups, left_out = chosen(metrics)
    references = read_references(file)
    pictures = [path for path, kind in found.kinds.items() if kind == "picture"]
    if not pictures:
        raise UsageError(
            f"scan {found.row.id} has no pictures; references name pictures, not frames of videos"
        )
    about: Matched = matched(references, pictures)
    videos = len(found.kinds) - len(pictures)
    skipped = f"{counted(videos, 'video is', 'videos are')} not scored: references name pictures"
    notes = [left_out, *about.notes, skipped if videos else ""]
    return Referenced(about.by_path, groups, references.hash, tuple(filter(None, notes)))


def scored_keys(answers: Answers, referenced: Referenced) -> list[ItemKey]:
    """Return the items that a reference is about: whole pictures, by texts or tags."""
    return [
        key for key, each in answers.items()
        if each.path in referenced.by_path and not key[2] and each.boxes is None
        and not each.verdict
    ]  # fmt: skip


def score_metrics(
    first: Answers, second: Answers, referenced: Referenced, keys: Sequence[ItemKey]
) -> list[Measured]:
    """Return all scores of items that both answered, to compare; other items count nowhere."""
    scored = set(scored_keys(first, referenced))
    rows = [
        {each.name: each for each in _rows(answers, referenced, keys, scored)}
        for answers in (first, second)
    ]
    return [measured(each, rows[1][name]) for name, each in rows[0].items() if name in rows[1]]


def _paired(first: Answers, second: Answers, referenced: Referenced) -> tuple[PairedMetric, ...]:
    """Compare two scans by all scores, over the items that both answered."""
    keys = [key for key in scored_keys(first, referenced)
            if first[key].is_answer and key in second and second[key].is_answer]  # fmt: skip
    metrics = score_metrics(first, second, referenced, keys)
    return compared(metrics, [key[0] for key in keys])


def _stage(
    stage: str, found: ScanAnswers, other: ScanAnswers | None, referenced: Referenced
) -> StageScores | None:
    answers = found.by_stage[stage]
    keys = scored_keys(answers, referenced)
    answered = [key for key in keys if answers[key].is_answer]
    scores = [
        TextScore(rows.name, rows.value, rows.items, rows.made_by)
        for rows in _rows(answers, referenced, answered, set(answered))
    ]
    if not keys or (answered and not scores):
        return None
    has_other = other is not None and stage in other.by_stage
    paired = _paired(other.by_stage[stage], answers, referenced) if other and has_other else ()
    return StageScores(
        stage, found.model(stage), len(keys), len(keys) - len(answered), tuple(scores), paired,
        other.model(stage) if other else "",
    )  # fmt: skip


def _rows(
    answers: Answers, referenced: Referenced, keys: Sequence[ItemKey], scored: Set[ItemKey]
) -> Iterator[ScoreRows]:
    items = [
        _scorable(answers[key], referenced.by_path[answers[key].path]) if key in scored
        else Scorable(NO_REFERENCE)
        for key in keys
    ]  # fmt: skip
    yield from score_rows(referenced.groups, items, referenced.hash)


def _scorable(answer: ItemAnswer, reference: Reference) -> Scorable:
    if not answer.is_answer:
        return Scorable(reference)
    if answer.tags is not None:
        return Scorable(reference, None, answer.tags)
    return Scorable(reference, answer.text)


def _nothing(found: ScanAnswers, request: ScoreTexts) -> str:
    have = ", ".join(found.by_stage)
    return (
        f"nothing of scan {found.row.id} can be scored: its answers are of {have}, and texts need "
        "references with captions, tags need keywords"
    )
