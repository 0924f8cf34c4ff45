"""The link meter: bytes a second, and what a stall cost, on a real pipe."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import pytest

from tui.terminal import link as links
from tui.terminal import meter
from tui.terminal.link import FRAMES_BYTES, Link


def wait(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_rate_is_told_in_whole_kilobytes_and_a_stall_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 50.0
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    os.set_blocking(reading, False)
    link = Link(writing, unicode=True, on_recovered=lambda: None)
    measured = meter.LinkMeter(lambda: now)
    assert measured.words(link) == "<1K/s"
    frame = "x" * 8192
    link.send(frame)
    wait(lambda: link.sent_bytes == len(frame))
    assert measured.words(link) == "<1K/s"  # not before the time is up
    now += meter.SECONDS
    assert measured.words(link) == measured.words(link) == "4K/s"
    now += meter.SECONDS
    assert measured.words(link) == "<1K/s"
    assert measured.missed(link) == 0
    for _ in range(2 * (FRAMES_BYTES + 65_536) // len(frame)):
        link.send(frame)
    assert link.stalled
    assert measured.missed(link) == 0  # not before it is over
    while link.stalled:
        try:
            os.read(reading, 65_536)
        except BlockingIOError:
            time.sleep(0.01)
    assert link.skipped_frames and measured.missed(link) == 0  # it was too short to notice
    link.send(frame)
    monkeypatch.setattr(links, "LEAST_STALL_SECONDS", 0.0)
    before = link.skipped_frames
    for _ in range(2 * (FRAMES_BYTES + 65_536) // len(frame)):
        link.send(frame)
    while link.stalled:
        try:
            os.read(reading, 65_536)
        except BlockingIOError:
            time.sleep(0.01)
    assert measured.missed(link) == link.skipped_frames - before > 0
    assert measured.missed(link) == 0
    assert meter.LinkMeter().words(None) == ""
    assert link.finish(2.0)
    os.close(reading)
    os.close(writing)
