"""Comparing answers: rates of the paired test, and the time that two scans of 1,000 items take.

Simulated items have a level of their own that both sides share, and noise on each side. Clustered
items also share a difference of their source, which is zero on average. The power is compared
with that of the paired t test, which knows that the noise is normal.
"""

from __future__ import annotations

import tempfile
import time
from math import sqrt
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import SIGHTLINE, run, table
from core.judge.paired import averaged, compared, t_quantile
from core.protocol.comparisons import LEVEL, PairedMetric
from core.storage.library import Library
from tests.answered import add_scan, said

TURNS = 1_000
LEVEL_SPREAD, NOISE, SOURCE_SPREAD, GAIN = 0.2, 0.1, 0.1, 0.05
ITEMS, WORDS = 1_000, 60
CASES = ((10, 10), (33, 33), (100, 100), (100, 20))
"""items and sources"""


def main() -> None:
    """Print the rates beside what they should be."""
    began = time.process_time()
    error = sqrt(LEVEL * (1 - LEVEL) / TURNS)
    wanted = f"{LEVEL - 2 * error:.3f} to {LEVEL + 2 * error:.3f}"
    rows = []
    for number, (items, sources) in enumerate(CASES):
        rate, covered = false_alarms(items, sources, TURNS, number)
        rows.append(
            (f"{items} items of {sources} sources", f"{rate:.3f}", wanted, f"{covered:.3f}")
        )
    table(("equal pairs", "called different", "wanted", "interval holds 0 (0.95)"), rows)
    ours, theirs = power(33, TURNS, 9)
    table(
        ("gain of 0.05, 33 items", "found", "by the t test", "ratio (>= 0.9)"),
        [(f"{TURNS} pairs", f"{ours:.3f}", f"{theirs:.3f}", f"{ours / theirs:.3f}")],
    )
    print(f"{TURNS} comparisons each, {time.process_time() - began:.0f} CPU s")
    table(
        (f"`diff` of two scans of {ITEMS} captions of {WORDS} words", "CPU s (<= 2)", "wall s"),
        [("a fifth of the words changed", *_diffed())],
    )


def _diffed() -> tuple[str, str]:
    """Return CPU and wall seconds of `sightline diff`, the median of three."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "library"
        _make_scans(library)
        runs = [run([*SIGHTLINE, "--library", str(library), "diff", "1", "2"]) for _ in range(3)]
    cpu, wall = (median(getattr(each, name) for each in runs)
                 for name in ("cpu_seconds", "wall_seconds"))  # fmt: skip
    return f"{cpu:.2f}", f"{wall:.2f}"


def _make_scans(folder: Path) -> None:
    draw = np.random.default_rng(0)
    library = Library(folder)
    texts = draw.integers(0, 800, (ITEMS, WORDS))
    for model in ("first", "second"):
        bodies = {f"/pictures/{n}.jpg": _body(draw, row) for n, row in enumerate(texts)}
        add_scan(library, model, {"caption": bodies})
        changed = draw.random(texts.shape) < 0.2
        texts = np.where(changed, draw.integers(0, 800, texts.shape), texts)
    library.close()


def _body(draw: np.random.Generator, words: NDArray[np.int64]) -> dict[str, object]:
    text = " ".join(f"word{each}" for each in words)
    seconds = float(1 + draw.random())
    return said(text, seconds=seconds, tokens_out=WORDS, tokens_per_second=WORDS / seconds)


def false_alarms(items: int, sources: int, turns: int, seed: int) -> tuple[float, float]:
    """Return the share of equal pairs called different, and that of intervals with 0 in them."""
    draw = np.random.default_rng(seed)
    found = [_compared(*_pair(draw, items, sources, 0.0), sources) for _ in range(turns)]
    held = [each.low <= 0 <= each.high for each in found
            if each.low is not None and each.high is not None]  # fmt: skip
    return sum(each.differs for each in found) / turns, sum(held) / turns


def power(items: int, turns: int, seed: int) -> tuple[float, float]:
    """Return the share of true gains that are found, by this test and by the paired t test."""
    draw = np.random.default_rng(seed)
    pairs = [_pair(draw, items, items, GAIN) for _ in range(turns)]
    ours = sum(_compared(*pair, items).differs for pair in pairs)
    return ours / turns, sum(_t_test(*pair) for pair in pairs) / turns


def _pair(
    draw: np.random.Generator, items: int, sources: int, gain: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    level = draw.normal(0, LEVEL_SPREAD, items)
    first, second = level + draw.normal(0, NOISE, (2, items))
    if sources < items:
        second = second + draw.normal(0, SOURCE_SPREAD, sources)[np.arange(items) % sources]
    return first, second + gain


def _compared(
    first: NDArray[np.float64], second: NDArray[np.float64], sources: int
) -> PairedMetric:
    clusters = (np.arange(len(first)) % sources).tolist()
    return compared([averaged("x", first.tolist(), second.tolist())], clusters)[0]


def _t_test(first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    gain, count = second - first, len(first)
    t = abs(gain.mean()) / (gain.std(ddof=1) / sqrt(count))
    return bool(t > t_quantile(1 - LEVEL / 2, count - 1))


if __name__ == "__main__":
    main()
