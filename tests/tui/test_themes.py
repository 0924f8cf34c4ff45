"""Colours of the roles: whether they can be read, which theme is shown, and the user's own."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import ProfileError
from tests.tui.viewing import Viewer, look, wishes
from tui.look.choice import Themes
from tui.look.roles import ROLES, Role
from tui.look.styles import Look
from tui.look.themes import PALETTES, contrast
from tui.look.user_themes import load, read

STATES: tuple[Role, ...] = ("good", "bad", "warn", "flash", "motion", "cut", "look", "add", "key")
PAGE = {"storm": "48;2;13;17;23", "paper": "48;2;251;250;247"}


def test_the_formula_of_contrast_has_the_values_of_its_definition() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#8fb8ff", "#8fb8ff") == 1.0


@pytest.mark.parametrize("name", PALETTES)
def test_every_theme_can_be_read(name: str) -> None:
    colours = PALETTES[name]

    def least(roles: tuple[Role, ...], ground: Role) -> float:
        return min(contrast(colours[role], colours[ground]) for role in roles)

    assert tuple(colours) == ROLES
    assert round(least(("text", "strong"), "ground"), 1) >= 14
    assert round(least(("dim", "title"), "ground"), 1) >= 5.9
    assert round(least(STATES, "ground"), 1) >= 5.7
    assert round(least((*STATES, "text", "strong", "dim"), "here"), 1) >= 4.1
    assert round(least((*STATES, "text", "strong", "dim"), "raised"), 1) >= 4.5
    assert round(least(("faint",), "ground"), 1) >= 3.1
    assert least(("line_on",), "ground") > 2 * least(("line",), "ground") or name == "contrast"


def test_faint_is_dim_on_the_row_under_the_cursor() -> None:
    styles = Look()
    assert styles.style("faint", "here") == styles.style("dim", "here")
    assert styles.style("faint") != styles.style("dim")


def test_without_hue_and_with_sixteen_colours_the_cursor_and_the_focus_still_show() -> None:
    plain, ansi = Look(depth="none"), Look(depth="ansi")
    for role in ROLES:
        for ground in ("ground", "raised", "here", "here_idle", "chip"):
            style = plain.style(role, ground)
            assert style.color is None and style.bgcolor is None
            named = ansi.style(role, ground).color
            assert named is None or named.is_default or (named.number or 0) < 16
    for styles in (plain, ansi):
        assert styles.heavy
        assert styles.style("text", "here").reverse and styles.style("text", "here_idle").underline
        assert styles.style("text").reverse is None


# Which theme


def facts(colour: str = "truecolor", *, light: bool = False) -> Any:
    return SimpleNamespace(colour=colour, light=light)


@pytest.mark.parametrize(
    "setting, last, terminal, shown",
    [
        ("", "", facts(), "storm"),
        ("", "", None, "storm"),
        ("", "", facts(light=True), "paper"),
        ("", "contrast", facts(light=True), "contrast"),
        ("daltonic", "contrast", facts(light=True), "daltonic"),
        ("", "", facts("256"), "storm"),
        ("", "", facts("16", light=True), "ansi"),
        ("", "contrast", facts("16"), "ansi"),
        ("paper", "", facts("16"), "paper"),
        ("", "gone", facts(), "storm"),
    ],
)
def test_the_first_theme(
    tmp_path: Path, setting: str, last: str, terminal: Any, shown: str
) -> None:
    assert Themes(tmp_path, terminal).first(setting, last) == (shown, "")


def test_a_setting_that_is_no_theme_is_said_with_the_nearest(tmp_path: Path) -> None:
    name, fault = Themes(tmp_path).first("daltonik", "paper")
    assert name == "paper"
    assert fault == "settings.toml: unknown theme 'daltonik'; did you mean 'daltonic'?"


# The user's own

BAD = {
    "role": (b'grond = "#000000"', "unknown role 'grond'; did you mean 'ground'?"),
    "colour": (b'flash = "yelow"', "flash: unknown colour 'yelow'; did you mean 'yellow'?"),
    "kind": (b"flash = 7", "flash: unknown colour '7'"),
    "alpha": (b'flash = "#11223344"', "'#11223344' is no plain colour"),
    "table": (b'[flash]\na = "red"', "flash: unknown colour"),
    "base": (b'base = "strom"', "unknown base 'strom'; did you mean 'storm'?"),
    "toml": (b"flash = ", "themes/toml.toml: "),
    "bytes": (b"\xff\xfe", "themes/bytes.toml: "),
    "large": (b"#" * 70_000, "larger than 64 KiB"),
    "paper": (b"", "paper comes with the app; use another name"),
    "hostile": (b'"\\u001b]52;c;!\\u0007" = "red"', "unknown role '"),
}


def written(folder: Path, name: str, text: bytes) -> Path:
    path = folder / "themes" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    return path


def test_a_theme_of_ones_own_takes_the_rest_from_its_base(tmp_path: Path) -> None:
    path = written(tmp_path, "sepia", b'base = "paper"\nground = "#F4ECD8"\nbad = "firebrick"\n')
    colours = read(path)
    assert colours["ground"] == "#f4ecd8" and colours["bad"] == "#b22222"
    assert colours["text"] == PALETTES["paper"]["text"]
    assert Themes(tmp_path).first("sepia", "") == ("sepia", "")
    assert ("sepia", "sepia     your own") in Themes(tmp_path).choices()


def test_what_is_wrong_with_a_theme_is_said_in_one_safe_line(tmp_path: Path) -> None:
    for name, (text, words) in BAD.items():
        path = written(tmp_path, name, text)
        with pytest.raises(ProfileError) as raised:
            read(path)
        said = str(raised.value)
        assert words in said and f"themes/{name}.toml" in said
        assert "\n" not in said and "\x1b" not in said and len(said) < 300
    (tmp_path / "themes" / "folder.toml").mkdir()
    os.mkfifo(tmp_path / "themes" / "pipe.toml")
    good = written(tmp_path, "good", b"")
    palettes, faults = load(tmp_path)
    assert list(palettes) == [good.stem] and len(faults) == len(BAD) + 2


def test_a_bad_theme_is_news_and_the_default_is_shown(found: Path, at_home: Path) -> None:
    written(at_home / "config", "mine", b'grond = "#000000"')

    async def run(viewer: Viewer) -> None:
        await viewer.sees("unknown role 'grond'; did you mean 'ground'?")
        assert viewer.app.theme_name == "storm"

    look(wishes(found, theme="mine"), run)


def test_the_theme_is_chosen_by_looking_at_it_and_kept(found: Path) -> None:
    async def page(viewer: Viewer, colour: str) -> None:
        styles = viewer.terminal.styles
        await viewer.until(lambda: all(colour in styles[y][70] for y in (10, 20)))

    async def run(viewer: Viewer) -> None:
        await page(viewer, PAGE["storm"])
        await viewer.press("colon")
        await viewer.type("choose the theme")
        await viewer.press("enter")
        await viewer.sees("for red-green blindness")
        await viewer.press("down")
        await viewer.until(lambda: viewer.app.theme_name == "paper")
        await viewer.press("escape")
        await page(viewer, PAGE["storm"])
        viewer.app.act("app.theme")
        await viewer.type("light")
        await viewer.press("enter")
        await page(viewer, PAGE["paper"])
        viewer.app._keep()

    async def again(viewer: Viewer) -> None:
        assert viewer.app.theme_name == "paper"
        await page(viewer, PAGE["paper"])

    look(wishes(found), run)
    look(wishes(found), again)
