"""The export dialog: which rows, formats, sizes, the path, and the same command in a shell."""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path

import pytest

from core.protocol.queries import ListResults
from core.protocol.requests.exports import ExportSize
from tests.tui.viewing import Viewer, look, wishes
from tests.workbench import STROKES, Cli
from tui.screens.export import ExportScreen
from tui.views.exporting import ExportChoice, shown_path
from tui.widgets.choices import ChoiceRows

FORMATS = (("json", "all of a source"), ("csv", "rows"), ("srt", "subtitles"))


async def opened(viewer: Viewer) -> None:
    await viewer.go("2", "results")
    await viewer.until(lambda: viewer.table.row_count == STROKES)


async def dialog(viewer: Viewer, *texts: str) -> None:
    await viewer.press("e")
    await viewer.sees("Same by", f"view {STROKES}", *texts)
    await viewer.until(lambda: isinstance(viewer.app.screen, ExportScreen))


async def choose(viewer: Viewer, name: str) -> None:
    """Go to an option and press space."""
    rows = viewer.app.screen.query_one(ChoiceRows)
    rows.focus()
    for group, (_, options) in enumerate(rows._groups):
        for place, option in enumerate(options):
            if option.name == name:
                rows._to(group, place)
    await viewer.press("space")


def command_of(viewer: Viewer) -> list[str]:
    screen = viewer.app.screen
    assert isinstance(screen, ExportScreen)
    return shlex.split(" ".join(screen._choice.command()))


def test_what_is_right_is_written_and_the_command_writes_the_same(own: Path) -> None:
    here = Path.cwd()
    (here / "scan-1-right.csv").write_text("mine")
    commands: list[list[str]] = []

    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        await viewer.press("y", "n", "y")
        await viewer.sees("3 of 5")
        await dialog(viewer, "right 2", "right and unjudged 4", "picked 0", "clips", "rejected")
        await choose(viewer, "right")
        await viewer.sees("new: scan-1-right-2.csv", "is:right", "2 rows")
        commands.append(command_of(viewer))
        await viewer.press("enter")
        await viewer.sees("2 rows written: scan-1-right-2.csv")
        await dialog(viewer)
        await choose(viewer, "picked")
        await viewer.sees("no row: picked")
        await viewer.press("enter")
        assert isinstance(viewer.app.screen, ExportScreen)
        await viewer.press("escape")

    look(wishes(own), run, (120, 36))
    assert (here / "scan-1-right.csv").read_text() == "mine"
    written = here / "scan-1-right-2.csv"
    rows = list(csv.DictReader(written.read_text().splitlines()))
    assert [row["judgement"] for row in rows] == ["right", "right"]
    first = written.read_bytes()
    written.unlink()
    library, *rest = commands[0][2:]
    assert Path(library) == own
    done = Cli(own.parent)(*rest)
    assert done.code == 0 and written.read_bytes() == first


def test_every_format_clips_and_pictures_of_what_is_in_view(own: Path) -> None:
    here = Path.cwd()

    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        await viewer.press("slash")
        await viewer.type("time<3")
        await viewer.press("enter")
        await viewer.until(lambda: 0 < viewer.table.row_count < STROKES)
        kept.append(viewer.table.row_count)
        await viewer.press("W")
        await viewer.sees(f"view {kept[0]}", f"pictures {kept[0]},", "kB")
        for name in ("csv table", "csv", "srt", "pictures", "jsonl table"):
            await choose(viewer, name)
        await viewer.press("tab", "ctrl+u")
        await viewer.type(f"{here}/out file")
        await viewer.sees("new: out file.jsonl, out file/", "--format csv --format srt")
        assert "--out" in (words := command_of(viewer)) and f"{here}/out file" in words
        await viewer.press("enter")
        await viewer.sees("written in out file/")

    kept: list[int] = []
    look(wishes(own), run, (160, 48))
    rows = (here / "out file.jsonl").read_text().splitlines()
    assert len([json.loads(row) for row in rows]) == kept[0]
    (name,) = (here / "out file").glob("*.csv")
    assert len(name.read_text().splitlines()) == 1 + kept[0]
    assert len(list((here / "out file").glob("*.jpg"))) == kept[0]
    assert (here / "out file" / "storm.srt").exists()


