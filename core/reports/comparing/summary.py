"""What changed between two scans, in plain facts. Nothing is judged beyond what they say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...protocol.comparisons import PairedMetric, sentence
from ...protocol.run_diff import ItemDiff, RunDiff, StageDiff, is_notable, percent
from ...text import byte_size, clean, clean_path, counted

MOST_NAMED = 3
MOST_WORDS = 6
UNITS = {"seconds": " s", "first_token_seconds": " s", "tokens_per_second": " tokens/s",
         "peak_bytes": " bytes", "tokens_out": " tokens"}  # fmt: skip
OF_TIME = ("seconds", "first_token_seconds", "tokens_per_second")


def summary(found: RunDiff, rows: Sequence[ItemDiff]) -> Iterator[str]:
    """Yield lines about each stage."""
    for stage in found.stages:
        yield from _stage(stage, [row for row in rows if row.stage == stage.stage])


def _stage(stage: StageDiff, rows: Sequence[ItemDiff]) -> Iterator[str]:
    if stage.not_comparable:
        yield f"{stage.stage}: not compared, {'; '.join(stage.not_comparable)}"
        return
    counts = ", ".join(f"{count} {name}" for name, count in (stage.outcomes or {}).items())
    yield f"{stage.stage}: {counted(stage.items, 'item')}: {counts}"
    yield from _how_asked(stage)
    for outcome in ("broken", "worse", "better"):
        named = [row for row in rows if row.outcome == outcome]
        if named:
            yield f"{stage.stage}: {outcome}: {_named(named)}"
    if stage.similarity is not None:
        yield (f"{stage.stage}: answers are {stage.similarity:.2f} alike on average, "
               f"{stage.similarity_low:.2f} at least")  # fmt: skip
    if stage.stored_once:
        yield (f"{stage.stage}: {counted(stage.stored_once, 'answer is', 'answers are')} one and "
               "the same stored answer")  # fmt: skip
    yield from _metrics(stage)
    for name, only in (("before", stage.only_before), ("after", stage.only_after)):
        if only:
            listed = ", ".join(f"{clean(w.word, limit=40)} ({w.items})" for w in only[:MOST_WORDS])
            yield f"{stage.stage}: only {name}: {listed}"


def _how_asked(stage: StageDiff) -> Iterator[str]:
    if stage.before_model != stage.after_model:
        yield f"{stage.stage}: {stage.before_model or 'none'} to {stage.after_model or 'none'}"
    others = [each for each in stage.changes if each.name not in ("model", "revision")]
    if others:
        listed = "; ".join(f"{each.name} {each.before} to {each.after}" for each in others)
        yield f"{stage.stage}: asked with other settings: {listed}"


def _named(rows: Sequence[ItemDiff]) -> str:
    listed = "; ".join(f"{clean_path(row.path)} ({row.why})" for row in rows[:MOST_NAMED])
    more = len(rows) - MOST_NAMED
    return f"{listed}; and {counted(more, 'more item')}" if more > 0 else listed


def _metrics(stage: StageDiff) -> Iterator[str]:
    for metric in stage.metrics:
        yield f"{stage.stage}: {metric_line(metric)}"
    timed = [metric for metric in stage.metrics if metric.name in OF_TIME and is_notable(metric)]
    if timed:
        yield (f"{stage.stage}: times are of different runs, between which a machine can drift by "
               "10 %; a difference of that size needs a second run")  # fmt: skip


def metric_line(metric: PairedMetric) -> str:
    """Return a metric of both, the change in percent, and what the test says."""
    change = percent(metric)
    values = f"{_value(metric, metric.first)} to {_value(metric, metric.second)}"
    by = "" if change is None or not metric.difference else f" ({change:+.0f} %)"
    mark = ", marked" if is_notable(metric) else ""
    return f"{metric.name}: {values}{by}; {sentence(metric, 'before', 'after')}{mark}"


def _value(metric: PairedMetric, value: float | None) -> str:
    if value is None:
        return "none"
    if metric.name == "peak_bytes":
        return byte_size(value)
    return f"{value:.4g}{UNITS.get(metric.name, '')}"
