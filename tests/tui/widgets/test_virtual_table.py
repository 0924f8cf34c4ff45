"""A table of any length: what it shows, where its cursor stays, and how little it sends."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial

import pytest
from textual.events import MouseScrollDown
from textual.pilot import Pilot

from tests.tui.widgets.terminal import LazyFrame, show
from tui.look.roles import Role
from tui.widgets.columns import Column
from tui.widgets.line_bar import line_bar
from tui.widgets.rows import ListSource, Row, RowSource, Tinted
from tui.widgets.symbols import ASCII, UNICODE, Symbols
from tui.widgets.virtual_table import VirtualTable

COLUMNS = (
    Column("STATE", 7, priority=1),
    Column("FILE", minimum=10, cut="start"),
    Column("STAGE", 8, priority=3),
    Column("%", 3, align="right", priority=2),
)
HOSTILE = (
    "\x1b[2J\x1b]52;c;aGk=\x07gone",
    "[/x] [bold]markup[/bold]",
    "\u202egnp.exe\u200b\u200d",
    "e\u0301\u0301\u0301\u0301\u0301\u0301 accents",
    "\u0301accent first",
    "雷雲.mp4 山の上の二人",
    "⚡\ufe0f thunder",
    "x" * 10_000,
    "tab\there\nand\x9b31m",
)


def rows(count: int, start: int = 0) -> list[Row]:
    return [
        Row(f"k{n}", ("run", f"cam1/{n:04}.mp4", "qwen-vl", str(n % 100)))
        for n in range(start, start + count)
    ]


class Million:
    """A million rows that exist only when asked for; counts what it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def count(self) -> int:
        return 1_000_000

    def window(self, lo: int, hi: int) -> Sequence[Row | None]:
        self.asked += hi - lo
        return [Row(str(n), ("run", f"{n}.mp4", "", "")) for n in range(lo, hi)]

    def index_of(self, key: str) -> int | None:
        return int(key)


class Slow(ListSource):
    """Knows how many rows there are, and has none of them before they arrive."""

    arrived = False

    def window(self, lo: int, hi: int) -> Sequence[Row | None]:
        return super().window(lo, hi) if self.arrived else [None] * (hi - lo)

    def index_of(self, key: str) -> int | None:
        return super().index_of(key) if self.arrived else None


def table(
    source: RowSource, symbols: Symbols = UNICODE, *, follow_end: bool = False
) -> VirtualTable:
    return VirtualTable(COLUMNS, source, symbols=symbols, follow_end=follow_end, empty="no files")


def where(shown: VirtualTable) -> tuple[str | None, int]:
    return shown.cursor_key, shown.cursor_index


def files(app: LazyFrame) -> list[str]:
    """The file names on the terminal, with what stands before them."""
    return [f"{row[:2].strip()}{row[12:25].strip()}" for row in app.terminal.rows[1:] if row]


# What it shows


def test_shows_header_rows_and_cursor() -> None:
    app = LazyFrame(table(ListSource(rows(3))))

    async def look(pilot: Pilot[None]) -> None:
        assert app.terminal.rows[:5] == [
            "   STATE    FILE                                                   STAGE       %",
            "▌  run      cam1/0000.mp4                                          qwen-vl     0",
            "   run      cam1/0001.mp4                                          qwen-vl     1",
            "   run      cam1/0002.mp4                                          qwen-vl     2",
            "",
        ]
        assert app.terminal.reversed_rows() == [1]

    show(app, look)


def test_columns_go_by_priority_and_what_is_cut_keeps_its_end() -> None:
    app = LazyFrame(table(ListSource(rows(9))))

    async def look(pilot: Pilot[None]) -> None:
        assert app.terminal.rows == [
            "  STATE   FILE",
            "▌ run     …/0000.mp4",
            "  run     …/0001.mp4",
            "  run     …/0002.mp4",
            "  run     …/0003.mp4",
        ]

    show(app, look, (20, 5))


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (5, 3), (12, 4), (160, 48)])
def test_any_size_of_terminal_will_do(size: tuple[int, int]) -> None:
    app = LazyFrame(table(ListSource(rows(200))))

    async def look(pilot: Pilot[None]) -> None:
        app.query_one(VirtualTable).last()
        await pilot.pause()
        assert len(app.terminal.rows) == size[1]
        assert app.terminal.reversed_rows() == [size[1] - 1]

    show(app, look, size)


def test_ascii_terminals_get_ascii() -> None:
    source = ListSource([*rows(2), Row("long", ("FAILED", "x" * 300, "", ""), "bad")])
    shown = table(source, ASCII)
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        shown.set_sort("FILE", descending=True)
        shown.toggle_mark()
        await pilot.pause()
        assert all(row.isascii() for row in app.terminal.rows)
        assert "FILEv" in app.terminal.rows[0]
        assert app.terminal.rows[1].startswith(">* run")
        assert "  ..xxx" in app.terminal.rows[3]

    show(app, look)


