"""`sightline watch`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import click

from ..errors import UnknownName, UsageError
from ..protocol.addresses import absolute, scheme_of
from ..protocol.commands import EndWatch, WatchFolder
from ..protocol.requests.jobs import GetJobs
from ..service.attach import attached, headless
from ..service.client import EngineClient, LibraryClient
from ..service.discovery import running
from ..text import clean_path
from .options import formats_option, links_option, out_option, scan_request, scan_settings
from .output import Session
from .scan_flags import Flags, setting_flags
from .watching import watch_folder


@click.command()
@click.argument("folder", type=click.Path())
@scan_settings
@setting_flags
@click.option(
    "--settle",
    type=click.FloatRange(min=0.2),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="Copying has finished when a file is unchanged this long.",
)
@links_option
@click.option("--detach", is_flag=True, help="Watch in the background (in the engine), and return.")
@click.option("--end", is_flag=True, help="Stop watching this folder, and return.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON event per line on stdout.")
@click.option("--no-ui", is_flag=True, help="Do not open the app.")
@out_option
@formats_option
@click.pass_obj
def command(
    session: Session, folder: str, profile: str | None, overrides: tuple[str, ...],
    stages: str | None, sensitivity: float | None, settle: float, follow_links: bool,
    detach: bool, end: bool, as_json: bool, no_ui: bool, out: Path | None, formats: tuple[str, ...],
    flags: Flags,
) -> int:  # fmt: skip
    """Scan files that appear in a folder, each when copying has finished.

    Files already in the folder are scanned first. On a terminal, watch opens the app; the engine
    watches the folder, also after a restart, until you stop it (W on the Queue screen, or --end).
    With --no-ui, --json or --out, and in a pipe, changes of state and failures are printed and
    logged to engine.log in the library; Ctrl+C stops after the current microbatch.
    """
    place = Path(absolute(folder))
    if end:
        return asyncio.run(_end(session, EndWatch(str(place))))
    _check_folder(folder, place)
    request = scan_request(
        session, (str(place),), profile, overrides, stages, sensitivity, (), "default",
        follow_links=follow_links, flags=flags,
    )  # fmt: skip
    order = WatchFolder(
        request.paths[0], request.profile, request.overrides, settle, follow_links=follow_links
    )
    if detach:
        return asyncio.run(_hand_over(session, order))
    headless = no_ui or as_json or out is not None or not session.at_terminal
    if session.app and not headless:
        return session.app(submit=order)
    order = replace(order, mode="default", attended=True)
    return asyncio.run(watch_folder(session, order, out, formats, as_json=as_json))


def _check_folder(named: str, place: Path) -> None:
    """Refuse what cannot be watched; only folders of this machine can."""
    if scheme_of(named) not in ("", "file"):
        known = "only a local folder can be watched; give a path or a file:/// URL"
        raise UsageError(f"{clean_path(named)}: {known}")
    if not place.is_dir():
        raise UsageError(f"{clean_path(named)} is not a folder; name an existing one")


async def _hand_over(session: Session, order: WatchFolder) -> int:
    client = await attached(session.library)
    await _send(session, client, order, "watched by the engine; `watch --end` stops it")
    return 0


async def _end(session: Session, order: EndWatch) -> int:
    """End a watch; where no engine runs, the library's record of it, and none is started."""
    if running(session.library) is None:
        await _check_is_recorded(session.library, order.folder)
    await _send(session, await headless(session.library), order, "no longer watched")
    return 0


async def _check_is_recorded(library: Path, folder: str) -> None:
    """Raise UnknownName if a library has no watch: then it is not opened for writing, nor made."""
    client = LibraryClient(library)
    try:
        found = (await client.ask(GetJobs("watch"))).jobs
    except UnknownName:  # there is no library yet
        found = ()
    finally:
        await client.close()
    if all(job.state == "done" for job in found):
        raise UnknownName(f"{clean_path(folder)} is not watched")


async def _send(
    session: Session, client: EngineClient, order: WatchFolder | EndWatch, words: str
) -> None:
    try:
        await client.send(order)
    finally:
        await client.close()
    session.out.note(f"{clean_path(order.folder)} is {words}")
