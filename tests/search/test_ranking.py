"""Fusion of lists, the cut-off, moments, and the cache: each by itself."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from core.search import cache as cache_module
from core.search.cache import NAME, SearchCache
from core.search.cutoff import chance_tail, common_of, passing
from core.search.fusion import fused
from core.search.moments import FrameHit, half_height, merged


def test_fusion_adds_reciprocal_ranks_by_weight() -> None:
    lists = {"image": [("a", 0.9), ("b", 0.8)], "text": [("b", 5.0), ("c", 5.0)], "tag": []}
    found = {each.key: each for each in fused(lists)}
    assert found["b"].score == pytest.approx(1 / 62 + 1 / 61)
    assert found["c"].score == pytest.approx(1 / 61)  # of equal values, the same rank
    assert [each.key for each in fused(lists)] == ["b", "a", "c"]
    assert found["b"].ranks["text"].rank == 1
    assert fused({"object": [("a", 0.9), ("a", 0.2)]})[0].ranks["object"].value == 0.9


def test_one_list_keeps_its_order() -> None:
    items = [(n, 1.0 - n / 1000) for n in range(500)]
    assert [each.key for each in fused({"image": items})] == list(range(500))


def _unit(rows: np.ndarray) -> np.ndarray:
    found: np.ndarray = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return found


def test_benjamini_hochberg_by_hand() -> None:
    # 10 hypotheses at 5 %: limits 0.005, 0.01, 0.015, 0.02 ...
    values = np.array([0.001, 0.009, 0.016, 0.019, 0.2])
    assert passing(values, 10, 0.05) == 4  # the third alone is above its limit, the fourth not
    assert passing(values[:3], 10, 0.05) == 2
    assert passing(np.array([0.006]), 10, 0.05) == 0
    assert passing(np.zeros(0), 0, 0.05) == 0


def test_the_false_rate_holds_where_images_and_texts_lean_differently() -> None:
    """Two cones, hubs, and texts of unequal strength: no single threshold fits (see the notes)."""
    rng = np.random.default_rng(3)
    d, images, concepts = 512, 2000, 80
    lean_i, lean_t = _unit(rng.standard_normal((2, d)))
    words = _unit(rng.standard_normal((concepts, d)))
    shown = rng.integers(0, concepts // 2, images)  # the other half is in no image
    hubs = rng.gamma(2, 0.08, images)[:, None] * lean_t
    noise = rng.standard_normal((images, d)) / np.sqrt(d)
    vectors = _unit(lean_i + 0.55 * words[shown] + hubs + noise)

    def texts(of: np.ndarray) -> np.ndarray:
        strength = rng.uniform(0.35, 0.9, (len(of), 1))
        blur = 0.7 * rng.standard_normal((len(of), d)) / np.sqrt(d)
        return _unit(lean_t + strength * of + blur)

    background = texts(_unit(rng.standard_normal((1000, d))))
    tail = chance_tail(vectors, background)
    scores = (vectors @ background.T).astype(np.float64)
    middle = np.median(scores, axis=1)
    spread = 1.4826 * np.median(np.abs(scores - middle[:, None]), axis=1)
    queries = texts(words)
    plain = vectors @ queries.T
    standardised, weights = common_of(background).standardised(queries)
    asked = vectors @ standardised.T
    found = (asked - middle[:, None] * weights) / spread[:, None]
    passed = np.zeros_like(found, bool)
    for concept in range(concepts):
        chance = tail.probability(found[:, concept])
        order = np.argsort(chance)
        passed[order[: passing(chance[order], images, 0.05)], concept] = True
    truth = shown[:, None] == np.arange(concepts)[None]
    absent = passed[:, concepts // 2 :].any(axis=0)
    counts = passed[:, : concepts // 2].sum(axis=0)
    wrong = (passed & ~truth)[:, : concepts // 2].sum(axis=0) / np.maximum(counts, 1)
    assert absent.mean() <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / absent.size)
    assert wrong.mean() <= 0.05 + 2 * wrong.std() / np.sqrt(len(wrong))
    single = _recall_of_best_threshold(plain, truth)
    assert (passed & truth).sum() / truth.sum() >= 2 * single
    assert tail.absent < 0.2


def _recall_of_best_threshold(scores: np.ndarray, truth: np.ndarray) -> float:
    """Return the recall of the threshold with the best F1, chosen with the truth."""
    limits = np.linspace(scores.min(), scores.max(), 200)
    hits = [scores > limit for limit in limits]
    best = max(hits, key=lambda hit: 2 * (hit & truth).sum() / (hit.sum() + truth.sum()))
    return float((best & truth).sum() / truth.sum())


def test_chance_is_counted_from_the_tail() -> None:
    rng = np.random.default_rng(1)
    tail = chance_tail(_unit(rng.standard_normal((50, 64))), _unit(rng.standard_normal((200, 64))))
    assert tail.total == 50 * 100
    low, median, high = tail.probability(np.array([-99.0, 0.0, 99.0]))
    assert (low, high) == (1.0, 1 / 5001)
    assert 0.4 < median < 0.6


def hits(*frames: int) -> list[FrameHit]:
    return [FrameHit(frame, frame / 2, 1.0 / (frame + 1)) for frame in frames]


def test_neighbouring_hits_are_one_moment() -> None:
    indexed = [0, 15, 30, 45, 60, 75, 90]
    found = merged(hits(60, 0, 15, 90), indexed)
    assert [(m.start.frame, m.peak.frame, m.end.frame, m.hits) for m in found] == [
        (0, 0, 15, 2), (60, 60, 90, 2)
    ]  # one frame between two hits may be none  # fmt: skip
    assert merged([], indexed) == []
    assert len(merged(hits(0, 45), indexed)) == 2


def test_the_ends_are_where_half_of_the_height_is_left() -> None:
    assert half_height([0.1, 0.1, 0.2, 0.9, 1.0, 0.8, 0.1], 4) == (3, 5)
    assert half_height([1.0, 1.0, 0.0, 1.0], 0) == (0, 1)
    assert half_height([0.5], 0) == (0, 0)


def test_the_cache_keeps_forgets_and_survives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = SearchCache(tmp_path)
    assert cache.get("reply", "a") is None
    cache.put("reply", "a", b"1")
    cache.put("vector", "a", b"2")
    assert (cache.get("reply", "a"), cache.get("vector", "a")) == (b"1", b"2")
    monkeypatch.setitem(cache_module.MOST, "reply", 2)
    for key in "bcd":
        cache.put("reply", key, b"x")
    assert [cache.get("reply", key) for key in "abcd"] == [None, None, b"x", b"x"]
    cache.close()
    assert cache.get("reply", "d") is None  # after it is closed


def test_a_damaged_cache_is_made_anew_and_a_missing_folder_is_done_without(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"no database at all" * 500)
    cache = SearchCache(tmp_path)
    cache.put("reply", "a", b"1")
    assert cache.get("reply", "a") == b"1"
    cache.close()
    with sqlite3.connect(tmp_path / NAME) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    other = SearchCache(tmp_path)
    assert other.get("reply", "a") is None
    other.close()
    nowhere = SearchCache(tmp_path / "none")
    nowhere.put("reply", "a", b"1")
    assert nowhere.get("reply", "a") is None
