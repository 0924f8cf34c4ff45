"""`sightline plugins`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ..errors import ExitCode
from .group import CommandGroup
from .output import ConsoleOutput, Session

if TYPE_CHECKING:
    from ..service.plugins import PluginView


@click.group(cls=CommandGroup)
def command() -> None:
    """List, enable and disable plugins."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_obj
def list_(session: Session, as_json: bool) -> int:
    """List installed plugins, what they provide, and what cannot be used.

    The code of a plugin that is not enabled is not imported.
    """
    from ..service.plugins import plugins

    found = plugins()
    if as_json:
        for each in found:
            session.out.json({"type": "Plugin", **asdict(each)})
    elif found:
        session.out.table(
            ("plugin", "version", "enabled", "provides"),
            [(p.name, p.version or "-", "yes" if p.enabled else "no", _provides(p)) for p in found],
        )
    else:
        session.out.note("no plugin is installed")
    for each in found:
        _warn(session.out, each)
    return 0


@command.command()
@click.argument("name")
@click.pass_obj
def enable(session: Session, name: str) -> int:
    """Enable an installed plugin, which lets its code run.

    NAME is the name of its distribution. Exit code 1 means that the plugin is enabled, but part of
    it cannot be used.
    """
    from ..service.plugins import enable as allow

    plugin = allow(name)
    session.out.result(f"enabled {plugin.name} {plugin.version}: {_provides(plugin)}")
    return int(ExitCode.SOME_FAILED if _warn(session.out, plugin) else ExitCode.OK)


@command.command()
@click.argument("name")
@click.pass_obj
def disable(session: Session, name: str) -> int:
    """Disable a plugin; it stays installed, and its code no longer runs."""
    from ..service.plugins import disable as forbid

    session.out.result(f"disabled {forbid(name)}")
    return 0


def _provides(plugin: PluginView) -> str:
    return ", ".join(f"{each.kind} {each.name}" for each in plugin.provides) or "-"


def _warn(out: ConsoleOutput, plugin: PluginView) -> bool:
    """Name what of an enabled plugin cannot be used; return whether there was anything."""
    faults = [each.trouble for each in plugin.provides if each.trouble]
    if plugin.trouble:
        faults.append(f"plugin {plugin.name}: {plugin.trouble}")
    for fault in faults:
        out.warn(fault)
    return bool(faults)
