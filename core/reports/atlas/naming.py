"""Names of groups: the words that are frequent in one and rare in the others."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from math import log

MOST_WORDS = 3
LEAST_SHARE = 0.05
"""of a group's points that a word must be said of"""
_WORD = re.compile(r"[^\W\d_]{3,}")
_COMMON = frozenset((
    "about", "above", "across", "after", "also", "and", "another", "appears", "are", "around",
    "background", "been", "behind", "being", "below", "beside", "between", "both", "can", "close",
    "dark", "depicts", "down", "each", "features", "for", "foreground", "from", "has", "have",
    "her", "his", "image", "into", "its", "left", "many", "more", "near", "next", "off", "onto",
    "other", "out", "over", "picture", "photo", "right", "scene", "seen", "several", "shot",
    "showing", "shown", "shows", "side", "some", "such", "than", "that", "the", "their", "them",
    "there", "these", "they", "this", "those", "through", "top", "two", "under", "very", "view",
    "visible", "was", "were", "what", "which", "while", "who", "with", "within", "without", "you",
    "one", "not", "but", "all", "any", "bottom", "center", "middle",
))  # fmt: skip
"""English words of captions that distinguish nothing"""


def words_of(tags: Iterable[str], captions: Iterable[str]) -> set[str]:
    """Return what a frame counts for: its tags as they are, and the words of its captions.

    Captions of scripts without spaces between words add nothing; tags of every script do.
    """
    found = {" ".join(_folded(tag).split()) for tag in tags}
    for caption in captions:
        spoken = _WORD.findall(_folded(caption))
        found.update(word for word in spoken if word not in _COMMON and _has_spaces(word))
    return found - {""}


def names(groups: Sequence[int], words: Sequence[set[str]]) -> dict[int, tuple[str, ...]]:
    """Return at most three words for each group number; `groups` and `words` are by point.

    A word scores its share of the group times the logarithm of how much larger that share is than
    its share of all points. Of words of which one is part of the other, the better is taken.
    """
    total = Counter(word for each in words for word in each)
    inside: dict[int, Counter[str]] = {}
    for group, each in zip(groups, words, strict=True):
        inside.setdefault(group, Counter()).update(each)
    sizes = Counter(groups)
    return {
        group: _best(found, sizes[group], total, len(groups)) for group, found in inside.items()
    }


def _best(found: Counter[str], size: int, total: Counter[str], points: int) -> tuple[str, ...]:
    scores = {
        word: count / size * log(count / size * points / total[word])
        for word, count in found.items()
        if count >= max(LEAST_SHARE * size, min(2, size))
    }
    chosen: list[str] = []
    for word in sorted(scores, key=lambda each: (-scores[each], each)):
        new = not any(word in other or other in word for other in chosen)
        if new and len(chosen) < MOST_WORDS and (scores[word] > 0 or not chosen):
            chosen.append(word)
    return tuple(chosen)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _has_spaces(word: str) -> bool:
    """Return whether a word is of a script that puts spaces between words."""
    return not any("\u0e00" <= char <= "\u0eff" or "\u3040" <= char <= "\u9fff" for char in word)
