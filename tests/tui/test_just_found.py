"""The newest finds: provisional ones come and go, and results stay when their source has ended."""

from __future__ import annotations

from dataclasses import replace

from core.protocol.messages import EventFound
from core.protocol.state import EngineState, ProvisionalEvent, ScanState, TaskState
from tui.views.just_found import MOST, JustFound

PATH = "/footage/storm.mp4"


def running(*seconds: float) -> EngineState:
    events = tuple(ProvisionalEvent("flash", each, 0.9) for each in seconds)
    task = replace(TaskState(1, PATH, 10, 100, 25.0), provisional_events=events)
    scan = ScanState(1, "storm", "running", 1, 0, 0, 0, (task,))
    return EngineState(1, "/library", scans=(scan,))


def result(seconds: float) -> EventFound:
    frame = round(25 * seconds)
    return EventFound(1, 1, PATH, "flash", frame, frame, seconds, seconds, seconds, 0.9, frame)


def test_results_stay_although_the_state_still_shows_their_source_as_running() -> None:
    finds = JustFound()
    state = running(*range(40))
    finds.update(state, [])
    assert len(finds.shown) == MOST and all(find.provisional for find in finds.shown)
    messages = [(number, result(float(number))) for number in range(60)]
    finds.update(state, messages)  # the messages arrive before the state that knows of the end
    finds.update(state, messages)
    finds.update(EngineState(2, "/library"), messages)
    assert [find.seconds for find in finds.shown] == [float(n) for n in range(59, 59 - MOST, -1)]
    assert not any(find.provisional for find in finds.shown)


def test_more_provisional_finds_do_not_push_results_of_others_out() -> None:
    finds = JustFound()
    other = [(number, replace(result(float(number)), number=2)) for number in range(3)]
    finds.update(running(*range(40)), other)
    finds.update(EngineState(2, "/library"), other)
    assert [find.number for find in finds.shown] == [2, 2, 2]
