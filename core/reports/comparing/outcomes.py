"""What became of one item between two scans: better, worse, changed, the same, broken, or a gap.

Only facts and references say that an answer is better: it exists now, it lost what is odd about it
(`answer_facts.Flag`, or being cut off), or it is nearer to the reference by a tenth or more.
Everything else that differs is `changed`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...judge.boxes import BoxAgreement, agreement
from ...judge.texts.coco import rouge_l
from ...judge.texts.ptb import tokens
from ...judge.texts.references import Reference
from ...judge.texts.text_scores import Scorable, keyword_recall
from ...judge.texts.words import similarity, word_diff
from ...protocol.answer_facts import flags_of
from ...protocol.fact_line import fact_line
from ...protocol.run_diff import ItemDiff, Outcome, Piece
from ...records import Box
from ...text import counted
from .answers import ItemAnswer
from .facts import shown

NEARER = 0.1
"""by which a score of one item must differ; single items are noisy"""
SAME_OVERLAP = 0.95
MOST_BOXES_NAMED = 4


@dataclass(frozen=True, slots=True)
class Pair:
    """The answers of both scans to one question; None where it was not asked, `absent` says why."""

    stage: str
    before: ItemAnswer | None
    after: ItemAnswer | None
    absent: str = ""

    @property
    def any_of(self) -> ItemAnswer:
        """Return the answer after, or before where there is none after."""
        found = self.after or self.before
        assert found is not None
        return found

    @property
    def both_answered(self) -> bool:
        """Return whether both are answers."""
        return all(each is not None and each.is_answer for each in (self.before, self.after))


def item_diff(pair: Pair, reference: Reference | None) -> ItemDiff:
    """Compare the answers to one question."""
    outcome, why, alike = _outcome(pair, reference)
    one, other = pair.before, pair.after
    texts = (shown(one) if one else "", shown(other) if other else "")
    about = pair.any_of
    pieces = word_diff(*texts) if pair.both_answered and texts[0] != texts[1] else ()
    return ItemDiff(
        pair.stage, about.path, about.seconds, about.key[2], outcome, why, *texts,
        one.state if one else "", other.state if other else "", alike,
        tuple(Piece(mark, text) for mark, text in pieces),  # type: ignore[arg-type]
        fact_line(one.facts) if one else "", fact_line(other.facts) if other else "",
    )  # fmt: skip


Found = tuple[Outcome, str, float | None]


def _outcome(pair: Pair, reference: Reference | None) -> Found:
    one, other = pair.before, pair.after
    if one is None or other is None or "gated" in (one.state, other.state):
        return "gap", pair.absent or "one of both excluded the frame", None
    if not one.is_answer and not other.is_answer:
        return "gap", f"neither has an answer: {other.reason or other.state}", None
    if not other.is_answer:
        return "broken", f"no answer any more: {other.reason or other.state}", None
    if not one.is_answer:
        return "better", f"answered now; before: {one.reason or one.state}", None
    return _of_answers(one, other, reference)


def _of_answers(one: ItemAnswer, other: ItemAnswer, reference: Reference | None) -> Found:
    is_same, alike, what = _alike(one, other)
    if one.id == other.id:
        return "same", "the same stored answer", 1.0
    odd = _oddities(one), _oddities(other)
    gone, new = [x for x in odd[0] if x not in odd[1]], [x for x in odd[1] if x not in odd[0]]
    if new and not gone:
        return "worse", f"now {_listed(new)}", alike
    if gone and not new:
        return "better", f"no longer {_listed(gone)}", alike
    if is_same:
        return "same", "", alike
    if gone and new:
        return "changed", f"was {_listed(gone)}, now {_listed(new)}", alike
    nearer = _nearer(one, other, reference) if reference else None
    return (*nearer, alike) if nearer else ("changed", what, alike)


def _oddities(answer: ItemAnswer) -> list[str]:
    cut = ["truncated"] if answer.state == "truncated" else []
    return [*cut, *(flag.replace("_", " ") for flag in flags_of(dict(answer.facts)))]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _nearer(one: ItemAnswer, other: ItemAnswer, reference: Reference) -> tuple[Outcome, str] | None:
    values = [_near(each, reference) for each in (one, other)]
    name = "ROUGE-L" if reference.texts and one.tags is None else "keyword recall"
    if values[0] is None or values[1] is None or abs(values[1] - values[0]) < NEARER:
        return None
    outcome: Outcome = "better" if values[1] > values[0] else "worse"
    return outcome, f"{name} {values[0]:.2f} to {values[1]:.2f}"


def _near(answer: ItemAnswer, reference: Reference) -> float | None:
    if answer.boxes is not None or answer.verdict or answer.key[2]:
        return None
    if answer.tags is None and reference.texts:
        return rouge_l(tokens(answer.text), [*map(tokens, reference.texts)])
    text = answer.text if answer.tags is None else None
    return keyword_recall(Scorable(reference, text, answer.tags))


def _alike(one: ItemAnswer, other: ItemAnswer) -> tuple[bool, float, str]:
    """Return whether two answers are the same, how alike they are, and what differs."""
    if one.boxes is not None and other.boxes is not None:
        return _alike_boxes(agreement(one.boxes, other.boxes))
    if one.tags is not None and other.tags is not None:
        return _alike_tags({*one.tags}, {*other.tags})
    if one.verdict or other.verdict:
        is_same = one.verdict == other.verdict
        return is_same, float(is_same), "" if is_same else f"{one.verdict} to {other.verdict}"
    same = one.text.strip() == other.text.strip()
    return same, 1.0 if same else similarity(one.text, other.text), ""


def _alike_tags(one: set[str], other: set[str]) -> tuple[bool, float, str]:
    share = len(one & other) / len(one | other) if one | other else 1.0
    parts = [f"without {', '.join(sorted(one - other))}" if one - other else "",
             f"with {', '.join(sorted(other - one))}" if other - one else ""]  # fmt: skip
    return one == other, share, "; ".join(filter(None, parts))


def _alike_boxes(found: BoxAgreement) -> tuple[bool, float, str]:
    moved = found.share == 1 and found.overlap < SAME_OVERLAP
    parts = [f"without {_boxes(found.only_first)}" if found.only_first else "",
             f"with {_boxes(found.only_second)}" if found.only_second else "",
             f"boxes moved (overlap {found.overlap:.2f})" if moved else ""]  # fmt: skip
    return found.share == 1 and not moved, found.share, "; ".join(filter(None, parts))


def _boxes(found: Sequence[Box]) -> str:
    named = ", ".join(box.label for box in found[:MOST_BOXES_NAMED])
    more = len(found) - MOST_BOXES_NAMED
    return f"{named} and {counted(more, 'more object')}" if more > 0 else named
