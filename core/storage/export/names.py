"""Names of exported files: readable, allowed on every file system, and never the same twice.

Windows forbids some characters and the names of its devices, and takes `A` for `a`; macOS takes a
letter and its accent for the letter with the accent; most file systems, NFS included, count 255
bytes. Sources: Microsoft, "Naming Files, Paths, and Namespaces"; Unicode Standard Annex 15.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ...records import SourceKind

STEM_BYTES = 160
"""so that the longest ending, that of a clip of many events, fits into 255"""
SUBTITLE_BYTES = 250
_FORBIDDEN = re.compile('[<>:"/\\\\|?*\x00-\x1f\x7f]')
_PORTS = [f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"]
_DEVICES = frozenset(("con", "prn", "aux", "nul", "conin$", "conout$", *_PORTS))
# What joins and shapes letters is part of a name, as in emoji and in Persian.
_JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_ENDINGS = (".statistics", ".legacy", ".coco", ".arrays", ".vectors", ".masks", ".yolo")
"""a stem that ended so could, with an ending, be another one's file"""
_OF_THE_SCAN = ("summary", "scan")


@dataclass(frozen=True, slots=True)
class Stems:
    """What the files of a source begin with: `b.mp4`, and `b` for subtitles of a video.

    Players load subtitles by themselves when they are called as the video is, but for the ending.
    """

    plain: str
    subtitle: str


def stems(sources: Sequence[tuple[str, SourceKind]]) -> dict[str, Stems]:
    """Return the stems of all sources (path, kind) of a scan, by path.

    They depend on the set of sources only, not on their order. Where two would get the same name
    on any file system the later path (by its bytes) is numbered: `a.mp4~2`. Where two videos would
    get the same subtitles, as `a.mp4` and `a.mkv`, both get them under their whole names.
    """
    ordered = sorted(dict(sources).items(), key=lambda source: os.fsencode(source[0]))
    plain = _numbered([path for path, _ in ordered])
    if all(kind != "video" for _, kind in ordered):  # then there are no subtitles
        return {path: Stems(name, name) for path, name in plain.items()}
    wanted = {
        path: _short(path) if kind == "video" else plain[path] for path, kind in ordered
    }  # fmt: skip
    takers = Counter(fold(name) for name in wanted.values())
    owners = {fold(name): path for path, name in plain.items()}
    found = {}
    for path, name in wanted.items():
        key = fold(name)
        alone = takers[key] == 1 and owners.get(key, path) == path
        found[path] = Stems(plain[path], name if alone else plain[path])
    return found


def fold(name: str) -> str:
    """Return what two names share that some file system takes for the same."""
    if name.isascii():  # as most of 300,000 names are
        return name.casefold()
    composed = unicodedata.normalize("NFC", name)
    return unicodedata.normalize("NFC", composed.casefold())


def safe(name: str, limit: int = STEM_BYTES) -> str:
    """Return a file's name as a stem: at most `limit` bytes of UTF-8, letters of any script kept.

    What is forbidden anywhere becomes `_`; a cut name ends in 8 digits of its hash.
    """
    kept = _FORBIDDEN.sub("_", name)
    kept = (kept if kept.isascii() else "".join(map(_allowed, kept))).lstrip(". ")
    kept = kept or "source"
    if fold(kept.split(".", 1)[0].rstrip()) in _DEVICES:
        kept = f"_{kept}"
    return _cut(kept, name, limit)


def _numbered(paths: Sequence[str]) -> dict[str, str]:
    taken = set(_OF_THE_SCAN)
    counts: Counter[str] = Counter()
    found = {}
    for path in paths:
        stem = base = _whole(path)
        folded = key = fold(stem)
        while folded in taken:
            counts[key] += 1
            stem = f"{base}~{counts[key] + 1}"
            folded = fold(stem)
        taken.add(folded)
        found[path] = stem
    return found


def _whole(path: str) -> str:
    stem = safe(os.path.basename(path)).rstrip(". ") or "source"
    return f"{stem}_" if fold(stem).endswith(_ENDINGS) else stem


def _short(path: str) -> str:
    stem = os.path.splitext(os.path.basename(path))[0]
    return safe(stem, SUBTITLE_BYTES)


def _allowed(char: str) -> str:
    unsafe = unicodedata.category(char) in _UNSAFE_CATEGORIES and char not in _JOINERS
    return "_" if unsafe else char


def _cut(kept: str, name: str, limit: int) -> str:
    if len(kept.encode("utf-8")) <= limit:
        return kept
    stem, ending = os.path.splitext(kept)
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    rest = f"~{digest}{ending if len(ending) <= 8 else ''}"
    space = limit - len(rest.encode("utf-8"))
    return stem.encode("utf-8")[:space].decode("utf-8", "ignore") + rest
