"""Profiles and settings, from the files and the environment to what a scan uses."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.workbench import Cli, InProcess


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return InProcess(tmp_path)


def profile_of(cli: Cli, *args: str, **env: Any) -> str:
    """Return the profile a scan of nothing much would use, going by what it left behind."""
    ran = cli("scan", "--changed", "--json", *args, cli.home, **env)
    assert ran.code == 0, ran.err
    return str(ran.of("ScanStarted")[0]["profile"])


def test_presets_are_listed_and_all_validate(cli: Cli) -> None:
    listed = cli("profiles", "list")
    assert listed.code == 0
    for name in ("quick", "storm", "full"):
        assert f"\n{name} " in listed.out
    assert {body["name"] for body in cli("profiles", "list", "--json").json()} >= {"quick", "storm"}
    checked = cli("profiles", "validate")
    assert checked.code == 0
    assert all(line.startswith("ok ") for line in checked.out.splitlines())


def test_show_prints_the_file_or_every_setting(cli: Cli) -> None:
    written = cli("profiles", "show", "full")
    assert 'extends = "quick"' in written.out
    resolved = tomllib.loads(cli("profiles", "show", "full", "--resolved").out)
    assert resolved["flash"]["sensitivity"] == 0.65
    assert resolved["stages"][:3] == ["flash", "motion", "cut"]
    (body,) = cli("profiles", "show", "full", "--json").json()
    assert body["flash"] == resolved["flash"] and len(body["hash"]) == 32
    assert "did you mean 'storm'" in cli("profiles", "show", "strom").err


def test_a_new_profile_is_edited_with_its_comments_kept(cli: Cli) -> None:
    path = Path(cli("profiles", "new", "night", "--extends", "storm").out.strip())
    assert path == cli.config / "profiles" / "night.toml"
    path.write_text(path.read_text() + "\n# my note\n[events]  # how they merge\n")
    ran = cli(
        "profiles", "edit", "night", "--set", "events.merge_seconds=1.5",
        "--set", "flash.sensitivity=0.8", "--set", "description=mine",
    )  # fmt: skip
    assert (ran.code, ran.out.strip()) == (0, str(path))
    text = path.read_text()
    assert "# my note" in text and "# how they merge" in text
    resolved = tomllib.loads(cli("profiles", "show", "night", "--resolved").out)
    assert resolved["events"]["merge_seconds"] == 1.5
    assert resolved["flash"]["sensitivity"] == 0.8
    assert resolved["stages"] == ["flash"]
    assert "night" in cli("profiles", "list").out
    assert profile_of(cli, "--profile", "night") == "night"


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("new", "night"), "exists already"),
        (("new", "../up"), "letters, digits"),
        (("new", "other", "--extends", "strom"), "did you mean 'storm'"),
        (("edit", "storm", "--set", "flash.sensitivity=0.1"), "profiles new my-storm"),
        (("edit", "night", "--set", "flash.sensitivity=2"), "flash.sensitivity = 2"),
        (("edit", "night", "--set", "flsh.sensitivity=1"), "did you mean 'flash.sensitivity'"),
    ],
)
def test_what_would_not_validate_is_not_kept(cli: Cli, args: tuple[str, ...], words: str) -> None:
    path = Path(cli("profiles", "new", "night").out.strip())
    before = path.read_bytes()
    ran = cli("profiles", *args)
    assert (ran.code, ran.out) == (2, "") and words in ran.err
    assert path.read_bytes() == before
    assert list((cli.config / "profiles").iterdir()) == [path]


def test_an_editor_may_be_used(cli: Cli) -> None:
    path = Path(cli("profiles", "new", "night").out.strip())
    editor = cli.home / "editor"
    editor.write_text("#!/bin/sh\necho 'run = 7' >> \"$1\"\n")
    editor.chmod(0o755)
    before = path.read_bytes()
    assert cli("profiles", "edit", "night", EDITOR=str(editor), VISUAL=str(editor)).code == 2
    assert path.read_bytes() == before
    editor.write_text("#!/bin/sh\nsed -i 's/quick/storm/' \"$1\"\n")
    assert cli("profiles", "edit", "night", EDITOR=str(editor), VISUAL=str(editor)).code == 0
    assert 'extends = "storm"' in path.read_text()


def test_wrong_profiles_are_named_with_file_key_and_remedy(cli: Cli) -> None:
    folder = cli.config / "profiles"
    folder.mkdir(parents=True)
    wrong = {
        "circle": ('extends = "circle2"', "extends itself"),
        "circle2": ('extends = "circle"', "extends itself"),
        "key": ("[flash]\nsensitivty = 1", "did you mean 'sensitivity'"),
        "kind": ('stages = "flash"', "stages"),
        "toml": ("stages = [", "toml.toml"),
        "bytes": ("description = '\udcff'", "bytes.toml"),
        "order": ('stages = ["segment"]', "add 'detect'"),
    }
    for name, (text, _) in wrong.items():
        (folder / f"{name}.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    for name, (_, words) in wrong.items():
        ran = cli("profiles", "validate", name)
        assert ran.code == 2 and words in ran.out, name
    assert cli("profiles", "list").code == 0
    assert cli("scan", ".", "--profile", "key").code == 2


def test_flag_environment_settings_and_default_in_this_order(cli: Cli) -> None:
    assert profile_of(cli) == "quick"
    cli.config.mkdir()
    (cli.config / "settings.toml").write_text('profile = "storm"\nquiet = true\n')
    assert profile_of(cli) == "storm"
    assert profile_of(cli, LD_PROFILE="storm") == "storm"
    assert profile_of(cli, LD_PROFILE="storm", SIGHTLINE_PROFILE="quick") == "quick"
    assert profile_of(cli, "--profile", "storm", SIGHTLINE_PROFILE="quick") == "storm"
    assert cli("scan", "--changed", cli.home).err == ""
    named = cli.home / "named.toml"
    named.write_text('stages = ["cut"]\n')
    assert profile_of(cli, "--profile", str(named)) == "named"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("profil = 'x'", "did you mean 'profile'"),
        ("quiet = 'yes'", "quiet must be true or false"),
        ("[review]\nadvance = 'on'", "review.advance must be next or stay"),
        ("[review]\nadvnce = 'next'", "unknown setting 'review.advnce'; did you mean 'advance'?"),
        ("review = 'next'", "review must be a table"),
        ("quiet = ", "settings.toml"),
        ("profile = 'strom'", "did you mean 'storm'"),
    ],
)
def test_wrong_settings_are_told(cli: Cli, text: str, words: str) -> None:
    cli.config.mkdir()
    (cli.config / "settings.toml").write_text(text)
    ran = cli("scan", ".")
    assert (ran.code, ran.out) == (2, "") and words in ran.err


def test_the_library_is_where_the_flag_the_environment_or_the_settings_say(
    cli: Cli, tmp_path: Path
) -> None:
    cli.config.mkdir()
    (cli.config / "settings.toml").write_text(f'library = "{tmp_path / "from-settings"}"\n')
    del cli.env["SIGHTLINE_LIBRARY"]
    scan = ("scan", "--changed", cli.home)
    cli(*scan)
    cli(*scan, SIGHTLINE_LIBRARY=str(tmp_path / "from-env"))
    cli("--library", tmp_path / "from-flag", *scan, SIGHTLINE_LIBRARY=str(tmp_path / "not-this"))
    made = {path.parent.name for path in tmp_path.glob("*/library.db")}
    assert made == {"from-settings", "from-env", "from-flag"}
