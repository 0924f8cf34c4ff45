"""How many videos are read at once, and with how many threads each."""

from __future__ import annotations

import pytest

from core.config.screening_settings import Run
from core.config.spec import Spec
from core.sources import pools
from core.sources.pools import MOST_VIDEOS, decode_threads, videos_at_once


def threads(cores: int, videos: int, monkeypatch: pytest.MonkeyPatch, run: Run) -> list[int]:
    """Return the threads of each of some videos, in the order in which they are begun."""
    monkeypatch.setattr(pools, "_cores", lambda: cores)
    return [decode_threads(Spec(run=run), waiting) for waiting in reversed(range(videos))]


def test_one_thread_each_while_others_wait_and_more_for_the_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for cores, expected in {
        1: [1, 1, 1, 1],
        2: [1, 1, 4, 4],
        4: [4, 4, 4, 6],
        8: [4, 4, 6, 10],
    }.items():
        assert threads(cores, 4, monkeypatch, Run()) == expected, cores
    assert threads(4, 9, monkeypatch, Run())[:5] == [1] * 5


def test_what_was_asked_for_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    assert threads(8, 3, monkeypatch, Run(decode_threads=5)) == [5, 5, 5]
    assert threads(8, 3, monkeypatch, Run(parallel=2)) == [6, 6, 6]
    assert threads(2, 3, monkeypatch, Run(parallel=2)) == [1, 1, 1]


def test_all_cores_are_used_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores, many in ((1, 1), (2, 2), (12, 12), (64, MOST_VIDEOS)):
        monkeypatch.setattr(pools, "_cores", lambda cores=cores: cores)
        assert videos_at_once(Spec()) == many
    assert videos_at_once(Spec(run=Run(parallel=3))) == 3
    assert threads(64, MOST_VIDEOS + 1, monkeypatch, Run())[0] == 64 // MOST_VIDEOS + 2
