"""Conditions about judgements, fulfilled on the keys of a list that is there already.

Judgements change while a list is looked through, one after another, and the list with its other
conditions does not: so it is read once, and what was judged is taken out of it or kept of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .conditions import JUDGED_FLAGS, Condition
from .judgements import JUDGEMENTS

if TYPE_CHECKING:
    from .listings import RowSelection

ALL = frozenset(("", *JUDGEMENTS))
"""every judgement a row can have, also none"""
_FLAGGED: dict[str, frozenset[str]] = {
    **{each: frozenset((each,)) for each in JUDGEMENTS},
    "judged": ALL - {""},
    "unjudged": frozenset(("",)),
}
_SPARSE, _SMALL = 16, 1_000_000
"""so many places for each row, and so many more, a table of rows may have"""


def split(wanted: RowSelection) -> tuple[RowSelection, frozenset[str]]:
    """Return a selection without conditions about judgements, and the judgements these admit.

    Frames have no judgements: a condition that asks for one admits none of them.
    """
    asked = [each for each in wanted.conditions if is_about_judgements(each)]
    if not asked:
        return wanted, ALL
    rest = tuple(each for each in wanted.conditions if each not in asked)
    admitted = ALL
    for each in asked:
        admitted &= _admitted(each, is_frame=wanted.kind == "frames")
    return replace(wanted, conditions=rest), admitted


def is_about_judgements(condition: Condition) -> bool:
    """Return whether a condition is one about judgements."""
    return condition.name == "is" and bool(set(JUDGED_FLAGS) & set(condition.values))


def _admitted(condition: Condition, *, is_frame: bool) -> frozenset[str]:
    named = frozenset().union(*(_FLAGGED.get(str(each), frozenset()) for each in condition.values))
    if is_frame:
        named = frozenset()
    return ALL - named if condition.negated else named


def admitted_rows(
    flat: NDArray[np.int64], judged: Iterable[tuple[int, int, str]], admitted: frozenset[str]
) -> NDArray[np.int64]:
    """Return the keys whose judgement is admitted, in their order, shaped as `flat`."""
    without = "" in admitted
    named = [(task, number) for task, number, said in judged if (said in admitted) != without]
    found = _are_in(flat, _flat(named))
    return np.asarray(flat.reshape(-1, 2)[found != without].ravel())


def admitted_alone(
    judged: Iterable[tuple[int, int, str]], admitted: frozenset[str]
) -> NDArray[np.int64]:
    """Return the keys of judged rows that are admitted, in the order of sources."""
    return _flat(sorted((task, number) for task, number, said in judged if said in admitted))


def _flat(keys: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    return np.array(keys, np.int64).reshape(-1)


def _are_in(flat: NDArray[np.int64], some: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which keys of `flat` are in `some`, which is shaped as it is: bool (rows,)."""
    if not len(some) or not len(flat):
        return np.zeros(len(flat) // 2, bool)
    width = int(max(flat[1::2].max(), some[1::2].max())) + 1
    # Keys of tasks of all scans are large: their places in order are not.
    _, tasks = np.unique(np.concatenate((flat[::2], some[::2])), return_inverse=True)
    of_rows, of_some = tasks[: len(flat) // 2], tasks[len(flat) // 2 :]
    every, wanted = of_rows * width + flat[1::2], of_some * width + some[1::2]
    size = int(max(every.max(), wanted.max())) + 1
    if size <= _SPARSE * len(every) + _SMALL:
        table = np.zeros(size, bool)
        table[wanted] = True
        return np.asarray(table[every])
    return np.isin(every, wanted)
