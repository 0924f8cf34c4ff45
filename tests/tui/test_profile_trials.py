"""The Profiles screen: what is missing, problems beside the field, trials, judgements kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.config.profiles import create, edit, user_folder
from core.protocol.requests.trials import JudgedAt, JudgedAtEach, KeptJudgements, Tried, TriedEvent
from tests.tui.viewing import Viewer, look, wishes
from tests.workbench import STROKES
from tui.screens.profiles import ProfilesScreen
from tui.views import profiles
from tui.widgets.frame import Frame
from tui.widgets.symbols import ASCII, UNICODE
from tui.widgets.text_pane import TextPane


@pytest.fixture(autouse=True)
def no_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)


async def to_profile(viewer: Viewer, name: str) -> ProfilesScreen:
    await viewer.go("7", "profiles")
    screen = viewer.current_screen
    assert isinstance(screen, ProfilesScreen)
    await viewer.press("g")
    while screen._profile != name:
        await viewer.press("j")
    return screen


async def says(viewer: Viewer, *texts: str) -> None:
    """Wait until all texts are in the pane beside the settings, however they are wrapped."""

    def words() -> str:
        pane = viewer.current_screen.query_one("#about-text", TextPane)
        title = viewer.current_screen.query_one("#about", Frame).text
        return " ".join(f"{title} {' '.join(s.text for s in pane._all(pane.size.width))}".split())

    for text in texts:
        await viewer.until(lambda text=text: text in words())  # type: ignore[misc]


async def to_setting(viewer: Viewer, text: str) -> None:
    await viewer.press("slash")
    await viewer.type(text)
    await viewer.press("enter", "tab")
    await viewer.until(lambda: viewer.table.row_count == 1)


def test_what_a_profile_lacks_is_said_before_it_is_chosen(found: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await to_profile(viewer, "storm")
        await viewer.sees("runs", "1 missing")
        await says(viewer, "everything it needs is on this machine")
        await to_profile(viewer, "storm-verified")
        await says(viewer, "cannot run here yet", "get it with: sightline models pull qwen3-vl-2b")
        await to_profile(viewer, "quick")
        await says(viewer, "in use")

    look(wishes(found), run, (120, 36))


def test_a_problem_is_beside_the_field_while_it_is_typed(own: Path) -> None:
    create("mine", "storm")
    edit("mine", {"flash.sensitivity": 0.4})

    async def run(viewer: Viewer) -> None:
        screen = await to_profile(viewer, "mine")
        await to_setting(viewer, "flash.sens")
        await viewer.sees("was 0.5", "●")
        await says(viewer, "0 finds only the most obvious flashes, 1 also the faintest; sets all")
        await viewer.press("e", "ctrl+u")
        await viewer.type("7")
        await says(viewer, "must be at most 1")
        await viewer.sees("must be")
        assert screen._trouble and screen._changes == {"flash.sensitivity": 7}
        await viewer.press("escape")
        await viewer.sees_no("must be")
        assert not screen._trouble and not screen._changes
        await viewer.press("e", "ctrl+u")
        await viewer.type("0.6")
        await viewer.sees("was 0.4")
        await viewer.press("ctrl+u")
        await viewer.type("0.4")
        await viewer.press("enter")
        assert not screen._changes, "the value as saved is no change"
        await viewer.press("e", "ctrl+u")
        await viewer.type("x")
        await viewer.press("enter", "w")
        await viewer.sees("not saved", "must be a number")
        assert not screen._valid()

    look(wishes(own), run, (120, 36))
    assert "sensitivity = 0.4" in (user_folder() / "mine.toml").read_text()


def test_changes_are_tried_on_a_known_video_at_once(own: Path) -> None:
    create("mine", "quick")

    async def run(viewer: Viewer) -> None:
        await viewer.go("2", "results")
        await viewer.until(lambda: viewer.table.row_count == STROKES)
        await viewer.press("y", "n")
        await viewer.sees("2 of 5")
        screen = await to_profile(viewer, "mine")
        await viewer.press("t")
        await says(viewer, "clips/storm.mp4", "from stored measurements", "the same events")
        await says(viewer, "quick", "1→1 of 1 right, 1→1 of 1 wrong")
        await to_setting(viewer, "flash.sens")
        await says(viewer, "your 2 judgements of flash", "at 0.90 1 right 1 wrong")
        screen._change("events.min_seconds", "30")
        await viewer.press("t")
        await says(
            viewer, "saved", "none added, 5 lost", "1→0 of 1 right, 1→0 of 1 wrong", "- 00:00:01"
        )
        screen._change("events.min_seconds", "0")
        screen._change("sampling.max_frames", "60")
        await viewer.press("t")
        await says(viewer, "read, nothing stored")
        screen._change("sampling.max_frames", "x")
        assert screen.trial_request("p").overrides == {}

    look(wishes(own), run, (120, 40))


def test_a_file_that_cannot_be_tried_says_why_and_without_one_it_is_asked_for(
    library: Path, tmp_path: Path
) -> None:
    async def run(viewer: Viewer) -> None:
        await to_profile(viewer, "storm")
        await viewer.press("t")
        await viewer.sees("Add files or folders")
        await viewer.press("escape")
        viewer.app.kept["profiles.file"] = str(tmp_path / "none.mp4")
        await viewer.press("t")
        await viewer.sees("not in this library")
        await viewer.press("j")
        await says(viewer, "try it on a file")

    look(wishes(library), run, (120, 36))


@pytest.mark.parametrize("size", [(80, 24), (60, 15)])
def test_what_a_profile_is_fits_small_screens(found: Path, size: tuple[int, int]) -> None:
    async def run(viewer: Viewer) -> None:
        await to_profile(viewer, "storm")
        await viewer.press("tab", "t")
        await viewer.until(lambda: viewer.current_screen._trial is not None)
        assert "Traceback" not in viewer.screen
        if size[1] == 24:
            await viewer.sees("HERE", "description")

    look(wishes(found, ascii=True), run, size)


def event(now: bool, at: float, *, is_new: bool = False) -> TriedEvent:
    return TriedEvent(now, "flash", at, at, at, 0.5, is_new, "right" if is_new else "")


def test_a_trial_in_words() -> None:
    events = (
        event(False, 0),
        event(False, 5, is_new=True),
        event(True, 0),
        event(True, 9.99, is_new=True),
    )
    found = Tried(
        "/a/b/c.mp4", 10.0, False, KeptJudgements(2, 1, 2, 1, 1, 0), "without verify", events
    )
    lines = [line if isinstance(line, str) else line[1] for line in
             profiles.trial_lines(found, ("saved", "now"), 0.21, 21, UNICODE)]  # fmt: skip
    assert lines == [
        "b/c.mp4", "from stored measurements, 0.2 s, without verify",
        "saved │────│────    2", "now   │────────│    2", "1 added, 1 lost",
        "judged here: 2→1 of 2 right, 1→0 of 1 wrong",
        "+ 00:00:09.990  flash  0.50  right", "- 00:00:05.000  flash  0.50  right",
    ]  # fmt: skip
    assert profiles.marks((), 0.0, 3, ASCII) == "---"
    assert profiles.judged_lines(JudgedAtEach(0, (JudgedAt(0.5, 0.5, 0, 0),)), "flash") == []


def test_a_long_trial_names_some_and_counts_the_rest() -> None:
    many = tuple(event(True, n, is_new=True) for n in range(20))
    found = Tried("c.mp4", 20.0, True, KeptJudgements(), "", many)
    lines = profiles.trial_lines(found, ("saved", "now"), 3.0, 40, ASCII)
    assert lines[-1] == ("dim", "and 12 more") and ("strong", "20 added, none lost") in lines
    assert json.dumps(lines).isascii()


def test_the_add_dialog_says_what_a_profile_lacks(own: Path) -> None:
    async def run(viewer: Viewer) -> None:
        await viewer.go("1", "queue")
        await viewer.press("a")
        await viewer.until(lambda: getattr(viewer.app.screen, "_faults", None))
        await viewer.press("ctrl+o")
        await viewer.sees("Profile", "lacks 1 model", "lacks 3 models")
        await viewer.type("storm-ver")
        await viewer.press("enter")
        await viewer.sees("profile storm-verified  lacks 1 model")

    look(wishes(own), run, (120, 36))
