"""The registry: no key does two things, none is one that terminals fold, all is documented."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Container

import jsonschema
import pytest
from textual.app import App, ComposeResult
from textual.binding import BindingsMap
from textual.keys import _character_to_key
from textual.screen import Screen

from tui.keys.actions import (
    ACTIONS,
    BY_ID,
    CONDITIONS,
    EVERYWHERE,
    FIXED,
    GROUPS,
    PRESETS,
    SCREENS,
    Keymap,
    actions_here,
    bindings_for,
    clashes,
    defaults,
    footer_items,
)
from tui.keys.docs import keymap_schema, keys_table_markdown
from tui.keys.names import refusal, spelled, textual_name


@pytest.mark.parametrize("preset", PRESETS)
def test_no_key_does_two_things_and_none_is_refused(preset: str) -> None:
    keymap = {**defaults(), **PRESETS[preset]}
    assert clashes(keymap) == []
    keys = [key for keys in keymap.values() for key in keys]
    assert {key: refusal(key) for key in keys if refusal(key) or spelled(key) != key} == {}
    assert set(PRESETS[preset]) <= set(BY_ID)
    for key, action in FIXED.items():
        assert [name for name, keys in keymap.items() if key in keys] == [action]


def test_every_action_says_what_it_does_and_is_in_the_docs() -> None:
    assert len(BY_ID) == len(ACTIONS)
    table = keys_table_markdown()
    for action in ACTIONS:
        assert action.title and action.title[0].isupper() and not action.title.endswith(".")
        assert set(action.scopes) <= {EVERYWHERE, *SCREENS}
        assert action.group in GROUPS
        assert not action.when or action.when in CONDITIONS
        assert f"| {action.title} | `{action.id}` |" in table


def test_esc_only_goes_back_and_what_destroys_asks() -> None:
    assert FIXED["esc"] == "app.back" and not BY_ID["app.back"].writes
    for action in ACTIONS:
        if action.id.rpartition(".")[2] in ("remove", "delete", "revert"):
            assert "asks" in action.title


def test_screens_are_the_digits_in_order() -> None:
    titles = [BY_ID[f"screen.{name}"].keys for name in SCREENS]
    assert titles == [(str(number),) for number in range(1, 9)]


def test_a_key_pressed_runs_its_action() -> None:
    """Each default key arrives at its own action and at no other."""
    ran: list[str] = []

    class Queue(Screen[None]):
        def __init__(self) -> None:
            super().__init__()
            self._bindings = BindingsMap.merge(
                [self._bindings, BindingsMap(bindings_for("queue", defaults()))]
            )

        def action_act(self, name: str) -> None:
            ran.append(f"{name} on the screen")

    class Bound(App[None]):
        ENABLE_COMMAND_PALETTE = False

        def __init__(self) -> None:
            super().__init__()
            self._bindings = BindingsMap(bindings_for(EVERYWHERE, defaults()))

        def compose(self) -> ComposeResult:
            return iter(())

        def action_act(self, name: str) -> None:
            ran.append(f"{name} on the app")

    async def main() -> None:
        app = Bound()
        async with app.run_test() as pilot:
            await app.push_screen(Queue())
            for action in actions_here("queue"):
                where = "screen" if "queue" in action.scopes else "app"
                for key in action.keys:
                    ran.clear()
                    await pilot.press(textual_name(key))
                    if key not in ("tab", "shift+tab"):  # Textual's own screen has these
                        assert ran == [f"{action.id} on the {where}"], key

    asyncio.run(main())


@pytest.mark.parametrize("sign", [*"!#$%&*+,-./:;<=>?@[\\]^_`{|}~\"'()", "é", "ß"])
def test_signs_have_the_name_textual_gives_them(sign: str) -> None:
    assert textual_name(sign) == _character_to_key(sign)


def footer_for(scope: str, keymap: Keymap, width: int, hidden: Container[str] = ()) -> str:
    """Return the key row as text, as it is drawn."""
    items = footer_items(scope, keymap, width, hidden=hidden)
    return " " + "  ".join(item.text for item in items) if items else ""


@pytest.mark.parametrize("scope", SCREENS)
def test_the_key_row_fits_and_always_leads_to_everything_else(scope: str) -> None:
    for width in range(200):
        row = footer_for(scope, defaults(), width)
        assert len(row) <= width
        assert width < 20 or row.endswith(": command  ? keys") or "d detach" in row
        assert width < 20 or "? keys" in row
    own = [item.action for item in footer_items(scope, defaults(), 200)]
    assert "app.detach" in own


def test_the_key_row_shows_the_users_keys_and_leaves_out_what_is_not_offered() -> None:
    keymap = {**defaults(), "queue.add": ("A",), "queue.pause": ()}
    assert footer_for("queue", keymap, 60).startswith(" A add  x cancel")
    row = footer_for("queue", keymap, 60, hidden={"queue.add", "app.palette"})
    assert row.startswith(" x cancel") and "command" not in row


def test_the_schema_takes_what_the_settings_may_hold() -> None:
    schema = keymap_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    good = {"preset": "vim", "queue.retry": "R", "app.detach": ["d", "f5"], "copy.menu": ""}
    jsonschema.validate(good, schema)
    for bad in ({"queue.rety": "R"}, {"preset": "emacs"}, {"queue.retry": 7}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)


def test_docs_and_keymaps_are_made_without_textual() -> None:
    code = (
        "import sys, tui.keys.actions, tui.keys.user_keys, tui.keys.docs\n"
        "tui.keys.docs.keys_table_markdown(), tui.keys.user_keys.keymap_from({})\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('textual', 'rich')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
