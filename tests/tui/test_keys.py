"""The user's keys: taken as written, or refused in one line that says why."""

from __future__ import annotations

import tomllib

import pytest

from core.errors import ProfileError
from tui.keys.actions import PRESETS, defaults
from tui.keys.user_keys import keymap_from


def test_without_settings_the_defaults_hold() -> None:
    assert keymap_from({}) == defaults()


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_a_start_and_single_keys_win_over_it(preset: str) -> None:
    keymap = keymap_from({"preset": preset, "move.page_down": "Z"})
    assert keymap["move.page_down"] == ("Z",)
    changed = {k: v for k, v in PRESETS[preset].items() if k != "move.page_down"}
    assert {name: keymap[name] for name in changed} == changed


def test_one_key_several_or_none() -> None:
    table = tomllib.loads(
        '[keys]\n"queue.retry" = "R"\napp.detach = ["d", "F5"]\n'
        '"copy.menu" = ""\n"app.theme" = []\n'
    )["keys"]
    keymap = keymap_from(table)
    assert keymap["queue.retry"] == ("R",)
    assert keymap["app.detach"] == ("d", "f5")
    assert keymap["copy.menu"] == keymap["app.theme"] == ()


@pytest.mark.parametrize(
    "written, meant",
    [("Ctrl+T", "ctrl+t"), ("PageUp", "pgup"), ("shift+r", "R"), (" ", "space"), ("slash", "/"),
     ("+", "+"), ("ctrl+Left", "ctrl+left"), ("é", "é")],
)  # fmt: skip
def test_keys_are_understood_as_people_write_them(written: str, meant: str) -> None:
    table = {
        "move.page_up": [], "find.filter": [], "pane.larger": [], "mark.toggle": "m",
        "results.picture": [], "queue.add": written,
    }  # fmt: skip
    assert keymap_from(table)["queue.add"] == (meant,)


def test_swapping_two_keys_is_no_clash() -> None:
    keymap = keymap_from({"queue.pause": "x", "queue.cancel": "p"})
    assert keymap["queue.pause"] == ("x",)


@pytest.mark.parametrize(
    "table, line",
    [
        ({"queue.rety": "R"}, "there is no action 'queue.rety'; did you mean 'queue.retry'?"),
        ({"queue": {"rety": "R"}}, "there is no action 'queue.rety'; did you mean 'queue.retry'?"),
        ({"queue.retry": "x"}, "in Queue 'x' would do both queue.cancel (cancel; asks first "
                               "if it is running) and queue.retry; give one of them another key, "
                               "or none"),
        ({"app.theme": "t"}, "in Results 't' would do both results.tags (correct the tags) "
                             "and app.theme; give one of them another key, or none"),
        ({"queue.retry": "ctrl+a"}, "queue.retry cannot have 'ctrl+a': it is the prefix of screen"),
        ({"queue.retry": "Ctrl+H"},
         "queue.retry cannot have 'ctrl+h': a terminal sends it as backspace"),
        ({"queue.retry": "F11"},
         "queue.retry cannot have 'f11': desktop terminals fill the screen with it"),
        ({"queue.retry": "ctrl+1"},
         "queue.retry cannot have 'ctrl+1': not every terminal sends it"),
        ({"queue.retry": "alt+r"}, "queue.retry cannot have 'alt+r': not every terminal sends it"),
        ({"queue.retry": "hyper"}, "queue.retry cannot have 'hyper': unknown key"),
        ({"queue.retry": "a,b"}, "queue.retry cannot have 'a,b': unknown key"),
        ({"queue.retry": "\x1b[2J"}, "queue.retry cannot have '\ufffd[2j': unknown key"),
        ({"queue.cancel": "esc"}, "queue.cancel cannot have 'esc': it always means app.back "
                                  "(back: close the menu, filter, zoom or detail)"),
        ({"app.interrupt": ""}, "app.interrupt must keep 'ctrl+c'; it may have others besides"),
        ({"queue.retry": 7}, 'queue.retry must be a key, as "R", or a list of keys'),
        ({"queue.retry": ["R", None]}, 'queue.retry must be a key, as "R", or a list of keys'),
        ({"preset": "emacs"}, "preset must be one of default, vim, arrows, not 'emacs'"),
        ({"preset": ["vim"]}, "preset must be one of default, vim, arrows, not '['vim']'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(table: dict[str, object], line: str) -> None:
    with pytest.raises(ProfileError) as caught:
        keymap_from(table)
    assert str(caught.value) == f"[keys]: {line}"
