"""The pages written from the program are up to date, and nothing goes undocumented."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from core.cli.main import COMMANDS, cli
from core.cli.reference import DOCS, pages

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("name", ["cli.md", "profiles.md"])
def test_generated_pages_are_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == pages()[name], "run: make docs"


def test_help_fits_a_terminal_of_80_columns() -> None:
    assert not [line for line in pages()["cli.md"].splitlines() if len(line) > 80]


def test_no_line_of_help_is_cut_off() -> None:
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        if isinstance(command, click.Group):
            text = command.get_help(
                click.Context(command, info_name=name, help_option_names=["-h", "--help"])
            )
            cut = [
                line for line in text.splitlines() if line.endswith("...") and "Usage" not in line
            ]
            assert not cut, name


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_and_option_is_documented(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    commands = list(command.commands.values()) if isinstance(command, click.Group) else [command]
    for each in [command, *commands]:
        assert each.help, f"{name} {each.name} has no help"
        options = [p for p in each.params if isinstance(p, click.Option)]
        assert all(option.help for option in options), f"an option of {name} has no help"


@pytest.mark.parametrize("name", list(COMMANDS))
def test_the_list_of_commands_says_what_their_own_help_says(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert (command.help or "").splitlines()[0] == COMMANDS[name][1]


def test_every_page_of_docs_is_linked_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    missing = [page.name for page in DOCS.glob("*.md") if f"docs/{page.name}" not in readme]
    assert not missing
