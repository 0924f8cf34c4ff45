"""What a walk through folders does not read, counted, so that a front can say so."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ..text import clean, counted

KINDS_SHOWN = 6
KINDS_KEPT = 30
"""endings counted each by itself in a record; the rest of them are one sum"""
OTHER = "other"
NO_ENDING = "none"

_CINEMA = "raw video of cinema cameras, which is not decoded"
_COPIES = "small copies that cameras keep beside their recordings"
_SPHERES = "360-degree recordings, whose views are not unfolded; name one to read it unchanged"
_DRAWINGS = "documents and drawings, not pixels"
REASONS: dict[str, str] = {
    # RED, Blackmagic, Canon Cinema RAW Light, Nikon N-RAW, ARRIRAW, Magic Lantern
    **dict.fromkeys((".r3d", ".braw", ".crm", ".nev", ".ari", ".arx", ".mlv"), _CINEMA),
    # GoPro (LRV, THM), DJI (LRF), Garmin (GLV)
    **dict.fromkeys((".lrv", ".thm", ".lrf", ".glv"), _COPIES),
    # Insta360 (INSV, INSP), GoPro MAX (360)
    **dict.fromkeys((".insv", ".insp", ".360"), _SPHERES),
    **dict.fromkeys((".svg", ".svgz", ".eps", ".ps", ".ai", ".pdf"), _DRAWINGS),
    ".jxl": "JPEG XL, which no decoder of sightline reads",
}
"""why files that one might expect to be read are not"""


@dataclass(frozen=True, slots=True)
class PassedOver:
    """What a walk left out: links, folders by name, files by ending, each with its count."""

    links: int = 0
    """links that lead out of the folders named"""
    folders: dict[str, int] = field(default_factory=dict)
    """folders in which NAS and desktop systems keep what is theirs"""
    kinds: dict[str, int] = field(default_factory=dict)
    """files of kinds that are not read, the most frequent ending first"""
    reasons: dict[str, str] = field(default_factory=dict)
    """why, for those endings that one might expect to be read"""

    def __bool__(self) -> bool:
        """Return whether anything was left out."""
        return bool(self.links or self.folders or self.kinds)

    def lines(self) -> list[str]:
        """Return what was left out in words, a line for each sort."""
        found = []
        if self.links:
            many = counted(self.links, "link leads", "links lead")
            found.append(f"{many} out of the folder, not followed; --follow-links follows them")
        if self.folders:
            total = sum(self.folders.values())
            found.append(
                f"{counted(total, 'folder')} of NAS or desktop systems: "
                f"{_listed(self.folders)}; name one to scan it"
            )
        if self.kinds:
            found.append(_kinds_line(self.kinds))
            found += [f"{ending}: {why}" for ending, why in self.reasons.items()]
        return found

    def words(self) -> str:
        """Return what was left out in one short line."""
        parts = (
            (self.links, "link out of the folder", "links out of the folder"),
            (sum(self.folders.values()), "system folder", "system folders"),
            (sum(self.kinds.values()), "file of another kind", "files of other kinds"),
        )
        shown = [counted(n, one, many) for n, one, many in parts if n]
        return f"left out: {', '.join(shown)}" if shown else ""


class Tally:
    """Counts what is passed over while folders are walked; every path counts once."""

    def __init__(self) -> None:
        self._links: set[str] = set()
        self._folders: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()

    def link(self, path: str) -> None:
        """Count a link."""
        self._links.add(path)

    def folder(self, name: str) -> None:
        """Count a folder of a NAS or desktop system."""
        self._folders[clean(name, limit=40)] += 1

    def kind(self, ending: str) -> None:
        """Count a file by its ending in lower case, dot included; empty for a name without one."""
        self._kinds[clean(ending, limit=12) or NO_ENDING] += 1

    def total(self) -> PassedOver:
        """Return what was counted."""
        return PassedOver(
            len(self._links),
            _most(self._folders),
            _most(self._kinds),
            {ending: REASONS[ending] for ending in sorted(self._kinds) if ending in REASONS},
        )


def _most(counts: Counter[str]) -> dict[str, int]:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    kept = dict(ranked[:KINDS_KEPT])
    rest = sum(count for _, count in ranked[KINDS_KEPT:])
    return kept | ({OTHER: rest} if rest else {})


def _kinds_line(kinds: dict[str, int]) -> str:
    total = sum(kinds.values())
    many = counted(total, "file of a kind that is", "files of kinds that are")
    return f"{many} not read: {_listed(kinds)}"


def _listed(counts: dict[str, int]) -> str:
    shown = list(counts.items())[:KINDS_SHOWN]
    rest = len(counts) - len(shown)
    words = [f"{name if name != NO_ENDING else 'no ending'} {count}" for name, count in shown]
    return ", ".join([*words, *([f"{rest} more"] if rest else [])])