@pytest.mark.parametrize("size", [(20, 5), (80, 24)])
def test_hostile_cells_neither_command_the_terminal_nor_move_columns(size: tuple[int, int]) -> None:
    source = ListSource([Row(text, (text, text, text, "42")) for text in HOSTILE])
    app = LazyFrame(table(source), table(ListSource(rows(1))))

    async def look(pilot: Pilot[None]) -> None:
        for _ in HOSTILE:
            app.query(VirtualTable).first().cursor_by(1)
            await pilot.pause()
            assert app.terminal.rows == app.composed
        if size[0] == 80:
            marked = [line for line in app.terminal.cells if "".join(line).rstrip().endswith(" 42")]
            assert len(marked) == len(HOSTILE)

    show(app, look, size)  # show() checks that nothing was sent but text, places and styles


def test_without_rows_it_says_why() -> None:
    shown = table(ListSource())
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        assert app.terminal.rows[1] == "  no files"
        shown.page(1)
        shown.toggle_mark()
        shown.activate()
        assert (*where(shown), shown.marks) == (None, -1, ())
        assert shown.mark_range() == 0

    show(app, look)


def test_no_color_keeps_the_cursor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = LazyFrame(table(ListSource(rows(3))))

    async def look(pilot: Pilot[None]) -> None:
        assert app.no_color
        assert app.terminal.reversed_rows() == [1]
        assert app.terminal.rows[1].startswith("▌  ")

    show(app, look)


def test_only_the_pane_in_use_has_a_reversed_row() -> None:
    first, second = table(ListSource(rows(2))), table(ListSource(rows(2)))
    app = LazyFrame(first, second)

    async def look(pilot: Pilot[None]) -> None:
        assert app.terminal.reversed_rows() == [1]
        second.focus()
        await pilot.pause()
        assert app.terminal.reversed_rows() == [13]
        assert app.terminal.rows[1].startswith("▌  ")

    show(app, look)


# Moving


def test_moves_by_row_page_and_to_the_ends() -> None:
    shown = table(ListSource(rows(100)))
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        seen = []
        moves: list[Callable[[], None]] = [
            lambda: shown.cursor_by(1), lambda: shown.page(1), lambda: shown.page(0.5), shown.last,
            lambda: shown.cursor_by(1), lambda: shown.page(-1), shown.first,
            lambda: shown.cursor_by(-1), lambda: shown.cursor_to(57),
        ]  # fmt: skip
        for move in moves:
            move()
            seen.append((shown.cursor_index, shown.in_view.start))
            assert shown.cursor_index in shown.in_view
        assert seen == [
            (1, 0), (24, 23), (35, 34), (99, 77), (99, 77), (76, 54), (0, 0), (0, 0), (57, 35),
        ]  # fmt: skip
        await pilot.pause()
        assert app.last(VirtualTable.CursorMoved).key == "k57"
        assert app.terminal.rows == app.composed

    show(app, look, (80, 24))


def test_the_mouse_moves_chooses_and_scrolls() -> None:
    shown = table(ListSource(rows(100)))
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        await pilot.click(shown, offset=(5, 4))
        assert shown.cursor_key == "k3"
        assert not [said for said in app.said if isinstance(said, VirtualTable.Activated)]
        await pilot.click(shown, offset=(5, 4))
        assert app.last(VirtualTable.Activated).key == "k3"
        await pilot._post_mouse_events([MouseScrollDown], shown, button=0)
        await pilot.pause()
        assert (shown.in_view.start, shown.cursor_key) == (3, "k3")
        await pilot.click(shown, offset=(5, 0))
        assert shown.cursor_key == "k3"

    show(app, look)


def test_activate_names_the_row() -> None:
    shown = table(ListSource(rows(5)))
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        assert shown.cursor_to_key("k2")
        assert not shown.cursor_to_key("nowhere")
        shown.activate()
        await pilot.pause()
        assert app.last(VirtualTable.Activated).key == "k2"

    show(app, look)


# Rows that move


def test_the_cursor_stays_on_its_row_when_rows_move() -> None:
    source = ListSource(rows(6))
    shown = table(source)
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        shown.cursor_to(2)
        source.show([*rows(2, 3), *rows(3), *rows(1, 5)])
        shown.source_changed()
        await pilot.pause()
        assert where(shown) == ("k2", 4)
        assert files(app)[4] == "▌cam1/0002.mp4"
        assert app.last(VirtualTable.CursorMoved).index == 4

    show(app, look)


