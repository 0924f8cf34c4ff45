"""Words of texts in any language, and how two texts differ word by word."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:['\u2019-][^\W_{_CJK}]+)*")
_PIECE = re.compile(rf"(?:[{_CJK}]|[^\s{_CJK}]+)\s*")
MOST_PIECES = 2_500
"""of both texts together; of longer ones no order of words is compared"""


def words(text: str) -> list[str]:
    """Return words in lower case; every Chinese, Japanese or Korean character is one."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def holds(text: Sequence[str], wanted: Sequence[str]) -> bool:
    """Return whether words stand in a text one after another."""
    size = len(wanted)
    return bool(size) and any(
        list(text[at : at + size]) == list(wanted) for at in range(len(text) - size + 1)
    )


def similarity(first: str, second: str) -> float:
    """Return how alike two texts are, 0 to 1: 2 M / T of their words in order (Ratcliff-Obershelp).

    J. W. Ratcliff and D. E. Metzener, "Pattern Matching: The Gestalt Approach", Dr. Dobb's Journal,
    July 1988. Two texts without words are alike.
    """
    one, other = words(first), words(second)
    if one == other:
        return 1.0
    if len(one) + len(other) > MOST_PIECES:
        return _bag(one, other)
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _bag(one: Sequence[str], other: Sequence[str]) -> float:
    """Return the same without regard to the order, which takes less time."""
    from collections import Counter

    both = Counter(one) & Counter(other)
    return 2 * both.total() / (len(one) + len(other))


def word_diff(first: str, second: str) -> Iterator[tuple[str, str]]:
    """Yield pieces that make up both texts: ("=", text), ("-", only in the first), ("+", second).

    But for white space, the pieces marked "=" and "-" are the first text, "=" and "+" the second.
    """
    one, other = _PIECE.findall(first), _PIECE.findall(second)
    if len(one) + len(other) > MOST_PIECES:
        yield from (("-", first), ("+", second)) if first != second else (("=", first),)
        return
    bare = [piece.rstrip() for piece in one], [piece.rstrip() for piece in other]
    for what, a, b, c, d in SequenceMatcher(None, *bare, autojunk=False).get_opcodes():
        yield from _pieces(what, "".join(one[a:b]), "".join(other[c:d]))


def _pieces(what: str, gone: str, new: str) -> Iterator[tuple[str, str]]:
    if what == "equal":
        yield "=", new
    elif what == "replace":
        yield "-", gone.rstrip()
        yield "+", new.rstrip()
        if new != new.rstrip():
            yield "=", new[len(new.rstrip()) :]
    else:
        yield ("-", gone) if gone else ("+", new)
