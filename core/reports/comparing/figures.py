"""Figures over many answers: their distribution, outliers by name, and patterns of failure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np

from ...judge.texts.words import words
from ...protocol.answer_facts import Distribution, FailurePattern, Outlier
from .answers import ItemAnswer

FAR = 3.0
"""interquartile ranges beyond the quartiles, from which on a value is an outlier (J. W. Tukey,
"Exploratory Data Analysis", 1977: "far out")"""
LEAST_FOR_OUTLIERS = 8
MOST_NAMED = 5
MOST_PATTERNS = 8
MEASURED: dict[str, str] = {
    "seconds": "s", "first_token_seconds": "s", "tokens_per_second": "tokens/s",
    "tokens_out": "tokens", "words": "words", "words_per_token": "", "repetition": "", "tags": "",
    "objects": "", "peak_bytes": "bytes",
}  # fmt: skip
"""figures of an answer and their units, in the order in which they are listed"""
_VARYING = re.compile(r"'[^']*'|\"[^\"]*\"|\d+(?:\.\d+)?")


def value_of(name: str, answer: ItemAnswer) -> float | None:
    """Return a figure of an answer; None where it has none, as of every failed one."""
    if not answer.is_answer:
        return None
    if name == "words":
        return float(len(words(answer.text))) if answer.text else None
    if name == "tags":
        return None if answer.tags is None else float(len(answer.tags))
    if name == "objects":
        return None if answer.boxes is None else float(len(answer.boxes))
    if name == "words_per_token":
        tokens = _number(answer.facts.get("tokens_out"))
        return len(words(answer.text)) / tokens if tokens and answer.text else None
    return _number(answer.facts.get(name))


def _number(found: Any) -> float | None:
    """Return a finite number, None for anything else: facts of plugins are theirs to fill."""
    is_number = isinstance(found, (int, float)) and not isinstance(found, bool)
    return float(found) if is_number and isfinite(found) else None


def distributions(answers: Sequence[ItemAnswer]) -> Iterator[Distribution]:
    """Yield the distribution of every figure that any of the answers has."""
    for name, unit in MEASURED.items():
        pairs = [(each, value) for each in answers if (value := value_of(name, each)) is not None]
        if pairs:
            yield _distribution(name, unit, pairs)


def _distribution(name: str, unit: str, pairs: Sequence[tuple[ItemAnswer, float]]) -> Distribution:
    values = np.array([value for _, value in pairs])
    return Distribution(
        name, unit, len(values), float(values.mean()), float(np.median(values)),
        float(np.percentile(values, 95)), float(values.std(ddof=1)) if len(values) > 1 else 0.0,
        float(values.min()), float(values.max()), tuple(_outliers(pairs, values)),
    )  # fmt: skip


def _outliers(pairs: Sequence[tuple[ItemAnswer, float]], values: Any) -> list[Outlier]:
    if len(values) < LEAST_FOR_OUTLIERS:
        return []
    low, middle, high = np.percentile(values, [25, 50, 75])
    reach = FAR * (high - low)
    far = [Outlier(each.path, each.seconds, value) for each, value in pairs
           if not low - reach <= value <= high + reach]  # fmt: skip
    return sorted(far, key=lambda each: -abs(each.value - middle))[:MOST_NAMED]


def failure_patterns(answers: Iterable[ItemAnswer]) -> tuple[FailurePattern, ...]:
    """Return failures by what their reasons have in common but for numbers and quotations."""
    groups: dict[str, list[ItemAnswer]] = {}
    for answer in answers:
        if not answer.is_answer and answer.state != "gated":
            groups.setdefault(_VARYING.sub("#", answer.reason or answer.state), []).append(answer)
    largest = sorted(groups.values(), key=len, reverse=True)[:MOST_PATTERNS]
    return tuple(
        FailurePattern(len(each), each[0].path, each[0].reason or each[0].state) for each in largest
    )


def counts(values: Iterable[str]) -> Mapping[str, int]:
    """Return how often each value is there, the most frequent first."""
    from collections import Counter

    return dict(Counter(values).most_common())
