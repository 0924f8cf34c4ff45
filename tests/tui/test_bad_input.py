"""Nothing from outside crashes the app or reaches the terminal raw; bad engines are told of."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from textual import events

from core.protocol.commands import CorrectFrame, SubmitScan
from core.protocol.queries import ListResults
from core.service.attach import attached
from core.service.discovery import discovery_file
from core.service.wire import PROTOCOL
from tests.tui.viewing import Viewer, end_engine, look, wishes
from tui.widgets.entry import shown

ESCAPES = "\x1b]52;c;aGk=\x07\x1b[2J\x9b31m"
HOSTILE = [
    f"{ESCAPES}.mp4", "x][red]bold[b].mp4", "\u202e4pm.exe.mp4", "zero\u200b\u2060width.mp4",
    "e\u0301\u0301\u0301\u0301\u0301.mp4", "new\nline\ttab.mp4", os.fsdecode(b"\xff\xfe.mp4"),
    f"{'long' * 60}.mp4", "\u65e5\u672c\u8a9e" * 20 + ".mp4",
]  # fmt: skip
CAPTION = f"{ESCAPES} [/x] \u202e {'word ' * 2000}"


@pytest.fixture(scope="module")
def bad_names(storm: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of clips whose names are hostile; one of them has the storm in it."""
    folder = (
        tmp_path_factory.mktemp("bad") / f"{ESCAPES}["
    )  # with the names below it: closing markup
    folder.mkdir()
    for name in HOSTILE:
        (folder / name).write_bytes(b"no video" * 9)
    shutil.copy(storm, folder / HOSTILE[0])
    return folder


async def prepared(library: Path, folder: Path) -> None:
    client = await attached(library)
    await client.send(SubmitScan((str(folder),), "storm"))
    while (await client.snapshot()).scans:
        await asyncio.sleep(0.05)
    for row in (await client.ask(ListResults(last=2))).rows:
        await client.send(CorrectFrame(row["content"], row["frame"], "caption", CAPTION))
    await client.close()


def test_hostile_names_and_captions_stay_on_their_side_of_the_screen(
    tmp_path: Path, bad_names: Path
) -> None:
    library = tmp_path / f"{ESCAPES}[" / "x]"

    async def run(viewer: Viewer) -> None:
        await viewer.until(lambda: viewer.table.row_count > 0)
        await viewer.press("enter")  # unfolds the scan
        await viewer.sees("FAILED", "done")
        for _ in HOSTILE:
            await viewer.press("j")
        await viewer.press("c", "escape")
        await viewer.press("enter")
        await viewer.until(
            lambda: viewer.current_screen.scope == "results" and viewer.table.row_count > 2
        )
        for _ in range(2):  # to the facts, where they are not in view
            if "2J\ufffd31m" not in viewer.screen:
                await viewer.press("right_square_bracket")
                await viewer.pilot.pause(0.5)
        await viewer.sees("2J\ufffd31m")
        await viewer.until(lambda: " 1 of" in viewer.screen)
        for keys in (("j", "k"), ("c", "escape"), ("E", "escape"), ("right_square_bracket",)):
            await viewer.press(*keys)
        await viewer.press("slash")
        viewer.app.post_message(events.Paste(f"{ESCAPES}\n[/x]\r\n\u202e"))
        await viewer.pilot.pause()
        await viewer.press("enter", "g")
        await viewer.sees("filter: ", " 1 of 2")
        await viewer.go("8", "log")
        await viewer.go("1", "queue")
        if len(viewer.terminal.cells[0]) > 150:  # there is space for the library's name
            assert viewer.terminal.rows[0].count("[/x]") == 1

    try:
        asyncio.run(prepared(library, bad_names))
        for size in ((80, 24), (160, 48)):
            look(wishes(library, state_folder=tmp_path / f"state-{size[0]}"), run, size)
    finally:
        end_engine(library)


