"""The exam: storm clips of every condition, with flashes and without, and the clip of the demo."""

from __future__ import annotations

from fractions import Fraction
from itertools import cycle

from .scenery import BACKDROPS, Lightning, Scene

WEAK = Lightning("distant", 5, (8, 12), (0.05, 0.15))
MIDDLE = Lightning("distant", 4, (14, 30), (0.06, 0.2))
FAINT_SHEET = Lightning("sheet", 4, (10, 18), (0.2, 0.6))
SHEET = Lightning("sheet", 4, (25, 70), (0.4, 0.9))
STRONG = Lightning("sheet", 4, (80, 150), (0.8, 1.0))
BOLT = Lightning("bolt", 4, (20, 70), (0.2, 0.6))
THIN = Lightning("bolt", 4, (60, 110))
FLICKER = Lightning("sheet", 4, (25, 80), (0.3, 0.9), frames=(1, 2, 3), restrikes=2)
FLICKER_BOLT = Lightning("bolt", 3, (30, 70), (0.2, 0.5), frames=(1, 2), restrikes=3)
SINGLE = Lightning("sheet", 4, (15, 60), (0.3, 0.9), frames=(1,))
DAY = Lightning("sheet", 4, (12, 20), (0.15, 0.5))
DAY_BOLT = Lightning("bolt", 3, (12, 30), (0.1, 0.4))

# name, sky luma, noise sigma, distractors, lightning
EXAM: tuple[tuple[str, float, float, str, tuple[Lightning, ...]], ...] = (
    ("weak", 24, 1.5, "", (WEAK, MIDDLE)),
    ("weak-noisier", 20, 3, "tower", (WEAK, FAINT_SHEET)),
    ("strong", 26, 2, "", (STRONG, SHEET, BOLT)),
    ("thin-bolts", 28, 2, "", (THIN, THIN)),
    ("bolts-with-glow", 22, 2, "tower", (BOLT, BOLT)),
    ("restrikes", 24, 2, "", (FLICKER, FLICKER_BOLT)),
    ("single-frames", 30, 3, "aircraft", (SINGLE, SINGLE)),
    ("noise", 30, 6, "", (SHEET, BOLT, MIDDLE)),
    ("shake", 26, 2, "shake bump", (SHEET, BOLT, MIDDLE)),
    ("shake-weak", 24, 1.5, "shake", (WEAK, THIN)),
    ("pan", 32, 2, "pan", (SHEET, BOLT, MIDDLE)),
    ("headlights", 24, 2, "headlights-approach headlights-fast", (SHEET, BOLT, MIDDLE)),
    ("headlights-2", 24, 2, "headlights-cross headlights-on", (SHEET, FAINT_SHEET)),
    ("headlights-3", 26, 2, "headlights-sweep headlights-fast", (BOLT, MIDDLE)),
    ("exposure", 30, 2, "drift auto-exposure", (SHEET, BOLT, MIDDLE)),
    ("rain", 28, 2.5, "rain", (SHEET, THIN, MIDDLE)),
    ("fireworks", 22, 2, "fireworks", (SHEET, BOLT)),
    ("fades", 30, 2, "fade-black", (SHEET, BOLT)),
    ("dissolves", 30, 2, "dissolve window", (SHEET, BOLT)),
    ("cuts", 30, 2, "cuts", (SHEET, BOLT)),
    ("trees", 30, 2, "trees window", (SHEET, BOLT, FAINT_SHEET)),
    ("day", 150, 1.5, "", (DAY, DAY_BOLT)),
    ("day-trees", 160, 2, "trees shake", (DAY, DAY_BOLT)),
    ("quiet-noise", 30, 6, "tower aircraft", ()),
    ("quiet-shake", 28, 2, "shake bump pan", ()),
    ("quiet-lights", 24, 2, "headlights-approach headlights-on headlights-sweep window", ()),
    ("quiet-fast-cars", 24, 2, "headlights-fast headlights-cross rain", ()),
    ("quiet-fireworks", 22, 2, "fireworks tower", ()),
    ("quiet-cuts", 32, 2, "cuts fade-black", ()),
    ("quiet-dissolve", 30, 2, "dissolve drift auto-exposure", ()),
    ("quiet-day", 155, 2, "trees pan", ()),
)


def scenes(seed: int = 0) -> tuple[Scene, ...]:
    """The exam: every condition with flashes, and the tempting ones without any."""
    rates = cycle((Fraction(30000, 1001), Fraction(25), Fraction(30), Fraction(24000, 1001)))
    sizes = cycle(((320, 180), (320, 180), (426, 240), (320, 180), (320, 180)))
    made = []
    for number, (name, sky, noise, distractors, lightning) in enumerate(EXAM):
        width, height = next(sizes)
        made.append(Scene(
            name, seed * 1000 + number, 11.6, next(rates), width, height, BACKDROPS[number % 3],
            sky, noise, tuple(distractors.split()), lightning,
        ))  # fmt: skip
    return tuple(made)


def demo_scene() -> Scene:
    """Twelve seconds over a city at night: six strokes, one of them faint, rain and a car."""
    lightning = (
        Lightning("bolt", 2, (45, 70), (0.4, 0.6), frames=(4, 6)),
        Lightning("bolt", 1, (90, 110), frames=(2,)),
        Lightning("sheet", 1, (60, 70), (0.7, 0.9), frames=(1,)),
        Lightning("sheet", 1, (40, 50), (0.4, 0.6), frames=(1, 2), restrikes=2),
        Lightning("distant", 1, (9, 12), (0.08, 0.12), frames=(5,)),
    )
    return Scene(
        "demo", 3, 12.0, Fraction(25), 640, 360, "city", 26.0, 1.5,
        ("rain", "headlights-cross", "tower"), lightning,
    )  # fmt: skip
