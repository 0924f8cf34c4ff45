"""What holds for every screen: any size, every key, nothing raw, and everything comes back."""

from __future__ import annotations

import asyncio
import gc
import json
from pathlib import Path

import pytest

from tests.freezing import freeze
from tests.tui.test_budget import drawn
from tests.tui.viewing import Viewer, look, wishes
from tui.keys import actions
from tui.screens.moving import LETTERS, labels
from tui.screens.table import SCREEN_CLASSES

SIZES = [(20, 5), (40, 10), (80, 24), (160, 48)]
LEAVES = {"app.detach", "app.quit", "app.interrupt"}
TYPES = {"find.filter", "profiles.new"}


@pytest.mark.parametrize("size", SIZES)
def test_every_screen_opens_at_every_size_and_offers_what_it_can_do(
    found: Path, size: tuple[int, int]
) -> None:
    async def run(viewer: Viewer) -> None:
        app = viewer.app
        for number, name in enumerate(SCREEN_CLASSES, 1):
            await viewer.go(str(number), name)
            await viewer.sees("? keys")
            for action in actions.actions_here(name):
                assert not action.when or callable(getattr(viewer.current_screen, action.when))
            offered = actions.footer_items(
                name, app.keymap, 999, hidden=viewer.current_screen.hidden()
            )
            assert all(app.handler(item.action) for item in offered)
            missing = {a.id for a in actions.ACTIONS if name in a.scopes and not app.handler(a.id)}
            assert not missing

    look(wishes(found), run, size)


