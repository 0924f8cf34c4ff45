"""Precision and the interval that it lies in; engine and app show the same."""

from __future__ import annotations

import math

CONFIDENCE_95 = 1.959963984540054
"""how many standard deviations 95 % of a normal distribution lie within"""


def wilson(right: int, total: int, z: float = CONFIDENCE_95) -> tuple[float, float]:
    """Return the interval that a share lies in, by `right` of `total` that were drawn.

    The score interval of E. B. Wilson, "Probable inference, the law of succession, and statistical
    inference", Journal of the American Statistical Association 22, 1927. Raises ZeroDivisionError
    for a total of 0.
    """
    share, size = right / total, z * z / total
    middle = share + size / 2
    spread = z * math.sqrt(share * (1 - share) / total + size / (4 * total))
    low, high = (middle - spread) / (1 + size), (middle + spread) / (1 + size)
    return max(low, 0.0), min(high, 1.0)
