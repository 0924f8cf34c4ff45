"""The registry of metrics, in the order in which `sightline score` prints them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ...errors import PluginFault
from ...plugins.installed import METRICS as GROUP
from ...plugins.loading import provenance
from ...plugins.registry import Registry
from ...text import clean
from .metric import Metric

if TYPE_CHECKING:
    from ..score import MetricValue, Score

BUILT_IN: dict[str, str] = {
    "recall": "core.judge.metrics.shares:RECALL",
    "precision": "core.judge.metrics.shares:PRECISION",
    "one_to_one": "core.judge.metrics.one_to_one:METRIC",
    "strokes": "core.judge.metrics.strokes:METRIC",
    "timing": "core.judge.metrics.timing:METRIC",
}


def check_metric(name: str, found: Any) -> str:
    """Return what is wrong with a plugin's metric, or an empty string."""
    if not isinstance(found, Metric):
        return "it is not a core.judge.metrics.metric.Metric"
    return "" if found.name == name else f"its name is '{clean(str(found.name))}'"


METRICS: Registry[Metric] = Registry("metric", GROUP, BUILT_IN, check_metric)


def measured(score: Score) -> Iterator[MetricValue]:
    """Yield every metric of a score; one of a plugin that cannot be used says why."""
    from ..score import MetricValue

    for name in METRICS.names():
        try:
            metric = METRICS.load(name)
            with METRICS.faults_of(name):
                value, line = metric.value(score), metric.line(score)
            made_by = provenance({GROUP: [name]})
            yield MetricValue(name, value, line, *next(iter(made_by.items()), ("", "")))
        except PluginFault as fault:
            yield MetricValue(name, None, str(fault))
