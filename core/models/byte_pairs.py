"""The tokens of CLIP's own tokenizer, without importing torch: open_clip's `SimpleTokenizer`.

The vocabulary is the file in the package of open_clip; the pieces follow Sennrich et al., "Neural
Machine Translation of Rare Words with Subword Units", ACL 2016.
"""

from __future__ import annotations

import gzip
import html
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

VOCABULARY = "bpe_simple_vocab_16e6.txt.gz"
_MERGES = 49152 - 256 - 2
START, END = 49406, 49407
_PATTERN = (
    r"<start_of_text>|<end_of_text>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)


class BytePairs:
    """Turns texts into numbers of tokens. Raises OSError where the vocabulary is not installed."""

    def __init__(self, path: Path) -> None:
        lines = gzip.decompress(path.read_bytes()).decode("utf-8").split("\n")[1 : _MERGES + 1]
        merges = [tuple(line.split()) for line in lines]
        letters = _letters()
        self._letters = dict(zip(_bytes(), letters, strict=True))
        words = [*letters, *(letter + "</w>" for letter in letters)]
        words += ["".join(merge) for merge in merges]
        self._numbers = {word: number for number, word in enumerate(words)}
        self._numbers |= {"<start_of_text>": START, "<end_of_text>": END}
        self._ranks = {merge: rank for rank, merge in enumerate(merges)}

    def encode(self, text: str) -> list[int]:
        """Return the numbers of a text's tokens, without those of its start and end."""
        import regex

        found: list[int] = []
        for word in regex.findall(_PATTERN, _cleaned(text), regex.IGNORECASE):
            found += self._of_word(word)
        return found

    def _of_word(self, word: str) -> list[int]:
        if word in ("<start_of_text>", "<end_of_text>"):
            return [self._numbers[word]]
        pieces = [self._letters[byte] for byte in word.encode()]
        pieces[-1] += "</w>"
        while len(pieces) > 1:
            best = min(pairwise(pieces), key=lambda pair: self._ranks.get(pair, _MERGES))
            if best not in self._ranks:
                break
            pieces = _joined(pieces, best)
        return [self._numbers[piece] for piece in pieces]


@cache
def vocabulary_path() -> Path | None:
    """Return where open_clip's vocabulary lies; None where it is not installed."""
    spec = find_spec("open_clip")
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    path = Path(folders[0]) / VOCABULARY if folders else None
    return path if path is not None and path.is_file() else None


def _joined(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(pieces):
        both = at + 1 < len(pieces) and (pieces[at], pieces[at + 1]) == pair
        found.append(pieces[at] + pieces[at + 1] if both else pieces[at])
        at += 2 if both else 1
    return found


def _cleaned(text: str) -> str:
    """Return a text as open_clip cleans it; what is plain ASCII needs no repair of its encoding."""
    if not (text.isascii() and text.isprintable() and "&" not in text):
        import ftfy

        text = html.unescape(html.unescape(ftfy.fix_text(text)))
    return " ".join(text.split()).lower()


def _bytes() -> list[int]:
    """Return all bytes: first those that have a letter of their own."""
    own = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1),
           *range(ord("®"), ord("ÿ") + 1)]  # fmt: skip
    return own + [byte for byte in range(256) if byte not in own]


def _letters() -> list[str]:
    order = _bytes()
    own = 256 - 68
    return [chr(byte) for byte in order[:own]] + [chr(256 + n) for n in range(68)]
