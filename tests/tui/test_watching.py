"""Watching a folder from the app."""

from __future__ import annotations

import shutil
from pathlib import Path

from core.protocol.commands import WatchFolder
from tests.tui.viewing import Viewer, look, wishes
from tests.workbench import STROKES


def test_a_folder_is_watched_until_that_is_ended(library: Path, at_home: Path, storm: Path) -> None:
    inbox = at_home / "here" / "inbox"
    inbox.mkdir()

    async def run(viewer: Viewer) -> None:
        await viewer.press("w")
        await viewer.sees("Watch a folder", "inbox/", "enter watch")
        await viewer.press("down", "tab", "enter")
        await viewer.sees("watching inbox", "quick  0 scans")
        shutil.copy(storm, inbox / "new.mp4")
        await viewer.sees("inbox/new.mp4", "done", "quick  1 scan", seconds=30)
        await viewer.sees("job 1  watch  1 scan")
        await viewer.press("g")
        await viewer.sees(f"{STROKES} events")
        await viewer.press("W")
        await viewer.sees("Stop watching", "inbox  quick  1 scan")
        await viewer.press("enter")
        await viewer.sees("inbox is no longer watched", "nothing running; press a to add files")
        await viewer.press("W")
        await viewer.sees("only when a folder is watched")

    look(wishes(library), run, (120, 30))


def test_a_file_is_no_folder_to_watch(library: Path, at_home: Path, storm: Path) -> None:
    shutil.copy(storm, at_home / "here" / "storm.mp4")

    async def run(viewer: Viewer) -> None:
        await viewer.press("w")
        await viewer.sees("storm.mp4")
        await viewer.press("down", "tab", "enter")
        await viewer.sees("Watch a folder")
        await viewer.press("escape")
        await viewer.sees("press a to add files")

    look(wishes(library), run)


def test_the_command_opens_the_app_on_a_watched_folder(library: Path, at_home: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.sees("watching here")

    look(wishes(library, submit=WatchFolder(str(at_home / "here"), "storm")), run)
