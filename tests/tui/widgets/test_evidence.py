"""What is shown beside a list of finds: ratios, curve and film strip, and how little they send."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image
from textual.pilot import Pilot

from tests.tui.widgets.terminal import LazyFrame, show
from tui.widgets.curve import Course, Curve
from tui.widgets.filmstrip import Filmstrip, StripFrame
from tui.widgets.ratio_bars import RatioBar, RatioBars
from tui.widgets.symbols import ASCII, UNICODE, Symbols

KIB = 1024
SLACK = 1.2
BARS = (
    RatioBar("simultaneity", 0.999, 0.60, 0.85), RatioBar("gain", 1.0, 0.60, 0.90),
    RatioBar("brevity", 0.569, 0.75, 0.95), RatioBar("attack", 0.974, 0.78, 0.95),
    RatioBar("return", 0.514, 0.35, 0.65), RatioBar("continuity", 0.664, 0.40, 0.70),
)  # fmt: skip
SECONDS = tuple(n / 30 for n in range(-30, 31))
VALUES = tuple(87.5 if n == 0 else 20.0 if n in (1, 10, 11) else 3.4 for n in range(-30, 31))
SCORES = tuple(0.99 if n == 0 else 0.7 if n == 10 else 0.0 for n in range(-30, 31))
COURSE = Course(SECONDS, VALUES, SCORES, 0.5)


def test_ratios_show_floor_and_enough_and_the_one_that_decided() -> None:
    bars = RatioBars(symbols=UNICODE)
    bars.styles.height = 8
    app = LazyFrame(bars)

    async def test(pilot: Pilot[None]) -> None:
        sent = await app.sent_by(pilot, lambda: bars.show(BARS, "brevity"))
        assert 0 < sent <= 1.2 * KIB * SLACK
        rows = app.terminal.rows
        assert rows[2] == "brevity      ━━━━━━━━━━━━━━────│────│─  0.57"
        assert rows[6].endswith("│ floor  │ enough")
        assert "1" in app.terminal.styles[2][0] and "1" not in app.terminal.styles[3][0]  # bold
        assert await app.sent_by(pilot, lambda: bars.show(BARS, "brevity")) == 0
        bars.styles.height = 4  # the four nearest to ruling it out
        await pilot.pause()
        shown = [row.split()[0] for row in app.terminal.rows[:4]]
        assert shown == ["brevity", "return", "continuity", "attack"]

    show(app, test, (44, 9))


def test_ratios_in_plain_signs() -> None:
    bars = RatioBars(symbols=ASCII)

    async def test(pilot: Pilot[None]) -> None:
        bars.show((RatioBar("gain\x1b[2J", 0.5, 0.25, 0.75), RatioBar("x", math.nan, 0.2, 0.6)))
        await pilot.pause()
        rows = bars.app.terminal.rows  # type: ignore[attr-defined]
        assert rows[0].endswith("     =====!=====----!-----  0.50") and "\x1b" not in rows[0]
        assert rows[1].endswith("nan")
        assert all(sign.isascii() or sign == "\ufffd" for row in rows for sign in row)

    show(LazyFrame(bars), test, (40, 5))


def test_the_curve_peaks_where_the_values_do_and_scores_stand_below() -> None:
    for symbols in (UNICODE, ASCII):
        curve = Curve(symbols=symbols)
        app = LazyFrame(curve)

        async def test(
            pilot: Pilot[None], curve: Curve = curve, app: LazyFrame = app,
            symbols: Symbols = symbols,
        ) -> None:  # fmt: skip
            sent = await app.sent_by(pilot, lambda: curve.show(COURSE))
            assert 0 < sent <= 1.5 * KIB * SLACK
            rows = app.terminal.rows
            middle = 7 + 30
            peak = next(x for x in range(7, 67) if rows[0][x : x + 1].strip())
            assert abs(peak - middle) <= 1
            assert rows[0].split()[0] == "87.5" and rows[2].split()[0] == "3.4"
            assert rows[3].startswith(" score ") and rows[3][middle] == symbols.heights[-1]
            assert rows[4][middle] == symbols.current and rows[4].endswith("+1.0 s")
            lit = [x for x in range(7, 67) if "38;2;255;224;102" in app.terminal.styles[3][x]]
            assert set(lit) >= {middle, middle + 10} and len(lit) <= 6
            assert 0 < await app.sent_by(pilot, lambda: curve.move(2 / 30)) <= 0.2 * KIB
            assert app.terminal.rows[4][middle + 2] == symbols.current

        show(app, test, (67, 5))


def test_a_curve_of_little_or_nothing() -> None:
    curve = Curve(symbols=UNICODE)

    async def test(pilot: Pilot[None]) -> None:
        for course in (
            Course((), ()), Course((0.0,), (None,)), Course((0.0,), (5.0,)),
            Course((-5.0, 5.0), (1.0, 1.0)), Course((0.0, 0.0, 0.1), (1.0, 2.0, None), (0.5,)),
            Course((-0.1, 0.0), (-3.0, math.inf)),
        ):  # fmt: skip
            curve.show(course, 0.5)
            await pilot.pause()
        curve.styles.height = 1
        curve.show(COURSE, -9.0)
        await pilot.pause()
        terminal = curve.app.terminal  # type: ignore[attr-defined]
        assert terminal.rows[0].startswith(" score")

    show(LazyFrame(curve), test, (30, 5))


def noise(place: tuple[int, int], seed: int) -> Image.Image:
    """Return a picture in which every cell differs from its neighbours."""
    width, height = place
    pixels = np.random.default_rng(seed).integers(0, 256, (height * 2, width * 2, 3), np.uint8)
    return Image.fromarray(pixels)


def test_a_strip_sends_only_the_frames_that_are_new() -> None:
    strip = Filmstrip(symbols=UNICODE)
    app = LazyFrame(strip)

    async def test(pilot: Pilot[None]) -> None:
        assert strip.count == 5
        place = strip.place
        assert (place.width, place.height) == (13, 4)
        pictures = [noise((13, 4), seed) for seed in range(7)]
        frames = [StripFrame(str(n - 2), picture) for n, picture in enumerate(pictures[:5])]

        async def sent(shown: list[StripFrame]) -> int:
            before = app.terminal.sent
            await strip.show(shown)
            await pilot.pause()
            return app.terminal.sent - before

        assert 5 * KIB < await sent(frames) <= 9.5 * KIB * SLACK
        assert await sent(frames) == 0
        assert "━ 0 ━" in app.terminal.rows[4] and "-2" in app.terminal.rows[4]
        frames[4] = StripFrame("2", pictures[5])
        assert 0 < await sent(frames) <= 1.9 * KIB * SLACK
        frames[0] = StripFrame("start")  # a video begins there
        assert 0 < await sent(frames) <= 1.9 * KIB * SLACK
        assert app.terminal.rows[0][:14].strip() == "" and "start" in app.terminal.rows[4]
        strip.say("no frames")
        await pilot.pause()
        assert app.terminal.rows[:5] == ["no frames", "", "", "", ""]

    show(app, test, (69, 6))


def test_a_strip_in_plain_signs() -> None:
    strip = Filmstrip(symbols=ASCII)
    app = LazyFrame(strip)

    async def test(pilot: Pilot[None]) -> None:
        frames = [StripFrame(str(n), noise((strip.place.width, 4), n)) for n in range(5)]
        await strip.show(frames)
        await pilot.pause()
        assert "= 2 =" in app.terminal.rows[4]
        assert app.terminal.rows[0].strip() and all(row.isascii() for row in app.terminal.rows)

    show(app, test, (60, 6))
