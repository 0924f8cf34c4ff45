"""How texts and queries become words of the full-text index.

Both are brought to one form (Unicode NFKC, casefold). Scripts that put no spaces between words are
split into single characters and pairs of neighbours, which FTS5's own tokenizers do not do: so 稲妻
is found inside 嵐の夜に稲妻が光る. FTS5 then removes diacritics and reduces English words to their
stems (Porter).
"""

from __future__ import annotations

import re
import unicodedata

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
"""Thai, Lao, Burmese, Khmer, kana, Han characters, and Hangul (whose particles join their word)"""
_UNSPACED = re.compile(f"[{UNSPACED}]+")
_TERM = re.compile(f"[{UNSPACED}]+|[^\\s{UNSPACED}]+")
MOST_TERMS = 64
"""of a query, in the index of words; the rest of a longer one is left out there"""
FUNCTION_WORDS = frozenset((
    "a", "an", "and", "are", "as", "at", "be", "been", "but", "by", "for", "from", "has", "have",
    "he", "her", "his", "in", "into", "is", "it", "its", "of", "on", "onto", "or", "over", "she",
    "some", "that", "the", "their", "them", "there", "these", "they", "this", "those", "to", "up",
    "was", "were", "which", "while", "who", "with",
))  # fmt: skip
"""English words that say nothing of a picture; a query of nothing else is searched as it is"""


def folded(text: str) -> str:
    """Return a text as NFKC without differences of case; what is no character becomes a space."""
    shown = "".join(" " if unicodedata.category(c)[0] == "C" and c != "\u200d" else c for c in text)
    return unicodedata.normalize("NFKC", shown).casefold()


def index_text(text: str) -> str:
    """Return what the index stores of a text."""
    return _UNSPACED.sub(lambda run: f" {' '.join(_pairs_and_single(run[0]))} ", folded(text))


def terms_of(text: str) -> list[str]:
    """Return the words of a query: those of a script without spaces as pairs of characters."""
    found: list[str] = []
    for run in _TERM.findall(folded(text)):
        found += _pairs(run) if _UNSPACED.fullmatch(run) else _plain(run)
    said = [term for term in found if term not in FUNCTION_WORDS]
    return list(dict.fromkeys(said or found))


def match_text(text: str) -> str:
    """Return an FTS5 query that matches texts with every word; empty if there is no word.

    Each word is quoted, so nothing in it is an operator of FTS5.
    """
    return " AND ".join(f'"{term}"' for term in terms_of(text)[:MOST_TERMS])


def _plain(run: str) -> list[str]:
    """Return a word without quotation marks; none where no letter or digit is in it."""
    words = run.replace('"', " ").split()
    return [word for word in words if any(c.isalnum() for c in word)]


def _pairs(run: str) -> list[str]:
    return [run[n : n + 2] for n in range(len(run) - 1)] or [run]


def _pairs_and_single(run: str) -> list[str]:
    return [*run, *(_pairs(run) if len(run) > 1 else ())]