def test_rows_coming_in_above_do_not_move_what_is_being_read() -> None:
    source = ListSource(rows(100, 100))
    shown = table(source)
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        shown.cursor_to(50)
        shown.cursor_by(-10)
        await pilot.pause()
        before = app.terminal.rows
        source.show(rows(110, 90))
        assert await app.sent_by(pilot, shown.source_changed) == 0
        assert app.terminal.rows == before
        assert shown.cursor_index == 50

    show(app, look)


def test_when_its_row_goes_the_cursor_takes_the_next() -> None:
    source = ListSource(rows(3))
    shown = table(source)
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        shown.cursor_to(1)
        source.show([row for row in rows(3) if row.key != "k1"])
        shown.source_changed()
        assert shown.cursor_key == "k2"
        source.show(rows(1))
        shown.source_changed()
        assert shown.cursor_key == "k0"
        source.show([])
        shown.source_changed()
        assert where(shown) == (None, -1)
        source.show(rows(4))
        shown.refresh_changed()
        await pilot.pause()
        assert where(shown) == ("k0", 0)
        assert app.terminal.rows == app.composed

    show(app, look)


def test_a_filter_keeps_the_cursor_on_its_row_if_it_can() -> None:
    shown = table(ListSource(rows(100)))
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        shown.cursor_to(40)
        shown.set_source(ListSource(rows(10, 35)))
        assert where(shown) == ("k40", 5)
        shown.set_source(ListSource(rows(10)))
        assert where(shown) == ("k0", 0)

    show(app, look)


def test_a_log_is_followed_from_its_last_row_only() -> None:
    source = ListSource(rows(50))
    shown = table(source, follow_end=True)
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        shown.last()
        source.show(rows(60))
        shown.source_changed()
        assert shown.cursor_key == "k59"
        shown.cursor_by(-1)
        source.show(rows(70))
        shown.source_changed()
        await pilot.pause()
        assert shown.cursor_key == "k58"
        assert app.terminal.rows == app.composed

    show(app, look)


def test_rows_not_loaded_are_drawn_so_and_have_no_key() -> None:
    source = Slow(rows(50))
    shown = table(source)
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        assert app.terminal.rows[1] == "▌  …"
        shown.cursor_to(3)
        shown.toggle_mark()
        shown.activate()
        assert (shown.cursor_key, shown.marks) == (None, ())
        source.arrived = True
        shown.source_changed()
        await pilot.pause()
        assert files(app)[3] == "▌cam1/0003.mp4"
        assert app.last(VirtualTable.CursorMoved).key == "k3"
        source.arrived = False  # as after a filter, before its pages are here
        shown.source_changed()
        assert shown.cursor_key is None
        source.arrived = True
        source.show(rows(50)[::-1])
        shown.source_changed()
        assert where(shown) == ("k3", 46)

    show(app, look)


def test_a_source_may_say_so_from_within_when_it_has_the_rows_at_once() -> None:
    class Eager(ListSource):
        def window(self, lo: int, hi: int) -> Sequence[Row | None]:
            if not self.announced:
                self.announced = True
                shown.source_changed()
            return super().window(lo, hi)

        announced = False

    shown = table(Eager(rows(3)))
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        assert files(app) == ["▌cam1/0000.mp4", "cam1/0001.mp4", "cam1/0002.mp4"]

    show(app, look)


# Marks


def test_marks_belong_to_rows_and_a_range_goes_from_the_last_one() -> None:
    source = ListSource(rows(30))
    shown = table(source)
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        shown.cursor_to(2)
        shown.toggle_mark()
        shown.cursor_to(5)
        assert shown.mark_range() == 0
        await pilot.pause()
        assert app.last(VirtualTable.Marked).keys == ("k2", "k3", "k4", "k5")
        source.show(rows(30)[::-1])
        shown.source_changed()
        shown.first()
        await pilot.pause()
        assert [name for name in app.terminal.rows if name[1:2] == "*"] == []
        shown.last()
        shown.cursor_to_key("k3")
        shown.toggle_mark()
        await pilot.pause()
        assert shown.marks == ("k2", "k4", "k5")
        assert [row[12:16] for row in app.terminal.rows if row[1:2] == "*"] == ["cam1"] * 3
        shown.set_marks()
        await pilot.pause()
        assert app.last(VirtualTable.Marked).keys == ()

    show(app, look)


def test_a_range_says_what_it_left_out() -> None:
    source = Million()
    shown = table(source)
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        shown.toggle_mark()
        shown.last()
        assert shown.mark_range() == 990_000
        assert len(shown.marks) == 10_001
        assert source.asked < 11_000

    show(app, look)


# How much it asks for and sends


def test_of_a_million_rows_only_those_in_view_are_asked_for() -> None:
    source = Million()
    shown = table(source)
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        opened = source.asked
        assert opened <= 3 * 24
        shown.last()
        shown.page(-1)
        shown.cursor_to(500_000)
        await pilot.pause()
        assert source.asked - opened <= 3 * 2 * 24
        assert app.terminal.rows[1].split()[:3] == ["▌", "run", "500000.mp4"]

    show(app, look)