@pytest.mark.parametrize("size", [(80, 24), (60, 15), (120, 36)])
def test_the_dialog_fits_and_says_why_nothing_can_be_written(
    found: Path, size: tuple[int, int]
) -> None:
    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        await viewer.press("e")
        await viewer.sees("csv table", "Export")
        await choose(viewer, "csv table")
        await viewer.until(lambda: "choose a format" in viewer.composed or size[1] < 20)
        await viewer.press("enter", "escape")
        await viewer.until(lambda: not isinstance(viewer.app.screen, ExportScreen))

    look(wishes(found, readonly=False, ascii=size == (80, 24)), run, size)


def test_a_viewer_that_only_reads_is_offered_no_export(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await opened(viewer)
        await viewer.press("e")
        await viewer.sees("changes are not allowed")

    look(wishes(found, readonly=True), run)


def choice(folder: Path, **more: object) -> ExportChoice:
    query = ListResults("events", 3, "cam 'x", "score", True, (("flash", 0.42),))
    return ExportChoice(query, FORMATS, folder, **more)  # type: ignore[arg-type]


def test_the_command_has_every_choice(tmp_path: Path) -> None:
    made = choice(tmp_path, library=Path("/a b/lib"))
    made.toggle("Which", "right and unjudged")
    made.toggle("With", "rejected")
    assert shlex.split(" ".join(made.command())) == [
        "sightline", "--library", "/a b/lib", "export", "3",
        "--filter", "cam 'x -is:wrong -is:unsure", "--cut-off", "flash=0.42",
        "--table", f"{tmp_path}/scan-3-right-and-unjudged.csv", "--what", "candidates",
        "--sort", "score", "--descending",
    ]  # fmt: skip
    made.toggle("As", "csv table")
    assert made.request() is None and made.trouble() == "choose a format, clips or pictures"
    made.toggle("As", "json")
    made.toggle("With", "clips")
    assert shlex.split(" ".join(made.command()))[5:] == [
        "--filter", "cam 'x -is:wrong -is:unsure", "--cut-off", "flash=0.42",
        "--format", "json", "--clips", "--out", f"{tmp_path}/scan-3-right-and-unjudged",
    ]  # fmt: skip
    request = made.request()
    assert request is not None and request.cut_offs == (("flash", 0.42),) and not request.pictures
    assert request.text == "cam 'x -is:wrong -is:unsure" and request.formats == ("json",)


def test_what_is_there_is_never_the_target(tmp_path: Path) -> None:
    made = choice(tmp_path)
    (tmp_path / "scan-3").mkdir()
    assert made.tables() == [("csv", tmp_path / "scan-3.csv")], "the folder is not written to"
    made.toggle("As", "json")
    assert made.target() == tmp_path / "scan-3-2"
    for typed in (f"{tmp_path}/", f"{tmp_path}/scan-3.csv"):
        made.type_path(typed)
        assert made.target() == tmp_path / "scan-3-2"
    made.type_path("/")
    assert made.target() == Path("/scan-3")
    made.type_path("")
    assert made.target() == tmp_path / "scan-3-2"
    made.type_path(f"{tmp_path}/none/x")
    assert made.trouble() == f"no folder {tmp_path}/none"


def test_sizes_and_paths_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = choice(tmp_path)
    made.size = ExportSize(5, 3, 1_200_000, 5, None)
    made.counts = {"view": 5, "rejected": 7}
    notes = {each.name: each.note for _, some in made.groups() for each in some}
    assert notes["clips"] == "3, 1.2 MB" and notes["pictures"] == "5" and notes["rejected"] == "7"
    monkeypatch.setenv("HOME", "/home/me")
    assert shown_path(Path("/home/me/my storms/a")) == "~/'my storms/a'"
    assert shown_path(Path("/home/meander")) == "/home/meander"
