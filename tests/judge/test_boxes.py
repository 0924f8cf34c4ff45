"""How far two sets of boxes agree."""

from __future__ import annotations

import pytest

from core.judge.boxes import agreement, overlap
from core.records import Box


def box(label: str, x: float, y: float, width: float = 10, height: float = 10) -> Box:
    return Box(label, 0.9, x, y, width, height)


def test_overlap_is_intersection_over_union() -> None:
    assert overlap(box("a", 0, 0), box("b", 0, 0)) == 1
    assert overlap(box("a", 0, 0), box("a", 5, 0)) == pytest.approx(50 / 150)
    assert overlap(box("a", 0, 0), box("a", 10, 0)) == 0
    assert overlap(box("a", 0, 0, 0, 0), box("a", 0, 0, 0, 0)) == 0


def test_boxes_are_matched_one_to_one_by_label() -> None:
    first = [box("car", 0, 0), box("car", 100, 0), box("dog", 50, 50)]
    second = [box("car", 1, 0), box("car", 0, 1), box("cat", 50, 50), box("car", 100, 0)]
    found = agreement(first, second)
    assert found.matched == 2 and found.share == pytest.approx(4 / 7)
    assert [each.label for each in found.only_first] == ["dog"]
    assert {each.label for each in found.only_second} == {"car", "cat"}
    assert found.overlap == pytest.approx((1 + 90 / 110) / 2)
    assert agreement([], []).share == 1 and agreement(first, []).share == 0
