"""What changed between the answers of two finished scans. No model is loaded, nothing is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from ...errors import UsageError
from ...judge.paired import Measured, averaged, compared
from ...judge.texts.references import Reference
from ...judge.texts.words import words
from ...protocol.comparisons import Better
from ...protocol.requests.comparisons import DiffRuns
from ...protocol.run_diff import OF_A_RUN, OUTCOMES, ItemDiff, RunDiff, StageDiff, WordCount
from ...storage.library import Library
from ...text import clean_path, counted
from .answers import NOT_FINISHED, ItemAnswer, ItemKey, ScanAnswers, scan_answers
from .comparable import changes, why_not
from .facts import stage_facts
from .figures import value_of
from .outcomes import Pair, item_diff
from .scores import Referenced, referenced_by, score_metrics
from .summary import summary

ROWS_OF_A_PART = 200
MOST_WORDS = 12
LEAST_ITEMS_OF_A_WORD = 2
FIGURES: dict[str, Better] = {
    "seconds": "lower", "first_token_seconds": "lower", "tokens_per_second": "higher",
    "peak_bytes": "lower", "tokens_out": "", "words": "", "words_per_token": "",
    "repetition": "lower", "tags": "", "objects": "",
}  # fmt: skip


@dataclass(frozen=True)
class _Both:
    """The answers of both scans, and the references of their pictures."""

    before: ScanAnswers
    after: ScanAnswers
    referenced: Referenced | None

    def reference(self, path: str) -> Reference | None:
        return self.referenced.by_path.get(path) if self.referenced else None


def run_diff(library: Library, request: DiffRuns) -> Iterator[RunDiff]:
    """Yield what changed, then the items in parts.

    Raises UsageError for scans that cannot be compared, UnknownName.
    """
    both = _both(library, request)
    found = [_stage(both, name, anyway=request.anyway) for name in _stages(both, request)]
    stages = tuple(stage for stage, _ in found)
    _check(both, stages, request)
    notes = tuple(_notes(both))
    made = RunDiff(request.before, request.after, stages, (), notes)
    rows = [row for _, each in found for row in each]
    yield replace(made, summary=tuple(summary(made, rows)))
    for first in range(0, len(rows), ROWS_OF_A_PART):
        yield replace(made, stages=(), notes=(), rows=tuple(rows[first : first + ROWS_OF_A_PART]))


def _both(library: Library, request: DiffRuns) -> _Both:
    if request.before == request.after:
        raise UsageError(f"scan {request.before} is on both sides; name two scans")
    before, after = (scan_answers(library, scan) for scan in (request.before, request.after))
    for each in (before, after):
        if each.row.state in NOT_FINISHED:
            raise UsageError(f"scan {each.row.id} has not finished; compare it when it has")
    if before.row.spec_hash == after.row.spec_hash:
        raise UsageError(
            "the same settings and models: their results are shared by scans "
            f"{request.before} and {request.after}; compare scans with another model or setting"
        )
    if not _contents(before) & _contents(after):
        raise UsageError(
            f"scans {request.before} and {request.after} cannot be compared: images differ (no "
            f"file is in both; first: {_first(before)}, {_first(after)})"
        )
    referenced = None
    if request.references is not None:
        referenced = referenced_by(after, request.references, request.metrics)
    return _Both(before, after, referenced)


def _contents(found: ScanAnswers) -> set[str]:
    return {str(task.content) for task in found.tasks if task.content is not None}


def _first(found: ScanAnswers) -> str:
    return clean_path(found.tasks[0].path) if found.tasks else "none"


def _stages(both: _Both, request: DiffRuns) -> list[str]:
    """Return the stages that both have, or the one named. Raises UsageError for none."""
    known = [name for name in both.before.by_stage if name in both.after.by_stage]
    if request.stage and request.stage not in known:
        raise UsageError(f"stage '{request.stage}' has no answers in both scans; these have: "
                         f"{', '.join(known) or 'none'}")  # fmt: skip
    if not known:
        have = " and ".join(", ".join(each.by_stage) for each in (both.before, both.after))
        raise UsageError(
            f"scans {request.before} and {request.after} cannot be compared: no stage answered in "
            f"both ({have})"
        )
    return [request.stage] if request.stage else known


def _check(both: _Both, stages: Sequence[StageDiff], request: DiffRuns) -> None:
    """Raise UsageError if nothing can be compared."""
    if all(each.not_comparable for each in stages):
        why = "; ".join(f"{s.stage}: {', '.join(s.not_comparable)}" for s in stages)
        raise UsageError(
            f"scans {request.before} and {request.after} cannot be compared: {why}; --anyway "
            "compares them"
        )


def _stage(both: _Both, stage: str, *, anyway: bool) -> tuple[StageDiff, list[ItemDiff]]:
    found = changes(both.before, both.after, stage)
    models = both.before.model(stage), both.after.model(stage)
    reasons = () if anyway else why_not(found)
    made = StageDiff(stage, *models, found, reasons)
    if reasons:
        return made, []
    pairs = list(_pairs(both, stage))
    rows = [item_diff(pair, both.reference(pair.any_of.path)) for pair in pairs]
    return _with_figures(made, both, pairs, rows), rows


def _pairs(both: _Both, stage: str) -> Iterator[Pair]:
    one, other = both.before.by_stage[stage], both.after.by_stage[stage]
    whys = [_absences(each) for each in (both.before, both.after)]
    for key in dict.fromkeys((*one, *other)):
        before, after = one.get(key), other.get(key)
        absent = ""
        if before is None or after is None:
            scan = both.after if after is None else both.before
            why = whys[after is None].get(key[0], "the file is not in it")
            absent = f"scan {scan.row.id}: {why}"
        yield Pair(stage, before, after, absent)


def _absences(found: ScanAnswers) -> Mapping[str, str]:
    """Return by content why a question about it was not asked."""
    return {
        str(task.content): f"{task.state}: {task.reason}" if task.reason else "not asked"
        for task in found.tasks
    }


def _with_figures(
    made: StageDiff, both: _Both, pairs: Sequence[Pair], rows: Sequence[ItemDiff]
) -> StageDiff:
    counts = Counter(row.outcome for row in rows)
    alike = [row.similarity for row in rows if row.similarity is not None]
    answered = [pair for pair in pairs if pair.both_answered]
    metrics = compared(_metrics(both, made.stage, answered), [p.any_of.key[0] for p in answered])
    return replace(
        made,
        items=len(rows),
        outcomes={name: counts[name] for name in OUTCOMES if counts[name]},
        similarity=sum(alike) / len(alike) if alike else None,
        similarity_low=min(alike) if alike else None,
        stored_once=sum(_stored_once(pair) for pair in answered),
        metrics=tuple(each for each in metrics if each.items),
        only_before=_only([p.before for p in answered], [p.after for p in answered]),
        only_after=_only([p.after for p in answered], [p.before for p in answered]),
        before_facts=stage_facts(both.before, made.stage),
        after_facts=stage_facts(both.after, made.stage),
    )


def _stored_once(pair: Pair) -> bool:
    return pair.before is not None and pair.after is not None and pair.before.id == pair.after.id


def _metrics(both: _Both, stage: str, pairs: Sequence[Pair]) -> list[Measured]:
    found = []
    for name, better in FIGURES.items():
        sides = [
            [None if each is None or (name in OF_A_RUN and _stored_once(pair))
             else value_of(name, each) for pair, each in zip(pairs, answers, strict=True)]
            for answers in ([p.before for p in pairs], [p.after for p in pairs])
        ]  # fmt: skip
        metric = averaged(name, sides[0], sides[1], better)
        if metric.first[:, 1].any():
            found.append(metric)
    if both.referenced is None:
        return found
    keys: list[ItemKey] = [pair.any_of.key for pair in pairs]
    answers = [each.by_stage[stage] for each in (both.before, both.after)]
    return [*found, *score_metrics(answers[0], answers[1], both.referenced, keys)]


def _only(
    mine: Sequence[ItemAnswer | None], others: Sequence[ItemAnswer | None]
) -> tuple[WordCount, ...]:
    """Return the most frequent words of one side that the other never says."""
    said = Counter(word for each in mine if each for word in set(words(each.text)))
    theirs = {word for each in others if each for word in words(each.text)}
    own = [(word, count) for word, count in said.most_common()
           if word not in theirs and count >= LEAST_ITEMS_OF_A_WORD]  # fmt: skip
    return tuple(WordCount(word, count) for word, count in own[:MOST_WORDS])


def _notes(both: _Both) -> Iterator[str]:
    one, other = _contents(both.before), _contents(both.after)
    for scan, extra in ((both.before, one - other), (both.after, other - one)):
        if extra:
            first = next(t.path for t in scan.tasks if str(t.content) in extra)
            yield (f"{counted(len(extra), 'file is', 'files are')} only in scan {scan.row.id} "
                   f"(first: {clean_path(first)})")  # fmt: skip
    for scan in (both.before, both.after):
        if scan.row.state != "done":
            yield f"scan {scan.row.id} is {scan.row.state}, so its answers may be incomplete"
    for scan, beside in ((both.before, both.after), (both.after, both.before)):
        alone = [name for name in scan.by_stage if name not in beside.by_stage]
        if alone:
            yield f"{', '.join(alone)}: answers in scan {scan.row.id} only, not compared"
    yield from both.referenced.notes if both.referenced else ()
