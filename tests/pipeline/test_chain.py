"""A chain of threads: order, bounds, the first failure, cancel and pause."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from core.pipeline.channel import Cancelled, Control
from core.pipeline.runner import Chain, Step, StepFailed

Work = Callable[[Iterator[Any]], Iterator[Any]]


def mapped(function: Callable[[Any], Any]) -> Work:
    return lambda items: (function(item) for item in items)


def live_threads() -> list[str]:
    """Names of the threads a chain may have left; an engine's end is awaited by another one."""
    names = [thread.name for thread in threading.enumerate()]
    return [n for n in names if n.startswith("sightline-") and n != "sightline-engine-end"]


def all_ended() -> bool:
    deadline = time.monotonic() + 20
    while live_threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    return not live_threads()


def test_order_is_kept_and_what_is_held_back_comes_at_the_end() -> None:
    def pairs(items: Iterator[int]) -> Iterator[tuple[int, ...]]:
        held: list[int] = []
        for item in items:
            held.append(item)
            if len(held) == 2:
                yield tuple(held)
                held.clear()
        yield tuple(held)

    steps = [Step("double", mapped(lambda n: 2 * n)), Step("pairs", pairs)]
    chain = Chain(range(201), steps, Control())
    found = list(chain)
    assert found[0] == (0, 2) and found[-1] == (400,)
    assert [n for pair in found for n in pair] == list(range(0, 402, 2))
    assert [(r.name, r.batches) for r in chain.reports()] == [
        ("read", 201), ("double", 201), ("pairs", 101),
    ]  # fmt: skip
    assert not live_threads()


@pytest.mark.parametrize("capacity", [1, 2, 5])
def test_no_more_is_read_ahead_than_promised(capacity: int) -> None:
    made = 0

    def source() -> Iterator[int]:
        nonlocal made
        while made < 499:
            made += 1
            yield made

    steps = [Step(f"s{n}", mapped(lambda item: item)) for n in range(3)]
    worst = 0
    for taken, _ in enumerate(Chain(source(), steps, Control(), capacity), 1):
        if taken < 20:
            time.sleep(0.005)  # the slow end; everything before it fills up
            worst = max(worst, made - taken)
    assert made == 499
    assert worst <= (len(steps) + 1) * (capacity + 1)


def test_reports_say_who_is_slow() -> None:
    def slow(item: int) -> int:
        time.sleep(0.01)
        return item

    chain = Chain(range(20), [Step("slow", mapped(slow)), Step("quick", mapped(int))], Control())
    list(chain)
    read, slow_step, quick = chain.reports()
    assert slow_step.busy_seconds > 0.15
    assert read.waits_out_seconds > 0.1 and quick.waits_in_seconds > 0.1


def test_the_first_failure_ends_everything_and_names_its_step() -> None:
    def bad(item: int) -> int:
        if item == 7:
            raise ValueError("seven")
        return item

    got: list[int] = []
    chain = Chain(
        iter(int, 1),
        [Step("count", counted()), Step("bad", mapped(bad)), Step("last", mapped(int))], Control(),
    )  # fmt: skip
    with pytest.raises(StepFailed) as caught:
        got.extend(chain)
    assert caught.value.step == "bad"
    assert str(caught.value.__cause__) == "seven"
    assert got == list(range(len(got))) and len(got) <= 7
    assert not live_threads()


def counted() -> Work:
    return lambda items: (number for number, _ in enumerate(items))


def test_a_source_that_fails_is_named_too() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    with pytest.raises(StepFailed) as caught:
        list(Chain(source(), [Step("id", mapped(int))], Control()))
    assert caught.value.step == "read"


@pytest.mark.parametrize("paused", [False, True])
def test_cancel_wakes_every_wait_and_leaves_no_thread(paused: bool) -> None:
    control = Control()
    # Endless and unread beyond the first: every step waits to put when the cancel comes.
    chain = Chain(iter(int, 1), [Step("a", mapped(int)), Step("b", mapped(int))], control)
    results = iter(chain)
    next(results)
    if paused:
        control.pause()
    threading.Timer(0.1, control.cancel).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        for _ in results:
            if paused:
                control.checkpoint()
    assert time.monotonic() - began < 20
    assert all_ended()


def test_whoever_stops_reading_stops_the_rest() -> None:
    for item in Chain(iter(int, 1), [Step("a", mapped(int))], Control()):
        assert item == 0
        break
    assert all_ended()


def test_pause_holds_and_resume_goes_on() -> None:
    control = Control()
    seen: list[int] = []
    chain = Chain(range(1000), [Step("a", mapped(slowly))], control)
    reader = threading.Thread(target=lambda: seen.extend(chain))
    reader.start()
    time.sleep(0.05)
    control.pause()
    time.sleep(0.1)
    held = len(seen)
    time.sleep(0.2)
    assert len(seen) == held < 1000
    control.resume()
    reader.join(10)
    assert seen == list(range(1000))


def slowly(item: int) -> int:
    time.sleep(0.0005)
    return item