def test_the_footer_is_shown_at_every_height_and_with_every_size_of_panes(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        for height in (11, 12, 13, 15, 16, 18):
            await viewer.resize(48, height)
            for number, name in enumerate(SCREEN_CLASSES, 1):
                await viewer.go(str(number), name)
                for change in ("pane.larger", "pane.smaller", "pane.smaller", "pane.larger"):
                    viewer.app.act(change)
                    await viewer.pilot.pause()
                    keys = viewer.current_screen.query_one("#keys").region
                    assert keys.bottom == height, (name, height, change)

    look(wishes(found), run, (48, 12))


def test_every_action_of_every_screen_can_be_done_without_harm(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        for name in SCREEN_CLASSES:
            viewer.app.go(name)
            await viewer.until(lambda name=name: viewer.current_screen.scope == name)  # type: ignore[misc]
            for action in actions.actions_here(name):
                if action.id in LEAVES or action.id.startswith("screen.") or action.writes:
                    continue
                viewer.app.act(action.id)
                await asyncio.sleep(0.01)
                if action.id in TYPES or viewer.current_screen.jumping:
                    await viewer.press("escape")
                while not viewer.current_screen.is_shown:
                    await viewer.press("escape")
            await viewer.sees("? keys")

    look(wishes(found), run, (48, 12), obeys=True)


@pytest.mark.parametrize("started_for_the_app", [True, False])
def test_garbage_is_collected_and_held_only_where_the_process_is_the_app_s(
    found: Path, started_for_the_app: bool
) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.sees("? keys")
        await viewer.until(gc.isenabled)

    gc.unfreeze()  # what `tests.freezing` had frozen
    if started_for_the_app:
        gc.disable()  # as `tui.entry` does
    try:
        look(wishes(found), run)
        assert (gc.get_freeze_count() > 0) == started_for_the_app
    finally:
        gc.enable()
        freeze()


def test_the_menu_offers_only_what_can_be_done_now_and_does_it(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.go("4", "compare")
        await viewer.press("question_mark")
        assert "Filter the list" not in viewer.screen
        assert "Jump to" not in viewer.screen
        await viewer.press("escape")
        await viewer.go("8", "log")
        await viewer.press("question_mark")
        await viewer.type("lowest level")
        await viewer.press("enter")
        await viewer.sees("WARNING and above")

    look(wishes(found), run)


def test_the_palette_goes_to_the_screen_an_action_belongs_to(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.go("8", "log")
        await viewer.press("colon")
        await viewer.type("add files")
        await viewer.press("enter")
        await viewer.sees("Add files or folders")

    look(wishes(found), run)


def test_jump_labels_lead_to_rows(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.go("2", "results")
        await viewer.until(lambda: viewer.table.row_count > 3)
        await viewer.press("j", "j", "j")
        before = [row for row in viewer.terminal.rows if "  flash  " in row]
        await viewer.press("f")
        rows = [row for row in viewer.terminal.rows if "flash" in row and "clips" in row]
        assert [row.split()[0] for row in rows] == list(LETTERS[: len(rows)])
        await viewer.press(LETTERS[3])
        assert viewer.table.cursor_index == 3
        await viewer.press("f")
        await viewer.press("escape")
        assert viewer.table.cursor_index == 3
        assert [row for row in viewer.terminal.rows if "  flash  " in row] == before

    look(wishes(found), run)


def test_labels_are_short_and_none_begins_another() -> None:
    for count in (0, 1, 25, 26, 45, 300):
        made = labels(count)
        assert len(set(made)) == count
        assert not any(a != b and b.startswith(a) for a in made for b in made)


def test_what_was_open_comes_back(found: Path) -> None:
    async def leave(viewer: Viewer) -> None:
        await viewer.go("2", "results")
        await viewer.until(lambda: viewer.table.row_count > 3)
        await viewer.press("r", "slash")
        await viewer.type("kind:flash")
        await viewer.press("enter")
        await viewer.sees("Candidates 5", "filter: kind:flash", "of 5")
        await viewer.press("g", "j", "j")
        seen.append(viewer.row())
        await viewer.press("d")
        await viewer.until(lambda: not viewer.app.is_running)

    async def return_(viewer: Viewer) -> None:
        await viewer.sees("filter: kind:flash", "Candidates", " 3 of")
        assert viewer.row() == seen[0]

    seen: list[str] = []
    look(wishes(found), leave)
    look(wishes(found), return_)


def test_it_comes_back_even_if_the_link_just_dropped(
    found: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.app.KEEP_SECONDS", 0.1)

    async def dropped(viewer: Viewer) -> None:
        await viewer.go("8", "log")
        await viewer.press("l")
        await viewer.until(lambda: '"WARNING"' in (tmp_path / "app.json").read_text())

    async def return_(viewer: Viewer) -> None:
        await viewer.sees("WARNING and above")

    (tmp_path / "app.json").write_text("{}")
    for each in (dropped, return_):
        look(wishes(found, state_folder=tmp_path), each)


@pytest.mark.parametrize(
    "kept",
    ["", "[]", "{", '{"screen": ["a"], "results.what": 7, "theme": {}, "results.index": "x"}',
     '{"screen": "gone", "theme": "gone", "profile": "gone", "results.key": "9.9", '
     '"results.scan": 99, "log.level": "LOUD", "queue.index": -5, "queue.key": "x"}'],
)  # fmt: skip
def test_anything_may_stand_in_what_was_kept(found: Path, kept: str) -> None:
    folder = found.parent / "odd.state"
    folder.mkdir(exist_ok=True)
    (folder / "app.json").write_text(kept)

    async def run(viewer: Viewer) -> None:
        await viewer.sees("done")
        await viewer.go("2", "results")
        await viewer.press("escape")
        await viewer.sees("Events", "newest scan", " 1 of")
        await viewer.go("8", "log")

    look(wishes(found, state_folder=folder), run)


def test_theme_and_profile_are_those_chosen_last(found: Path, tmp_path: Path) -> None:
    (tmp_path / "app.json").write_text(json.dumps({"theme": "contrast", "profile": "storm"}))

    async def run(viewer: Viewer) -> None:
        assert viewer.app.theme == "contrast"
        await viewer.press("a")
        await viewer.sees("profile storm")
        await viewer.press("escape")

    look(wishes(found, state_folder=tmp_path), run)


def test_who_only_reads_is_offered_nothing_that_changes(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.sees("read only", "done")
        assert " a add" not in viewer.screen
        await viewer.press("a")
        await viewer.sees("connected with --readonly")
        await viewer.press("question_mark")
        assert "Cancel" not in viewer.screen
        await viewer.press("escape", "q")
        await viewer.until(lambda: not viewer.app.is_running)

    look(wishes(found, readonly=True), run)


@pytest.mark.parametrize("size", [(80, 24), (160, 48)])
def test_ascii_is_ascii_everywhere(found: Path, size: tuple[int, int]) -> None:
    async def run(viewer: Viewer) -> None:
        for number, name in enumerate(SCREEN_CLASSES, 1):
            await viewer.go(str(number), name)
            await viewer.press("question_mark")
            assert viewer.screen.isascii(), viewer.screen
            await viewer.press("escape")
            await viewer.pilot.pause()
            assert viewer.screen.isascii(), viewer.screen

    look(wishes(found, ascii=True), run, size)


def test_without_colour_no_colour_is_sent(found: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    async def run(viewer: Viewer) -> None:
        for number, name in enumerate(SCREEN_CLASSES, 1):
            await viewer.go(str(number), name)
            sent = {code for line in viewer.terminal.styles for style in line for code in style}
            assert not [code for code in sent if code.startswith(("38;", "48;"))]
        await viewer.go("1", "queue")
        await viewer.until(lambda: "done" in viewer.row())  # it stands out without any colour

    look(wishes(found), run, (160, 48))


def test_a_list_takes_more_room_and_gives_it_back(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.sees("done", "nothing running")
        before = viewer.screen
        heights = []
        for key in ("plus", "plus", "underscore", "underscore", "underscore", "plus"):
            await viewer.press(key)
            heights.append(viewer.table.size.height)
        assert heights[0] > heights[3] > heights[4]
        assert viewer.screen == before
        await viewer.press("z")
        assert viewer.table.size.height == max(heights)
        await viewer.press("escape")
        await viewer.until(lambda: viewer.screen == before)

    look(wishes(found), run)


def test_a_storm_of_resizes_ends_in_a_whole_screen(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.go("2", "results")
        await viewer.until(lambda: viewer.table.row_count > 3 and "0/5" in viewer.line("keys"))
        await viewer.until(lambda: "0/5" in viewer.screen)
        await drawn(viewer)  # the panes are filled
        whole = viewer.screen
        for step in range(30):
            await viewer.resize(20 + step * 5, 5 + step)
        await viewer.resize(80, 24)
        await viewer.until(lambda: viewer.screen == whole)

    look(wishes(found), run)


@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+s", "ctrl+backslash", "f1"])
def test_keys_of_textual_s_own_do_nothing_behind_our_back(found: Path, key: str) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.sees("done")
        before = viewer.screen
        await viewer.press(key)
        await viewer.press("a", key)
        await viewer.sees("Add files or folders")
        await viewer.press("escape")
        await viewer.until(lambda: viewer.screen == before)
        assert viewer.app.is_running

    look(wishes(found), run)
