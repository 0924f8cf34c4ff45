"""BLEU and chrF by sacrebleu, an optional package, with its signatures.

M. Post, "A Call for Clarity in Reporting BLEU Scores", WMT 2018. The sums per sentence and the
score of summed sums are what its own significance tests use (`sacrebleu.significance`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

INSTALL = "pip install 'sightline[scores]'"


@dataclass(frozen=True, slots=True)
class SacreSums:
    """A row of sums for every item, (items, columns), and how sacrebleu was set."""

    rows: NDArray[np.float64]
    signature: str
    metric: Any

    def score(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the score of sums, 0 to 100; (..., columns) to (...)."""
        flat = sums.reshape(-1, sums.shape[-1])
        found = [self.metric._compute_score_from_stats(row.tolist()).score for row in flat]
        return np.array(found, np.float64).reshape(sums.shape[:-1])


def is_installed() -> bool:
    """Return whether sacrebleu is there."""
    return find_spec("sacrebleu") is not None


def sums_of(kind: str, answers: Sequence[str], references: Sequence[Sequence[str]]) -> SacreSums:
    """Return the sums of "bleu" or "chrf" for answers, each with one or more references."""
    metrics: Any = import_module("sacrebleu.metrics")

    # `force` only keeps it from warning about texts that look tokenized.
    metric = metrics.BLEU(force=True) if kind == "bleu" else metrics.CHRF()
    most = max(len(each) for each in references)
    streams = [[each[n] if n < len(each) else None for each in references] for n in range(most)]
    metric.corpus_score(list(answers), streams)  # which notes the number of references
    rows = metric._extract_corpus_statistics(list(answers), streams)
    return SacreSums(np.array(rows, np.float64), str(metric.get_signature().format()), metric)
