"""BLEU-1 to 4, ROUGE-L and CIDEr-D as COCO's evaluation of captions computes them.

Sources: K. Papineni et al., "BLEU", ACL 2002; C.-Y. Lin, "ROUGE", 2004; R. Vedantam et al.,
"CIDEr", CVPR 2015; with the constants of pycocoevalcap 1.2, whose values these equal. Each
function returns a row of sums for every item, so that corpus scores can be made of any of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import exp, log

import numpy as np
from numpy.typing import NDArray

Words = Sequence[str]
Item = tuple[Words, Sequence[Words]]
"""the words of an answer, and those of its references"""
ORDERS = 4
SMALL, TINY = 1e-9, 1e-15
ROUGE_BETA = 1.2
CIDER_SIGMA = 6.0


def bleu_sums(items: Sequence[Item]) -> NDArray[np.float64]:
    """Return length, closest length of a reference, tried and right n-grams: (items, 10)."""
    return np.array([_bleu_row(*item) for item in items], np.float64).reshape(-1, 2 + 2 * ORDERS)


def bleu(order: int, sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return BLEU of an order, 0 to 1, from sums (..., 10)."""
    made, wanted = sums[..., 0], sums[..., 1]
    tried, right = sums[..., 2 : 2 + order], sums[..., 2 + ORDERS : 2 + ORDERS + order]
    shares = np.prod((right + TINY) / (tried + SMALL), axis=-1)
    ratio = (made + TINY) / (wanted + SMALL)
    brevity = np.where(ratio < 1, np.exp(1 - 1 / np.maximum(ratio, 1e-12)), 1.0)
    return np.asarray(shares ** (1 / order) * brevity)


def _bleu_row(answer: Words, references: Sequence[Words]) -> list[int]:
    length = len(answer)
    closest = min((abs(len(each) - length), len(each)) for each in references)[1]
    said = _grams(answer)
    most: Counter[tuple[str, ...]] = Counter()
    for each in references:
        most |= _grams(each)
    right = [0] * ORDERS
    for gram, count in said.items():
        right[len(gram) - 1] += min(count, most[gram])
    return [length, closest, *(max(0, length - n) for n in range(ORDERS)), *right]


def rouge_l(answer: Words, references: Sequence[Words]) -> float:
    """Return ROUGE-L, 0 to 1: of the longest common subsequence, best precision and recall."""
    common = [_common(answer, each) for each in references]
    precision = max(each / len(answer) for each in common) if answer else 0.0
    recall = max((n / len(each) for n, each in zip(common, references, strict=True) if each),
                 default=0.0)  # fmt: skip
    if not precision or not recall:
        return 0.0
    return (1 + ROUGE_BETA**2) * precision * recall / (recall + ROUGE_BETA**2 * precision)


def _common(one: Words, other: Words) -> int:
    """Return the length of the longest common subsequence.

    By whole rows as bits: H. Hyyro, "Bit-Parallel LCS-length Computation Revisited", 2004.
    """
    places: dict[str, int] = {}
    for at, word in enumerate(one):
        places[word] = places.get(word, 0) | 1 << at
    full = (1 << len(one)) - 1
    row = full
    for word in other:
        met = row & places.get(word, 0)
        row = ((row + met) | (row - met)) & full
    return len(one) - row.bit_count()


class Cider:
    """CIDEr-D over one set of references, whose n-grams are weighed by how rare they are in it.

    A value of one item depends on the whole set (alone it is 0), so none is a fact of that item;
    but both sides of a comparison are weighed alike.
    """

    def __init__(self, references: Sequence[Sequence[Words]]) -> None:
        self._counted = [[_grams(each) for each in texts] for texts in references]
        self._having: Counter[tuple[str, ...]] = Counter()
        for texts in self._counted:
            self._having.update({gram for each in texts for gram in each})
        self._log_count = log(len(references)) if references else 0.0
        self._weighed = [[self._weigh(each) for each in texts] for texts in self._counted]

    def of(self, number: int, answer: Words) -> float:
        """Return the value of an answer to the references with a number, 0 to 10."""
        said = self._weigh(_grams(answer))
        alike = [self._alike(said, each) for each in self._weighed[number]]
        return 10 * sum(alike) / len(alike) / ORDERS

    def _weigh(self, grams: Counter[tuple[str, ...]]) -> _Weighed:
        vector: dict[tuple[str, ...], float] = {}
        squares, length = [0.0] * ORDERS, 0
        for gram, count in grams.items():
            weight = count * (self._log_count - log(max(1, self._having[gram])))
            vector[gram] = weight
            squares[len(gram) - 1] += weight * weight
            length += count if len(gram) == 2 else 0
        return vector, [each**0.5 for each in squares], length

    def _alike(self, said: _Weighed, wanted: _Weighed) -> float:
        products = [0.0] * ORDERS
        for gram, weight in said[0].items():
            other = wanted[0].get(gram)
            if other is not None:
                products[len(gram) - 1] += min(weight, other) * other
        penalty = exp(-((said[2] - wanted[2]) ** 2) / (2 * CIDER_SIGMA**2))
        norms = [a * b for a, b in zip(said[1], wanted[1], strict=True)]
        return penalty * sum(p / n if n else p for p, n in zip(products, norms, strict=True))


_Weighed = tuple[dict[tuple[str, ...], float], list[float], int]


def _grams(words: Words) -> Counter[tuple[str, ...]]:
    found: Counter[tuple[str, ...]] = Counter()
    for n in range(1, ORDERS + 1):
        found.update(tuple(words[at : at + n]) for at in range(len(words) - n + 1))
    return found
