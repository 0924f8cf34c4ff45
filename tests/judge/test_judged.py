"""Precision by judgements, its interval, and the suggested cut-off."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.judge.judged import by_kind
from core.protocol.precision import wilson
from core.screening.flash_score import sensitivity_at, threshold_at
from tests.workbench import InProcess


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [
        # R. G. Newcombe, Statistics in Medicine 17, 1998, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        # by hand: (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)
        (56, 61, 0.8221, 0.9645),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_wilson_gives_the_interval_of_a_share(
    right: int, total: int, low: float, high: float
) -> None:
    found = wilson(right, total)
    assert [round(each, 4) for each in found] == [low, high]


def test_counts_and_cut_off_by_kind() -> None:
    said = [("flash", 0.62, "right"), ("flash", 0.9, "right"), ("flash", 0.6199, "wrong"),
            ("flash", 0.61, "wrong"), ("flash", 0.8, "wrong"), ("flash", 0.3, "unsure"),
            ("cut", 0.5, "right")]  # fmt: skip
    rejected = [("flash", 0.2, "right"), ("flash", 0.1, "wrong"), ("motion", 0.1, "right")]
    everything, kinds = by_kind({"flash": 8, "cut": 1}, said, rejected, lambda _kind, cut: cut / 2)
    assert (everything.events, everything.right, everything.wrong) == (9, 3, 3)
    assert (everything.unsure, everything.unjudged, everything.missed) == (1, 2, 2)
    assert everything.cut_off is None
    cut, flash, motion = kinds
    assert (cut.kind, cut.precision, cut.cut_off) == ("cut", 1.0, None)
    assert (motion.kind, motion.events, motion.missed, motion.precision) == ("motion", 0, 1, None)
    assert flash.precision == pytest.approx(2 / 5) and flash.missed == 1
    assert flash.cut_off is not None
    # 0.6199 is below 0.62, the least score of what is right; 0.8 cannot be dropped.
    assert (flash.cut_off.score, flash.cut_off.dropped_wrong) == (0.62, 2)
    assert (flash.cut_off.kept_right, flash.cut_off.right, flash.cut_off.wrong) == (2, 2, 3)
    assert flash.cut_off.sensitivity == pytest.approx(0.31)


@pytest.mark.parametrize("score", [n / 100 for n in range(1, 100)])
def test_a_cut_off_in_steps_of_a_hundredth_never_drops_what_is_right(score: float) -> None:
    """Also where a float lies a little below its hundredth."""
    _, (flash,) = by_kind({"flash": 2}, [("flash", score, "right"), ("flash", 0.0, "wrong")], [],
                          lambda _kind, _cut: None)  # fmt: skip
    assert flash.cut_off is not None and flash.cut_off.score == score


def test_a_sensitivity_is_that_of_its_threshold() -> None:
    for sensitivity in (0.0, 0.1, 0.37, 0.5, 0.9, 1.0):
        assert sensitivity_at(threshold_at(sensitivity)) == pytest.approx(sensitivity)
    assert [sensitivity_at(each) for each in (0.0, 0.03, 0.97, 1.0, 1.5)] == [None] * 5


def test_a_scan_is_scored_by_its_judgements(inside: InProcess, own_storm: Path) -> None:
    assert inside("scan", own_storm, "--profile", "storm").code == 0
    (none,) = inside("score", "1", "--truth", "judgements", "--json").json()
    assert (none["events"], none["unjudged"], none["precision"]) == (5, 5, None)
    lines = "".join(
        f"{own_storm},{at},{said}\n"
        for at, said in ((1.36, "right"), (2.84, "right"), (3.48, "right"), (4.8, "unsure"),
                         (7.08, "wrong"))
    )  # fmt: skip
    assert inside("judge", "--from", "-", stdin=lines.encode()).code == 0
    (body,) = inside("score", "1", "--truth", "judgements", "--json").json()
    (flash,) = body["kinds"]
    assert (flash["right"], flash["wrong"], flash["unsure"], flash["unjudged"]) == (3, 1, 1, 0)
    assert body["precision"] == 0.75 and 0.30 < body["low"] < 0.31 and 0.95 < body["high"] < 0.96
    rows = inside("results", "1", "--json").json()
    scores = {row["frame"]: row["score"] for row in rows}
    cut = int(min(scores[frame] for frame in (34, 71, 87)) * 100) / 100
    assert flash["cut_off"]["score"] == cut and flash["cut_off"]["kept_right"] == 3
    assert flash["cut_off"]["dropped_wrong"] == int(scores[177] < cut)
    out = inside("score", "1", "--truth", "judgements").out
    assert "flash: 3 right, 1 wrong, 1 unsure, 0 not judged" in out
    assert "precision 0.75 (0.30 to 0.95)" in out and f"cut-off {cut:.2f} keeps 3 of 3" in out
    (other,) = inside("score", "1", "--truth", "judgements", "--events", "cut", "--json").json()
    assert (other["events"], other["kinds"]) == (0, [])
    # A file of that name is meant with ./, and another is scored as ever.
    truth = inside.home / "judgements"
    truth.write_text(json.dumps({"events": [{"start_s": 1.3, "end_s": 1.4}]}))
    (score,) = inside("score", "1", "--truth", "./judgements", "--json").json()
    assert score["type"] == "Score" and score["recall"] == 1.0


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("1", "--truth", "judgements", "--kinds", "bolt"), "--kinds is about truth files"),
        (("1", "--truth", "judgements", "--stroke-tolerance", "1"), "--stroke-tolerance is about"),
        (("99", "--truth", "judgements"), "no scan 99"),
        (("1", "--truth", "judgments"), "does not exist"),
    ],
)
def test_a_wrong_call_says_so(scanned: InProcess, args: tuple[str, ...], words: str) -> None:
    ran = scanned("score", *args)
    assert ran.code == 2 and words in ran.err, ran.err
