"""Scores of answers against references: which there are, and what each is made by.

Every score is made of rows of sums, one for each item, so that `paired` can compare two sets of
answers by any of them. Items without an answer or without a reference have zeros and count nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ...errors import MissingExtra, UsageError
from ...text import clean, nearest
from ..paired import Measured, Scorer, Values, mean
from .coco import ORDERS, Cider, Item, bleu, bleu_sums, rouge_l
from .ptb import NAME as PTB
from .ptb import tokens
from .references import Reference
from .sacre import INSTALL, is_installed, sums_of
from .words import holds, words

GROUPS: dict[str, tuple[str, ...]] = {
    "bleu": ("bleu",),
    "chrf": ("chrf",),
    "coco-bleu": tuple(f"coco_bleu{n}" for n in range(1, ORDERS + 1)),
    "rouge": ("rouge_l",),
    "cider": ("cider_d",),
    "keywords": ("keyword_recall", "keyword_precision"),
}
"""what `--metrics` takes, and the scores it stands for"""
NEEDS_SACREBLEU = ("bleu", "chrf")


@dataclass(frozen=True, slots=True)
class Scorable:
    """An item to score: an answer (a text, tags, or None where there is none) and its reference."""

    reference: Reference
    text: str | None = None
    tags: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ScoreRows:
    """One score: rows of sums (items, columns), what scores them added up, what it is made by."""

    name: str
    rows: Values
    score: Scorer
    made_by: str

    @property
    def value(self) -> float | None:
        """Return the score of all items together; None where there is nothing to score."""
        return float(self.score(self.rows.sum(axis=0))) if self.rows.any() else None

    @property
    def items(self) -> int:
        """Return how many items are scored."""
        return int(self.rows.any(axis=1).sum())


def chosen(text: str) -> tuple[tuple[str, ...], str]:
    """Return the groups that `--metrics` names (all if empty), and what is left out, and why.

    Raises UsageError for an unknown one, MissingExtra for one that was named and needs a package.
    """
    named = [each.strip().lower() for each in text.split(",") if each.strip()]
    for each in named:
        if each not in GROUPS:
            hint = nearest(each, list(GROUPS))
            raise UsageError(f"unknown metric '{clean(each)}'{hint}; known: {', '.join(GROUPS)}")
    wanted = tuple(dict.fromkeys(named)) or tuple(GROUPS)
    lacking = [each for each in wanted if each in NEEDS_SACREBLEU and not is_installed()]
    if not lacking:
        return wanted, ""
    why = f"{' and '.join(lacking)}: sacrebleu is not installed; install it with: {INSTALL}"
    if named:
        raise MissingExtra(why)
    return tuple(each for each in wanted if each not in lacking), why


def score_rows(
    groups: Sequence[str], items: Sequence[Scorable], reference_hash: str
) -> Iterator[ScoreRows]:
    """Yield the scores of groups that the items have anything for."""
    texts = [n for n, each in enumerate(items) if each.text is not None and each.reference.texts]
    suffix = f"references {reference_hash}"
    for group in groups:
        if group == "keywords":
            yield from _keywords(items, suffix)
        elif texts:
            yield from _BY_GROUP[group](items, texts, suffix)


def measured(one: ScoreRows, other: ScoreRows) -> Measured:
    """Return a score of two sets of answers as a metric to compare; items must be in one order."""
    return Measured(one.name, one.rows, other.rows, one.score, "higher", one.made_by)


def _spread(rows: Values, places: Sequence[int], count: int) -> Values:
    """Return rows at their places among all items, zeros elsewhere."""
    spread = np.zeros((count, rows.shape[1]))
    spread[list(places)] = rows
    return spread


def _sacre(
    kind: str, items: Sequence[Scorable], places: Sequence[int], suffix: str
) -> Iterator[ScoreRows]:
    answers = [items[n].text or "" for n in places]
    sums = sums_of(kind, answers, [items[n].reference.texts for n in places])
    made_by = f"sacrebleu {sums.signature}; {suffix}"
    yield ScoreRows(kind, _spread(sums.rows, places, len(items)), sums.score, made_by)


def _tokens(items: Sequence[Scorable], places: Sequence[int]) -> list[Item]:
    return [(tokens(items[n].text or ""), [*map(tokens, items[n].reference.texts)]) for n in places]


def _coco_bleu(
    items: Sequence[Scorable], places: Sequence[int], suffix: str
) -> Iterator[ScoreRows]:
    rows = _spread(bleu_sums(_tokens(items, places)), places, len(items))
    for name, order in zip(GROUPS["coco-bleu"], range(1, ORDERS + 1), strict=True):
        made_by = f"COCO BLEU-{order} as pycocoevalcap 1.2; tokenizer {PTB}; {suffix}"
        yield ScoreRows(name, rows, partial(bleu, order), made_by)


def _rouge(items: Sequence[Scorable], places: Sequence[int], suffix: str) -> Iterator[ScoreRows]:
    values = [rouge_l(*each) for each in _tokens(items, places)]
    made_by = f"COCO ROUGE-L as pycocoevalcap 1.2; tokenizer {PTB}; {suffix}"
    yield ScoreRows("rouge_l", _spread(_of_values(values), places, len(items)), mean, made_by)


def _cider(items: Sequence[Scorable], places: Sequence[int], suffix: str) -> Iterator[ScoreRows]:
    pairs = _tokens(items, places)
    set_ = Cider([references for _, references in pairs])
    values = [set_.of(n, answer) for n, (answer, _) in enumerate(pairs)]
    made_by = f"COCO CIDEr-D as pycocoevalcap 1.2; tokenizer {PTB}; {suffix}"
    yield ScoreRows("cider_d", _spread(_of_values(values), places, len(items)), mean, made_by)


def _keywords(items: Sequence[Scorable], suffix: str) -> Iterator[ScoreRows]:
    for name, value in (
        ("keyword_recall", keyword_recall),
        ("keyword_precision", keyword_precision),
    ):
        values = [value(each) for each in items]
        if any(each is not None for each in values):
            rows = np.array([(0.0, 0.0) if v is None else (v, 1.0) for v in values], np.float64)
            yield ScoreRows(name, rows, mean, f"sightline, words as written; {suffix}")


def keyword_recall(item: Scorable) -> float | None:
    """Return the share of keywords that are among the tags, or stand in the text word for word."""
    wanted = [words(each) for each in item.reference.keywords]
    if not wanted or (item.text is None and item.tags is None):
        return None
    if item.tags is not None:
        said = [words(each) for each in item.tags]
        return sum(each in said for each in wanted) / len(wanted)
    text = words(item.text or "")
    return sum(holds(text, each) for each in wanted) / len(wanted)


def keyword_precision(item: Scorable) -> float | None:
    """Return the share of tags that are keywords; None for texts, whose words are no claims."""
    if not item.tags or not item.reference.keywords:
        return None
    wanted = [words(each) for each in item.reference.keywords]
    return sum(words(each) in wanted for each in item.tags) / len(item.tags)


def _of_values(values: Sequence[float]) -> Values:
    return np.array([(value, 1.0) for value in values], np.float64).reshape(-1, 2)


_BY_GROUP: dict[str, Callable[[Sequence[Scorable], Sequence[int], str], Iterator[ScoreRows]]] = {
    "bleu": partial(_sacre, "bleu"),
    "chrf": partial(_sacre, "chrf"),
    "coco-bleu": _coco_bleu,
    "rouge": _rouge,
    "cider": _cider,
}
