"""`sightline prompts`."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import UsageError
from ..text import clean, clean_path
from .group import CommandGroup
from .output import Session
from .scan_flags import variable_of

if TYPE_CHECKING:
    from ..config.prompts import Prompt, Wording

ANSWERS = ("text", "keywords", "verdict")


@click.group(cls=CommandGroup)
def command() -> None:
    """List, show, add, import and export prompts for models."""


@command.command("list")
@click.option("--all", "every", is_flag=True, help="List every version, not only the newest.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_obj
def list_(session: Session, every: bool, as_json: bool) -> int:
    """List the built-in prompts and your own."""
    return print_prompts(session, every=every, as_json=as_json)


def print_prompts(session: Session, *, every: bool, as_json: bool) -> int:
    """Print prompts as a table or as JSON lines; without `every`, the newest version of each."""
    from ..config.prompts import load_prompts

    library = load_prompts()
    found = library.all() if every else library.newest()
    if as_json:
        for prompt in found:
            session.out.json(_as_json(prompt))
        return 0
    rows = [(p.reference, "yours" if p.own else "ships", p.answer, p.note) for p in found]
    session.out.table(("prompt", "whose", "answer", "purpose"), rows)
    return 0


@command.command()
@click.argument("name", metavar="NAME[@VERSION]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def show(session: Session, name: str, as_json: bool) -> int:
    """Show the text of a prompt."""
    from ..config.prompts import load_prompts

    prompt = load_prompts().get(name)
    if as_json:
        session.out.json(_as_json(prompt))
        return 0
    used = ", ".join(f"{{{each}}}" for each in prompt.variables) or "none"
    session.out.note(f"# {prompt.reference}, answer: {prompt.answer}, variables: {used}")
    for own, value in prompt.own_values.items():
        session.out.note(f"# {{{own}}}: {value or 'set by each scan (--var)'}")
    if prompt.system:
        session.out.note("# system")
        _say(session, prompt.system)
        session.out.note("# text")
    _say(session, prompt.text)
    return 0


@command.command()
@click.argument("name")
@click.option("--text", help="Text of the prompt; alternatively use --file.")
@click.option(
    "--file", "path", metavar="FILE", help="File with the text of the prompt; '-' for stdin."
)
@click.option("--system", default="", help="System prompt.")
@click.option("--answer", type=click.Choice(ANSWERS), default="text", show_default=True,
              help="How the answer is parsed.")  # fmt: skip
@click.option("--note", default="", help="Purpose of the prompt, in one line.")
@click.option("--var", "variables", multiple=True, metavar="NAME=[VALUE]",
              help="Declare a variable, {NAME} in the text. Without a value, each scan sets it.",
)  # fmt: skip
@click.pass_obj
def add(
    session: Session, name: str, text: str | None, path: str | None, system: str, answer: str,
    note: str, variables: tuple[str, ...],
) -> int:  # fmt: skip
    """Add a prompt, as the next version of its name.

    Adding an identical text creates no new version. {tags}, {label}, {time} and {frames} are
    variables that a scan fills in; --var declares others.

    \b
      sightline prompts add roofs --text "Which roofs are damaged? One a line."
      sightline prompts add detailed_description --file mine.txt
      sightline prompts add at --text "What is new at {place}?" --var place=
    """
    from ..config import prompts

    if (text is None) == (path is None):
        raise UsageError("give the prompt with either --text or --file")
    said = text if text is not None else _read(path or "")
    defaults = dict(variable_of(each) for each in variables)
    wording = _wording(
        text=said.strip(), system=system, answer=answer, note=note, defaults=defaults
    )
    session.out.result(prompts.add(name, wording).reference)
    return 0


@command.command("import")
@click.argument("path", metavar="FILE")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_obj
def import_(session: Session, path: str, as_json: bool) -> int:
    """Import the prompts of an exported file.

    All are checked before any is added. Each becomes the next version of its name, unless that
    version has the same text.
    """
    from ..config import prompts

    found = prompts.read_file(Path(path).expanduser())
    for each in found:
        wording = _wording(**{key: getattr(each, key) for key in prompts.Wording.model_fields})
        kept = prompts.add(each.name, wording)
        if as_json:
            session.out.json({**_as_json(kept), "was": each.reference})
        else:
            session.out.result(kept.reference)
    return 0


@command.command()
@click.argument("names", nargs=-1, metavar="[NAME[@VERSION]...]")
@click.option("--out", "path", metavar="FILE", help="Output file; stdout by default.")
@click.pass_obj
def export(session: Session, names: tuple[str, ...], path: str | None) -> int:
    """Export prompts as TOML for `prompts import`; by default all of your own."""
    from ..config.prompts import as_toml, load_prompts

    library = load_prompts()
    found = [library.get(name) for name in names] or [p for p in library.all() if p.own]
    if not found:
        raise UsageError("you have no prompts of your own; name the prompts to export")
    written = _harmless(as_toml(found))
    if path is None:
        click.echo(written, nl=False)
        return 0
    try:
        with Path(path).expanduser().open("x", encoding="utf-8") as file:
            file.write(written)
    except FileExistsError as error:
        raise UsageError(f"{clean_path(path)} exists already; name another file") from error
    except OSError as error:
        raise UsageError(f"{clean_path(path)}: {clean(error.strerror or str(error))}") from error
    session.out.result(path)
    return 0


def _as_json(prompt: Prompt) -> dict[str, Any]:
    named = {"type": "Prompt", "reference": prompt.reference, **prompt.model_dump()}
    return {**named, "variables": list(prompt.variables)}


def _say(session: Session, text: str) -> None:
    for line in text.splitlines():
        session.out.result(line)


def _read(path: str) -> str:
    from ..config.named_files import read_text
    from ..config.prompts import MOST_BYTES

    try:
        if path == "-":
            return sys.stdin.buffer.read().decode("utf-8")
        return read_text(Path(path).expanduser(), MOST_BYTES)
    except UnicodeDecodeError as error:
        raise UsageError("standard input is not UTF-8 text") from error
    except ValueError as error:
        raise UsageError(clean(str(error))) from error


def _wording(**said: Any) -> Wording:
    from pydantic import ValidationError

    from ..config.complaints import complaint
    from ..config.prompts import Wording

    try:
        return Wording(**said)
    except ValidationError as error:
        key, words = complaint(error)
        raise UsageError(f"a prompt's {key}: {clean(words)}") from error


def _harmless(toml: str) -> str:
    """Return TOML that means the same, with whatever a terminal might obey written as an escape.

    tomlkit writes basic strings only, in which every character may be an escape.
    """
    return "".join(map(_escaped, toml))


def _escaped(char: str) -> str:
    if char == "\n" or (clean(char) == char and not unicodedata.combining(char)):
        return char
    return f"\\U{ord(char):08X}"
