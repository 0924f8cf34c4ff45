"""Paired comparisons: exact values, wording, correction, and rates over simulated comparisons.

`python -m benchmarks comparing` measures the rates of a thousand comparisons of each kind.
"""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.comparing import false_alarms
from core.judge.paired import averaged, compared, holm, t_quantile
from core.protocol.comparisons import PairedMetric, sentence


def paired(first: list[float | None], second: list[float | None], **more: object) -> PairedMetric:
    metric = averaged("x", first, second, **more)  # type: ignore[arg-type]
    return compared([metric], list(range(len(first))))[0]


def test_the_test_is_exact_for_few_items() -> None:
    """Fisher's test, by hand: of 64 ways to exchange, only two are as extreme as all one way."""
    found = paired([0.0] * 6, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert found.p == 2 / 64 and found.difference == 3.5
    # -1 and six gains: 22 ways to reach a sum of 20 or more in 7 flips of 1 to 6 and 1, by count
    gains = [-1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    signs = np.array(np.meshgrid(*[[-1, 1]] * 7)).reshape(7, -1).T
    wanted = (np.abs(signs @ gains) >= 20).mean()
    assert paired([0.0] * 7, list(gains)).p == wanted


def test_quantiles_are_those_of_the_tables() -> None:
    """NIST/SEMATECH e-Handbook, table of critical values of t, 1.3.6.7.2."""
    table = {1: 12.706, 2: 4.303, 5: 2.571, 10: 2.228, 32: 2.037, 100: 1.984}
    for degrees, value in table.items():
        assert round(t_quantile(0.975, degrees), 3) == value


def test_what_a_comparison_amounts_to_is_said_in_words() -> None:
    made = PairedMetric("x", 33, 33, 0.5, 0.54, 0.04, 0.01, 0.07, 0.004, 0.004, 0.06)
    cases = [
        (made, "B better by 0.04 (0.01 to 0.07)"),
        (PairedMetric("x", 33, 33, 3.0, 2.0, -1.0, -1.5, -0.5, 0.01, 0.02, 0.6),
         "A better by 1.00 (0.50 to 1.50)"),
        (PairedMetric("x", 33, 33, 3.0, 2.0, -1.0, -1.5, -0.5, 0.01, 0.02, 0.6, "lower"),
         "B better by 1.00 (0.50 to 1.50)"),
        (PairedMetric("x", 33, 33, 30, 40, 10.0, 5, 15, 0.01, 0.02, 6, ""),
         "B higher by 10.0 (5.0 to 15.0)"),
        (PairedMetric("x", 33, 33, 0.5, 0.52, 0.02, -0.02, 0.06, 0.04, 0.08, 0.06),
         "no difference seen; a difference of 0.06 would have been"),
        (paired([1.0] * 8, [1.0] * 8), "no difference: the same for 8 items"),
        (paired([1.0], [1.5]), "difference +0.5; 1 item: too few for a test"),
        (compared([averaged("x", [1.0] * 40, [2.0] * 40)], [n // 10 for n in range(40)])[0],
         "difference +1; 40 items of 4 sources: too few for a test"),
        (paired([None, 1.0], [1.0, None]), "no item has it in both"),
    ]  # fmt: skip
    for found, words in cases:
        assert sentence(found) == words
    assert made.differs and not made.second_is_worse
    assert cases[1][0].second_is_worse and not cases[2][0].second_is_worse
    assert not cases[3][0].second_is_worse


def test_items_that_lack_it_in_one_of_both_are_left_out() -> None:
    found = paired([1.0, None, 3.0], [2.0, 5.0, None])
    assert (found.items, found.first, found.second) == (1, 1.0, 2.0)


def test_p_values_are_corrected_for_their_number() -> None:
    """Holm's own step-down: 0.01 x 3, 0.02 x 2, 0.04 x 1, never falling."""

    def metric(p: float | None) -> PairedMetric:
        return PairedMetric("x", 9, 9, 1, 2, 1, 0, 1, p)

    found = holm([metric(0.02), metric(0.01), metric(None), metric(0.03)])
    assert [each.adjusted for each in found] == pytest.approx([0.04, 0.03, None, 0.04])


def test_the_same_comparison_gives_the_same_figures() -> None:
    draw = np.random.default_rng(3)
    first = list(draw.normal(0, 1, 50))
    second = list(np.array(first) + draw.normal(0.2, 0.5, 50))
    assert paired(first, second) == paired(first, second)


def test_equal_pairs_are_rarely_called_different() -> None:
    """400 comparisons: 5 % within three standard errors (0.011), also where items are clustered."""
    for items, sources in ((33, 33), (40, 10)):
        rate, _covered = false_alarms(items, sources, 400, seed=5)
        assert 0.017 <= rate <= 0.083, (items, sources, rate)
