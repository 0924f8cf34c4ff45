"""The prompt library from the command line: kept by version, exchanged as files."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.workbench import Cli, InProcess


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return InProcess(tmp_path)


SHIPPED = (
    "detailed_description", "keywords_only", "social_media_caption", "accessibility_alt_text",
    "technical_analysis", "object_detection", "seo_metadata", "storm_verify",
)  # fmt: skip


def test_what_ships_is_listed(cli: Cli) -> None:
    listed = cli("prompts", "list")
    assert listed.code == 0
    for name in SHIPPED:
        assert f"\n{name}@1 " in listed.out
    bodies = {body["name"]: body for body in cli("prompts", "list", "--json").json()}
    assert bodies["storm_verify"]["answer"] == "verdict"
    assert bodies["storm_verify"]["variables"] == ["frames"]
    assert not bodies["keywords_only"]["own"]


def test_a_prompt_is_shown_word_by_word(cli: Cli) -> None:
    shown = cli("prompts", "show", "keywords_only")
    (body,) = cli("prompts", "show", "keywords_only@1", "--json").json()
    assert shown.out.strip() == body["text"].strip()
    assert "keywords_only@1, answer: keywords" in shown.err
    assert "did you mean 'keywords_only'" in cli("prompts", "show", "keyword_only").err
    assert "it has: 1" in cli("prompts", "show", "keywords_only@9").err


def test_another_wording_is_another_version(cli: Cli, tmp_path: Path) -> None:
    assert cli("prompts", "add", "roofs", "--text", "Which roofs?").out.strip() == "roofs@1"
    assert cli("prompts", "add", "roofs", "--text", "Which roofs?").out.strip() == "roofs@1"
    path = tmp_path / "mine.txt"
    path.write_text("Which roofs at {time}?\nOne a line.\n")
    added = cli(
        "prompts", "add", "roofs", "--file", path, "--system", "Be exact.", "--note", "for me"
    )
    assert added.out.strip() == "roofs@2"
    ran = cli("prompts", "add", "keywords_only", "--file", "-", stdin=b"Was siehst du?")
    assert ran.out.strip() == "keywords_only@2"
    shown = cli("prompts", "show", "roofs")
    assert shown.out == "Be exact.\nWhich roofs at {time}?\nOne a line.\n"
    assert "variables: {time}" in shown.err
    assert cli("prompts", "show", "roofs@1").out == "Which roofs?\n"
    listed = cli("prompts", "list").out
    assert "roofs@2" in listed and "roofs@1" not in listed and "yours" in listed
    assert "roofs@1" in cli("prompts", "list", "--all").out


def test_exported_and_imported_it_is_the_same(cli: Cli, tmp_path: Path) -> None:
    text = 'Say "hé" \\ \t\x1b[31m\u202e, ``` and """ {tags}\n\u0301\u0301\u0301 end'
    added = cli("prompts", "add", "odd", "--file", "-", "--note", "o", stdin=text.encode())
    assert added.code == 0, added.err
    assert cli("prompts", "add", "other", "--text", "x " * 9000).code == 0
    exported = cli("prompts", "export")
    assert "\x1b" not in exported.out and "\u202e" not in exported.out
    assert tomllib.loads(exported.out)["odd"]["1"]["text"] == text
    path = tmp_path / "shared.toml"
    assert cli("prompts", "export", "odd", "other", "--out", path).out.strip() == str(path)
    assert path.read_text() == exported.out
    before = cli("prompts", "list", "--all", "--json").out
    assert cli("prompts", "import", path).out.split() == ["odd@1", "other@1"]
    assert cli("prompts", "list", "--all", "--json").out == before
    fresh = Cli(tmp_path / "fresh")
    fresh.home.mkdir()
    (body, _) = fresh("prompts", "import", path, "--json").json()
    assert (body["reference"], body["was"], body["text"]) == ("odd@1", "odd@1", text)
    assert "exists already" in cli("prompts", "export", "--out", path).err


def test_a_terminal_obeys_nothing_of_a_prompt(cli: Cli) -> None:
    cli("prompts", "add", "red", "--text", "\x1b[31mred\x07", "--note", "\x1b]0;t\x07 note")
    for ran in (cli("prompts", "show", "red"), cli("prompts", "list")):
        assert ran.code == 0 and "\x1b" not in ran.out + ran.err and "\x07" not in ran.out
    assert "red" in cli("prompts", "show", "red").out


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (b"[a.1\ntext = 3", "Expected"),
        (b"[a.1]\ntext = 'Say {tgas}'", "unknown variable {tgas}; did you mean 'tags'"),
        (b"[a.1]\ntext = 3", "[a.1] text: "),
        (b"[a.1]\ntext = ''", "[a.1] text: "),
        (b"[a.1]\ntext = 'x'\nmodel = 'y'", "[a.1] model: "),
        (b"[a.one]\ntext = 'x'", "must end in a version"),
        (b"['\\u001b[31m'.1]\ntext = 'x'", "must be a table like"),
        (b'["\\u001b[31m".1]\ntext = "x"', "must be a table like"),
        (b"a = 3", "must be a table like"),
        (b"a = " + b"[" * 5000, "nested too deeply"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[good.1]\ntext = 'x'\n[bad.1]\ntext = '{nope}'", "unknown variable {nope}"),
    ],
)  # fmt: skip
def test_a_bad_file_gives_one_line_and_keeps_nothing(
    cli: Cli, tmp_path: Path, written: bytes, words: str
) -> None:
    path = tmp_path / "bad\x1b[2J.toml"
    path.write_bytes(written)
    ran = cli("prompts", "import", path)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err and ran.err.count("\n") == 1 and "\x1b" not in ran.err
    assert not (cli.config / "prompts.toml").exists()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("add", "roofs"), "either --text or --file"),
        (("add", "roofs", "--text", "a", "--file", "b"), "either --text or --file"),
        (("add", "roofs", "--text", "  "), "a prompt's text"),
        (("add", "Roofs!", "--text", "a"), "is not a valid prompt name"),
        (("add", "roofs", "--text", "Say {tgas}"), "did you mean 'tags'"),
        (("add", "roofs", "--text", "a" * 20_001), "a prompt's text"),
        (("add", "roofs", "--file", "absent.txt"), "absent.txt"),
        (("import", "absent.toml"), "absent.toml"),
        (("import", "."), "."),
        (("export",), "no prompts of your own"),
        (("export", "absent"), "no prompt 'absent'"),
        (("export", "keywords_only", "--out", "no/such/folder"), "no/such/folder"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(cli: Cli, args: tuple[str, ...], words: str) -> None:
    ran = cli("prompts", *args)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err and ran.err.count("\n") == 1
