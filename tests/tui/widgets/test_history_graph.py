"""A graph of the last minutes: fixed bounds, gaps, a cursor in time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from textual.pilot import Pilot

from tests.tui.widgets.terminal import LazyFrame, show
from tui.widgets.history import History, draw
from tui.widgets.history_graph import HistoryGraph
from tui.widgets.symbols import ASCII, UNICODE


def graph(
    values: Sequence[float | None], *, ascii_only: bool = False, base: str = "1m"
) -> HistoryGraph:
    """One sample a second from 1000 s on; 60 cells wide, so a cell is a second."""
    made = HistoryGraph(symbols=ASCII if ascii_only else UNICODE, base=base)
    made.extend((1000.0 + second, value) for second, value in enumerate(values))
    return made


def test_draws_between_fixed_bounds() -> None:
    assert draw([0, 25, 50, 75, 100, 99], 0, 100, 1, UNICODE) == ["⣀⣴⣿"]
    assert draw([97, 98, 99, 97], 0, 100, 1, UNICODE) == ["⣿⣿"]
    assert draw([0, 40, 60, 100, 300, -5], 0, 100, 2, ASCII) == ["  .## ", ".=###."]


def test_a_gap_is_empty_and_nought_is_not() -> None:
    assert draw([0, None, None, 0], 0, 100, 1, UNICODE) == ["⡀⢀"]
    assert draw([0, None, 0], 0, 100, 1, ASCII) == [". ."]


def test_newest_is_at_the_right_and_a_gap_shows() -> None:
    shown = graph([100.0] * 20 + [None] * 10 + [50.0] * 10, ascii_only=True)
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        high, low = " " * 20 + "#" * 20, " " * 20 + "#" * 20 + " " * 10 + "#" * 10
        assert app.terminal.rows[:2] == [high, low]

    show(app, look, (60, 5))


def test_a_sample_stands_for_three_seconds_and_no_longer() -> None:
    history = History()
    history.add(0.0, 10.0)
    history.add(10.0, 20.0)
    assert history.averages(0, 1.0, 12, hold=3.0) == [10] * 4 + [None] * 6 + [20] * 2


def test_columns_average_and_what_comes_twice_counts_once() -> None:
    history = History()
    for second in (0.0, 1.0, 2.0, 1.0, 2.0, 3.0):
        history.add(second, second * 10)
    history.add(4.0, float("nan"))
    assert history.averages(0, 2.0, 3, hold=0.0) == [5.0, 25.0, None]


@pytest.mark.parametrize("base, columns", [("1m", 60), ("5m", 12), ("15m", 4), ("1h", 1)])
def test_the_time_base_says_how_far_back_it_goes(base: str, columns: int) -> None:
    shown = graph([100.0] * 60, ascii_only=True)
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        shown.set_base(base)
        await pilot.pause()
        assert columns <= len(app.terminal.rows[0].strip()) <= columns + 1
        assert app.terminal.rows == app.composed

    show(app, look, (60, 5))


def test_columns_keep_their_height_while_they_move() -> None:
    values = [float(second * 37 % 101) for second in range(120)]
    shown = graph(values[:100])
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        before = [row.ljust(47) for row in app.terminal.rows[:2]]
        shown.extend((1000.0 + second, value) for second, value in enumerate(values))
        shown.show()
        await pilot.pause()
        after = [row.ljust(47) for row in app.terminal.rows[:2]]
        # Twenty seconds are 16 columns of 60/47 s; the newest column was not full yet.
        assert [row[1:30] for row in after] == [row[17:46] for row in before]

    show(app, look, (47, 5))


def test_sends_nothing_for_nothing_new_and_little_for_a_new_value() -> None:
    shown = graph([50.0] * 30, base="1h")
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        assert await app.sent_by(pilot, shown.show) == 0
        shown.add(1030.0, 50.0)
        assert await app.sent_by(pilot, shown.show) == 0
        for second in range(30):
            shown.add(1031.0 + second, 100.0)
        assert 0 < await app.sent_by(pilot, shown.show) < 2 * 60
        assert app.terminal.rows == app.composed

    show(app, look)


def test_samples_that_stop_coming_become_a_gap() -> None:
    shown = graph([100.0] * 60, ascii_only=True)
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        shown.show(1079.0)
        await pilot.pause()
        assert app.terminal.rows[0] == "#" * 43

    show(app, look, (60, 5))


def test_what_is_still_to_come_is_left_empty() -> None:
    app = LazyFrame(graph([100.0] * 60))

    async def look(pilot: Pilot[None]) -> None:
        assert app.terminal.rows[0] == "⣿" * 59 + "⡇"

    show(app, look, (60, 5))


def test_after_clearing_an_earlier_clock_may_start() -> None:
    shown = graph([100.0] * 60, ascii_only=True)
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        shown.clear()
        await pilot.pause()
        assert app.terminal.rows[0] == ""
        shown.add(5.0, 100.0)
        shown.show()
        await pilot.pause()
        assert app.terminal.rows[0] == " " * 59 + "#"

    show(app, look, (60, 5))


def test_the_time_cursor_points_at_a_column_and_says_when_it_was() -> None:
    shown = graph([float(second) for second in range(60)])
    other = graph([100.0] * 60)
    app = LazyFrame(shown, other)

    async def look(pilot: Pilot[None]) -> None:
        assert shown.cursor_by(-1) == 1059.5
        assert shown.cursor_by(-5) == 1054.5
        other.set_cursor(shown.cursor_seconds)
        await pilot.pause()
        assert [app.terminal.reversed_in(y) for y in range(4)] == [[54]] * 4
        assert shown.cursor_by(-500) == 1000.5
        assert shown.cursor_by(500) == 1059.5
        shown.set_cursor(None)
        await pilot.pause()
        assert app.terminal.reversed_rows() == [2, 3]  # the other still has its own
        assert app.terminal.rows == app.composed

    show(app, look, (60, 6))


@pytest.mark.parametrize("size", [(1, 1), (20, 5), (160, 48)])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_any_size_and_no_samples_at_all(size: tuple[int, int], ascii_only: bool) -> None:
    empty = graph([], ascii_only=ascii_only)
    full = graph([50.0, None, 70.0] * 30, ascii_only=ascii_only)
    app = LazyFrame(full, empty)

    async def look(pilot: Pilot[None]) -> None:
        assert empty.cursor_by(-1) is None
        await app.resize(pilot, size[0] + 3, size[1] + 1)
        assert app.terminal.rows == app.composed
        assert not ascii_only or all(row.isascii() for row in app.terminal.rows)

    show(app, look, size)
