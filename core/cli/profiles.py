"""`sightline profiles`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from ..config.used_models import models_to_check
from ..errors import ExitCode, SightlineError
from ..protocol.requests.models import GetModelRefusals
from ..service.client import ask_library
from .group import CommandGroup
from .output import Session


@click.group(cls=CommandGroup)
def command() -> None:
    """List, show, create, edit and validate profiles."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_obj
def list_(session: Session, as_json: bool) -> int:
    """List the presets and your own profiles."""
    from ..config import profiles

    rows = []
    for name, file in profiles.available().items():
        try:
            text = profiles.resolve(name).description
        except SightlineError as error:
            text = f"does not validate: {error}"
        rows.append((name, "preset" if file.preset else "yours", text))
        if as_json:
            session.out.json(
                {"type": "Profile", "name": name, "preset": file.preset, "path": str(file.path),
                 "description": text}
            )  # fmt: skip
    if not as_json:
        session.out.table(("profile", "whose", "purpose"), rows)
    return 0


@command.command()
@click.argument("name")
@click.option(
    "--resolved", is_flag=True, help="Show every setting with its value, `extends` resolved."
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the resolved profile as one JSON object."
)
@click.pass_obj
def show(session: Session, name: str, resolved: bool, as_json: bool) -> int:
    """Show a profile's file, or its resolved settings."""
    from ..config import profiles

    if as_json:
        spec = profiles.resolve(name)
        session.out.json({"type": "Spec", "name": name, "hash": spec.hash(), **spec.every_table()})
    elif resolved:
        for line in profiles.as_toml(profiles.resolve(name)).splitlines():
            session.out.result(line)
    else:
        file = profiles.find(name)
        session.out.note(f"# {file.path}")
        for line in profiles.text_of(file).splitlines():
            session.out.result(line)
    return 0


@command.command()
@click.argument("name")
@click.option(
    "--extends",
    "base",
    default="quick",
    show_default=True,
    metavar="NAME",
    help="Profile to inherit from.",
)
@click.pass_obj
def new(session: Session, name: str, base: str) -> int:
    """Create a profile."""
    from ..config import profiles

    session.out.result(str(profiles.create(name, base)))
    return 0


@command.command()
@click.argument("name")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="SECTION.KEY=VALUE",
    help="Setting to change; without any, the file is opened in $EDITOR.",
)
@click.pass_obj
def edit(session: Session, name: str, changes: tuple[str, ...]) -> int:
    """Edit one of your profiles; it is saved only if it is valid, with its comments."""
    from ..config import profiles

    if changes:
        path = profiles.edit(name, dict(profiles.parse_override(text) for text in changes))
        session.out.result(str(path))
        return 0
    file = profiles.editable(name)
    edited = click.edit(profiles.text_of(file), extension=".toml")
    if edited is None:
        session.out.note("nothing changed")
    else:
        profiles.replace(file, edited)
        session.out.result(str(file.path))
    return 0


@command.command()
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.pass_obj
def validate(session: Session, names: tuple[str, ...]) -> int:
    """Validate profiles by name or file; without NAME, all of them.

    A profile that uses a model on this disk that cannot be loaded is wrong too; models that are
    not on this disk are not checked.
    """
    from ..config import profiles

    faults: dict[str, str] = {}
    used: dict[str, tuple[str, ...]] = {}
    for name in names or profiles.available():
        try:
            used[name] = models_to_check(profiles.resolve(name))
        except SightlineError as error:
            faults[name] = str(error)
    faults |= _refused(session, used)
    for name in names or profiles.available():
        session.out.result(f"wrong  {faults[name]}" if name in faults else f"ok     {name}")
    return int(ExitCode.USAGE if faults else ExitCode.OK)


@command.command("try")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--set", "changes", multiple=True, metavar="SECTION.KEY=VALUE",
              help="Setting to change; repeatable.")  # fmt: skip
@click.option("--against", default="", metavar="NAME", help="Compare with this profile instead of "
              "NAME as it is saved.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def try_(
    session: Session, name: str, file: Path, changes: tuple[str, ...], against: str, as_json: bool
) -> int:
    """Show which events settings would add or lose in one video.

    Compares NAME with --set to NAME as it is saved. Stored measurements are used, so nothing is
    read; if there are none with these settings, only FILE is read, and nothing is stored.
    Verification by models is left out.
    """
    from .trial import show_trial

    return show_trial(session, name, file, changes, against, as_json=as_json)


def _refused(session: Session, used: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Return the first model of each profile that cannot be loaded, with the reason."""
    every = tuple(dict.fromkeys(model for models in used.values() for model in models))
    if not every:
        return {}
    refused = ask_library(session.library, GetModelRefusals(every)).refused
    wrong = {name: next((m for m in models if m in refused), "") for name, models in used.items()}
    return {name: f"{name}: {refused[model]}" for name, model in wrong.items() if model}