def test_nothing_changed_sends_nothing_and_a_cell_sends_little_more_than_itself() -> None:
    source = ListSource(rows(20))
    shown = table(source)
    app = LazyFrame(shown)

    def later(row: Row, percent: str) -> Row:
        return Row(row.key, (*row.cells[:3], percent))

    async def look(pilot: Pilot[None]) -> None:
        assert await app.sent_by(pilot, shown.refresh_changed) == 0
        source.show(rows(20))
        assert await app.sent_by(pilot, shown.source_changed) == 0
        changed = rows(20)
        changed[7] = later(changed[7], "99")
        source.show(changed)
        assert 0 < await app.sent_by(pilot, shown.source_changed) < 60
        source.show([later(row, "55") if n < 8 else row for n, row in enumerate(changed)])
        assert 0 < await app.sent_by(pilot, shown.refresh_changed) < 8 * 60
        assert 0 < await app.sent_by(pilot, lambda: shown.cursor_by(1)) < 2 * 200
        assert await app.sent_by(pilot, lambda: shown.cursor_by(0)) == 0
        assert app.terminal.rows == app.composed

    show(app, look)


def test_a_count_that_grows_out_of_view_sends_nothing() -> None:
    source = ListSource(rows(100))
    shown = table(source)
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        source.show(rows(5000))
        assert await app.sent_by(pilot, shown.source_changed) == 0
        assert shown.row_count == 5000

    show(app, look)


@pytest.mark.parametrize("size", [(20, 5), (80, 24), (160, 48)])
def test_what_was_sent_piece_by_piece_is_what_the_screen_shows(size: tuple[int, int]) -> None:
    """Random changes and moves, with wide and combining signs, and a resize."""
    rng = random.Random(7)
    words = ["run", "雷雲.mp4", "e\u0301tude", "FAILED", "x" * 90, "", "…", "cam2/ü.mp4"]

    def some_rows() -> list[Row]:
        keys = rng.sample(range(60), rng.randrange(60))
        tones: tuple[Role, ...] = ("text", "dim", "warn", "bad", "good")
        return [
            Row(str(key), tuple(rng.choices(words, k=rng.randrange(5))), rng.choice(tones))
            for key in keys
        ]

    source = ListSource(some_rows())
    shown = table(source)
    app = LazyFrame(shown)

    async def look(pilot: Pilot[None]) -> None:
        for step in range(40):
            if step == 20:
                await app.resize(pilot, size[0] + 7, size[1] + 2)
            if rng.random() < 0.4:
                source.show(some_rows())
            rng.choice((
                shown.source_changed, shown.toggle_mark, shown.mark_range, shown.last,
                lambda: shown.page(rng.choice((-1, -0.5, 0.5, 1))),
                lambda: shown.cursor_by(rng.randrange(-3, 4)),
                lambda: shown.scroll_rows(rng.randrange(-5, 6)),
                lambda: shown.set_sort(rng.choice(("FILE", "%", "")), descending=True),
            ))()  # fmt: skip
            await pilot.pause()
            assert app.terminal.rows == app.composed, step
            assert (
                shown.cursor_key is None
                or shown.cursor_key
                == (source.window(shown.cursor_index, shown.cursor_index + 1)[0] or Row("", ())).key
            )

    show(app, look, size)


def test_cells_draw_themselves_and_headers_fill_the_line() -> None:
    source = ListSource([
        Row("f", ("cam-ne/2026-08-11_2140_of_a_long_name.mp4", "6/9"), "title", header=True),
        Row("a", (Tinted("flash", "flash"), partial(line_bar, 0.5, symbols=UNICODE)), "dim"),
        Row("b", ("cut", "plain")),
    ])  # fmt: skip
    table = VirtualTable((Column("KIND", 7), Column("BAR")), source, symbols=UNICODE)
    app = LazyFrame(table)

    async def test(pilot: Pilot[None]) -> None:
        table.set_header(False)
        await pilot.pause()
        rows = app.terminal.rows
        assert rows[0].startswith("▌ cam-ne/") and rows[0].endswith("name.mp4 6/9")
        assert "…" in rows[0] and len(rows[0]) == 39
        assert rows[1] == "  flash   " + "━" * 14 + "╸" + "─" * 14
        assert "38;2;255;224;102" in app.terminal.styles[1][2]  # flash
        table.cursor_by(1)
        await pilot.pause()
        assert app.terminal.reversed_rows() == [1]
        assert "38;2;43;54;71" not in app.terminal.styles[1][35]  # no "line" on the cursor row
        assert app.terminal.rows == app.composed

    show(app, test, (39, 6))
