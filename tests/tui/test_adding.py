"""Adding files: what enter takes, and paths as they are pasted."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from textual import events

from tests.tui.viewing import Viewer, look, wishes
from tui.screens.add import Chosen
from tui.views import shell_words

NAMES = ("a b.mp4", "it's.mp4", 'say "x".mp4', "back\\slash.mp4", "$HOME.mp4", "$(id).mp4",
         "`id`.mp4", "a'b c\"d.mp4", "é ü.mp4", "100%20.mp4", "#1;&.mp4", "two\nlines.mp4",
         "tab\there.mp4", " begins.mp4", "star*.mp4")  # fmt: skip


@pytest.fixture
def footage(at_home: Path) -> Path:
    """A folder with files of names that shells escape."""
    folder = at_home / "here" / "foo tage"
    folder.mkdir()
    for name in NAMES:
        (folder / name).touch()
    return folder


def _quoted(path: str) -> list[str]:
    """Return a path as file managers and terminals write it."""
    by_bash = subprocess.run(
        ["bash", "-c", 'printf "%q\n%s" "$1" "${1@Q}"', "x", path],
        capture_output=True, text=True, check=True,
    ).stdout.split("\n", 1)  # fmt: skip
    return [*by_bash, path.replace(" ", "\\ ") if "\n" not in path and "'" not in path and
            '"' not in path and "\\" not in path else by_bash[0],
            Path(path).as_uri()]  # fmt: skip


def test_paths_are_understood_as_shells_and_file_managers_write_them(footage: Path) -> None:
    for name in NAMES:
        path = str(footage / name)
        for written in _quoted(path):
            assert shell_words.pasted(written) == (path,), written
            assert shell_words.pasted(f" {written} \r\n") == (path,), written
    for name in NAMES:
        if "\n" not in name:
            assert shell_words.pasted(str(footage / name)) == (str(footage / name),)


def test_several_lines_or_words_are_several_paths(footage: Path) -> None:
    one, other = (str(footage / name) for name in ("a b.mp4", "it's.mp4"))
    both = (one, other)
    urls = " ".join(Path(path).as_uri() for path in both)
    for text in ("\n".join(both), "\r\n".join(both) + "\r\n", urls, urls.replace(" ", "\n"),
                 " ".join(_quoted(path)[0] for path in both),
                 " ".join(_quoted(path)[1] for path in both)):  # fmt: skip
        assert shell_words.pasted(text) == both, text
    assert shell_words.pasted(f"{one}\n/not/there.mp4") == (one, "/not/there.mp4")
    assert shell_words.pasted("'/not/a b' /nor/b") == ("/not/a b", "/nor/b")
    assert shell_words.pasted("/not/a b") == ("/not/a b",)
    assert shell_words.pasted("~") == ("~",)
    assert shell_words.pasted("") == ()


def test_an_open_quote_or_escape_is_understood_while_it_is_typed(footage: Path) -> None:
    home = str(footage.parent)
    for written in (f"'{home}/foo tage/a", f'"{home}/foo tage/a', f"{home}/foo\\ tage/a"):
        assert shell_words.meant(written) == f"{home}/foo tage/a"
    for odd in ("'", '"', "\\", "$'", "$", "", " ", "\0", "$'\\U110000'", "$'\\ud800'"):
        shell_words.pasted(odd)
        assert isinstance(shell_words.meant(odd), str)
    assert shell_words.one_word("$'\\xff\\303\\251\\u00e9'") == "\udcffé\u00e9"


async def _chosen(viewer: Viewer, *keys: str, paste: str = "") -> tuple[str, ...]:
    """Return what Add gives when these keys are pressed after a paste."""
    got: list[Chosen | None] = []
    viewer.current_screen._added = got.append
    await viewer.press("a")
    await viewer.sees("Add files or folders")
    if paste:
        viewer.app.post_message(events.Paste(paste))
        await viewer.pilot.pause()
    await viewer.press(*keys)
    await viewer.until(lambda: got)
    return () if got[0] is None else got[0].paths


def test_enter_takes_what_the_cursor_stands_on(library: Path, footage: Path) -> None:
    here = str(footage.parent)
    (footage.parent / "one.mp4").touch()
    (footage.parent / "two.mp4").touch()

    async def run(viewer: Viewer) -> None:
        assert await _chosen(viewer, "down", "down", "enter") == (f"{here}/one.mp4",)
        assert await _chosen(viewer, "down", "enter") == (str(footage),)
        assert await _chosen(viewer, "enter") == (here,)
        assert await _chosen(viewer, "t", "down", "up", "enter") == (f"{here}/two.mp4",)
        await viewer.press("a")
        await viewer.sees("./ all of this folder", "enter: all of here")
        await viewer.press("down", "down")
        await viewer.sees("enter: one.mp4")
        await viewer.press("escape")

    look(wishes(library), run)


def test_a_paste_replaces_the_path_and_runs_nothing(library: Path, footage: Path) -> None:
    one, other = (str(footage / name) for name in ("a b.mp4", "$(id).mp4"))

    async def run(viewer: Viewer) -> None:
        for written in (one, *_quoted(one)):
            assert await _chosen(viewer, "enter", paste=written + "\n") == (one,)
        assert await _chosen(viewer, "enter", paste=_quoted(other)[0]) == (other,)
        assert await _chosen(viewer, "enter", paste=str(footage)) == (str(footage),)
        assert await _chosen(viewer, "enter", paste="foo tage/a b.mp4") == (one,)
        assert await _chosen(viewer, "enter", paste=f"{one}\n{other}\n/not/x\n") == (one, other)
        await viewer.press("a")
        viewer.app.post_message(events.Paste(f"{one}\n/not/x\n{other}\n"))
        await viewer.sees("2 marked, 1 missing", "does not exist: /not/x")
        await viewer.press("escape")

    look(wishes(library), run)


def test_a_path_that_does_not_exist_says_so_at_once_and_where_it_ends(
    library: Path, footage: Path
) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.press("a")
        viewer.app.post_message(events.Paste(f"{footage}/none/x.mp4"))
        await viewer.sees("does not exist:")
        assert await _still_open(viewer, "enter")
        await viewer.press("tab")
        await viewer.sees("./ all of this folder", "it's.mp4")
        assert viewer.app.screen.query_one("#path").value == f"{footage}{os.sep}"  # type: ignore[attr-defined]
        viewer.app.post_message(events.Paste("https://example.org/a.mp4"))
        await viewer.sees("https: URLs of other machines cannot be read")
        assert await _still_open(viewer, "enter")
        await viewer.press("escape")

    look(wishes(library), run)


async def _still_open(viewer: Viewer, key: str) -> bool:
    await viewer.press(key)
    return viewer.shows("Add files or folders")


def test_a_profile_is_tried_on_the_chosen_file(library: Path, at_home: Path, storm: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.go("7", "profiles")
        viewer.table.cursor_to_key("quick")
        await viewer.pilot.pause()
        await viewer.press("t")
        await viewer.sees("Add files or folders")
        viewer.app.post_message(events.Paste(str(storm)))
        await viewer.sees("enter: storm.mp4")
        await viewer.press("enter")
        await viewer.sees("read, nothing stored")
        viewer.app.act("profiles.scan")
        await viewer.sees("Add files or folders")
        viewer.app.post_message(events.Paste(str(storm)))
        await viewer.sees("enter: storm.mp4")
        await viewer.press("enter")
        await viewer.sees("clips/storm.mp4")
        await viewer.until(lambda: "done  1 of 1" in viewer.screen)

    look(wishes(library), run)