def test_hostile_names_can_be_chosen_to_scan(found: Path, bad_names: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.press("a")
        await viewer.sees("Add files or folders")
        viewer.app.screen.query_one("#path").value = f"{bad_names}{os.sep}"  # type: ignore[attr-defined]
        await viewer.pilot.pause()
        for _ in HOSTILE:
            await viewer.press("down", "ctrl+t")
        await viewer.press("tab")
        viewer.app.screen.query_one("#path").value = ""  # type: ignore[attr-defined]
        viewer.app.post_message(events.Paste("/tmp/\0/\n"))
        await viewer.pilot.pause()
        await viewer.sees("no path contains such a character")
        await viewer.press("escape")

    look(wishes(found), run)


@pytest.mark.parametrize("text", [*HOSTILE, CAPTION, "", "\u0301a", "a\ufe0f"])
def test_what_is_typed_is_shown_letter_for_letter(text: str) -> None:
    assert len(shown(text)) == len(text)
    assert not set(shown(text)) & set("\x1b\x07\x9b\n\u202e\u200b")


def test_a_paste_of_many_lines_becomes_one(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.press("slash")
        viewer.app.post_message(events.Paste("done\nstorm\r\n"))
        await viewer.pilot.pause()
        await viewer.sees("done storm")
        await viewer.press("enter")
        await viewer.sees("filter: done storm")
        viewer.app.post_message(events.Paste("q\n"))
        await viewer.pilot.pause()
        assert viewer.app.is_running

    look(wishes(found), run)


def test_a_killed_engine_is_told_of_started_again_and_the_scan_goes_on(
    library: Path, long_storm: Path
) -> None:
    async def run(viewer: Viewer) -> None:
        settings = {"run.batch_size": 2}  # slow enough to be seen while it runs
        await viewer.app.submit(SubmitScan((str(long_storm),), "storm", settings))
        await viewer.until(lambda: " run " in viewer.row())
        pid = viewer.app.bridge.engine_pid
        os.kill(pid, signal.SIGKILL)
        await viewer.until(lambda: viewer.app.bridge.engine_pid not in (0, pid))
        await viewer.sees("stopped", "the engine was restarted")
        await viewer.sees_no("starting it again")
        await viewer.press("r")
        await viewer.sees("done  1 of 1")
        await viewer.until(lambda: viewer.screen == viewer.composed)

    look(wishes(library), run)


def test_an_engine_of_another_version_is_told_of_and_waited_for(library: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.sees("9.9", "sightline engine stop")
        assert viewer.app.bridge.state is None
        await viewer.press("a", "escape", "2")
        path = discovery_file(library)
        path.write_text(json.dumps(json.loads(path.read_text()) | {"protocol": PROTOCOL}))
        await viewer.until(lambda: viewer.app.bridge.connection == "attached")

    async def another() -> None:
        await (await attached(library)).close()
        path = discovery_file(library)
        body = json.loads(path.read_text())
        path.write_text(json.dumps(body | {"protocol": 99, "version": "9.9\x1b[2J"}))

    asyncio.run(another())
    look(wishes(library), run, attached=False)


@pytest.mark.parametrize("size", [(40, 10), (80, 24)])
def test_a_library_that_cannot_be_is_told_in_words(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "file").write_text("in the way")

    async def run(viewer: Viewer) -> None:
        await viewer.sees("Not a directory")
        await viewer.press("2")
        await viewer.sees("Not a directory")
        await viewer.press("q")
        await viewer.until(lambda: not viewer.app.is_running)

    kept = tmp_path / "state"
    look(wishes(tmp_path / "file" / "library", state_folder=kept), run, size, attached=False)


def test_a_library_that_is_none_is_told_in_the_engine_s_words(library: Path) -> None:
    library.mkdir()
    (library / "library.db").write_bytes(b"no database" * 1000)

    async def run(viewer: Viewer) -> None:
        await viewer.sees("cannot be read")
        await viewer.press("d")
        await viewer.until(lambda: not viewer.app.is_running)

    look(wishes(library), run, attached=False)
