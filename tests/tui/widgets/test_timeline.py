"""The time line of a video: marks, axis, place, and how little it sends."""

from __future__ import annotations

from textual.pilot import Pilot

from tests.tui.widgets.terminal import LazyFrame, show
from tui.widgets.symbols import ASCII, UNICODE, Symbols
from tui.widgets.timeline import Mark, Timeline, marks, small

LENGTH = 2530.0
EVENTS = (Mark(134.6), Mark(460.0, score=0.3), Mark(1868.7, score=0.9), Mark(20.0, "motion", 0.97))
REJECTED = (Mark(134.6), Mark(300.0), Mark(1500.0, count=2), Mark(1501.0))


def text(symbols: Symbols, width: int = 40) -> str:
    return "".join(each.text for each in marks(LENGTH, EVENTS, REJECTED, width, symbols))


def test_a_cell_shows_its_best_event_else_how_many_were_rejected() -> None:
    assert text(UNICODE) == "█·█·▃··▃···············█·····█··········"
    assert text(ASCII) == "!.!.-..!...............#.....!.........."
    assert len(text(UNICODE, 3)) == 3  # the length of a row is that asked for
    hours = marks(43_200.0, (Mark(43_300.0),), (Mark(-1.0), Mark(float("nan"))), 5, UNICODE)
    assert "".join(each.text for each in hours) == "▆···█"


def test_a_files_bar_is_its_time_line() -> None:
    bar = [small(10, 100.0, (Mark(12.0), Mark(55.0, "motion")), 0.4, signs)
           for signs in (UNICODE, ASCII)]  # fmt: skip
    assert ["".join(span.text for span in each) for each in bar] == ["━┃━━─│────", "=!==-!----"]
    assert [span.tone for span in bar[0]] == ["good", "flash", "good", "line", "motion", "line"]
    assert [span.text for span in small(4, 100.0, (), None, UNICODE)] == ["····"]
    assert "".join(each.text for each in small(4, 0.0, (Mark(1.0),), 0.5, UNICODE)) == "━━──"


def test_the_axis_has_times_that_do_not_touch_the_present_one() -> None:
    for symbols, sign in ((UNICODE, "▲"), (ASCII, "^")):
        line = Timeline(symbols=symbols)

        async def test(pilot: Pilot[None], line: Timeline = line, sign: str = sign) -> None:
            line.show(LENGTH, EVENTS, REJECTED, 1868.7)
            await pilot.pause()
            axis = line.app.terminal.rows[1]  # type: ignore[attr-defined]
            assert axis.startswith("0:00:00   ") and f"{sign} 0:31:08" in axis
            assert axis.index(sign) == int(1868.7 / LENGTH * 116)
            assert "0:30:00" not in axis  # it would stand where the present time is
            line.move(LENGTH)  # no space to the right of it
            await pilot.pause()
            assert line.app.terminal.rows[1].endswith(f"0:42:10 {sign}")  # type: ignore[attr-defined]
            line.clear()
            await pilot.pause()
            assert line.app.terminal.rows[:2] == ["", ""]  # type: ignore[attr-defined]

        show(LazyFrame(line), test, (116, 4))


def test_a_short_video_shows_hundredths_and_one_row_shows_the_place_as_well() -> None:
    line = Timeline(symbols=UNICODE)
    line.styles.height = 1

    async def test(pilot: Pilot[None]) -> None:
        line.show(30.0, (Mark(2.1),), (), 2.1)
        await pilot.pause()
        terminal = line.app.terminal  # type: ignore[attr-defined]
        assert terminal.rows[0] == "··▲" + "·" * 37
        line.styles.height = 2
        await pilot.pause()
        assert "▲ 0:00:02.10" in terminal.rows[1] and "0:00:15" in terminal.rows[1]

    show(LazyFrame(line), test, (40, 4))


def test_what_a_change_sends() -> None:
    line = Timeline(symbols=UNICODE)
    app = LazyFrame(line)

    async def test(pilot: Pilot[None]) -> None:
        many = tuple(Mark(seconds, score=0.6) for seconds in range(9, 2500, 290))
        others = tuple(Mark(middle + 20.0 * n) for middle in (430, 1100, 1800) for n in range(14))
        whole = await app.sent_by(pilot, lambda: line.show(LENGTH, many, others, 1200.0))
        assert 0 < whole <= 0.9 * 1024 * 1.2
        more = (*many, Mark(1234.0, "motion"))
        assert (
            0
            < await app.sent_by(pilot, lambda: line.show(LENGTH, more, others, 1200.0))
            <= 102.4 * 1.2
        )
        assert 0 < await app.sent_by(pilot, lambda: line.move(1222.0)) <= 102.4 * 1.2
        assert await app.sent_by(pilot, lambda: line.move(1222.0)) == 0

    show(app, test, (116, 4))
