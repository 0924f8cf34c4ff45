"""`sightline scan`."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import ExitCode, NothingToScan, UsageError
from ..protocol.commands import Mode, SubmitScan
from ..service.attach import reader_for
from .options import formats_option, links_option, out_option, scan_request, scan_settings
from .output import Session
from .prompts import print_prompts
from .scan_flags import Flags, setting_flags

if TYPE_CHECKING:
    from ..service.attach import Ready


@click.command()
@click.argument("paths", nargs=-1, metavar="PATH...")
@scan_settings
@setting_flags
@click.option("--list-presets", is_flag=True, help="List the prompts for --prompt-preset.")
@click.option(
    "--glob",
    "globs",
    multiple=True,
    metavar="PATTERN",
    help="In folders, only files whose name matches, such as '*.mp4'.",
)
@links_option
@click.option("--redo", "--full", is_flag=True, help="Do everything again, known or not.")
@click.option(
    "--changed", "--incremental", is_flag=True, help="Only files that are new or changed."
)
@click.option("--retry-failed", is_flag=True, help="Also read again what failed last time.")
@click.option("--dry-run", is_flag=True, help="Say what would be done and how long it may take.")
@click.option("--json", "as_json", is_flag=True, help="One JSON event a line on stdout.")
@click.option("--no-ui", is_flag=True, help="Stay headless, also on a terminal.")
@out_option
@formats_option
@click.option(
    "--clips",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write a clip of each event there.",
)
@click.option(
    "--pictures",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write a picture of each event's peak there.",
)
@click.pass_obj
def command(
    session: Session, paths: tuple[str, ...], profile: str | None, overrides: tuple[str, ...],
    stages: str | None, sensitivity: float | None, globs: tuple[str, ...],
    follow_links: bool, redo: bool, changed: bool, retry_failed: bool, dry_run: bool,
    as_json: bool, no_ui: bool, out: Path | None, formats: tuple[str, ...],
    clips: Path | None, pictures: Path | None, list_presets: bool, flags: Flags,
) -> int:  # fmt: skip
    """Find moments in videos and pictures.

    PATH is a file, a folder (read whole, in natural order), a file:/// URL of either, or '-' for a
    list of paths on stdin.
    Links that lead out of a folder and the folders of NAS and desktop systems in it (@eaDir,
    #recycle, ...) are passed over unless named; what is left out is counted.
    Events go to stdout, one a line; progress and failures go to stderr. What was done before is
    not done again. On a terminal the app is opened, and can be left while the scan continues; with
    --no-ui, --json or a file to write, and in a pipe, all is headless: then Ctrl+C stops after the
    current microbatch, and `sightline runs resume` continues.
    """
    if list_presets:
        return print_prompts(session, every=False, as_json=as_json)
    written = any((out, formats, clips, pictures))
    headless = no_ui or as_json or written or not session.at_terminal
    opens_app = session.app is not None and not headless
    mode = _mode(redo=redo, changed=changed, retry_failed=retry_failed)
    # What is loaded on the way to the first frame stays: looking through it for garbage costs a
    # tenth of that way. `running.py` switches it on again.
    gc.disable()
    # The reader loads its decoders beside all that follows, so it comes before the imports.
    reader = None if opens_app or dry_run else reader_for(session.library, paths)
    try:
        request = scan_request(
            session, paths, profile, overrides, stages, sensitivity, globs, mode,
            follow_links=follow_links, flags=flags,
        )  # fmt: skip
        if dry_run:
            return _dry_run(session, request, as_json)
        if session.app and opens_app:
            return session.app(submit=request)
        return _headless(session, request, out, formats, clips, pictures, as_json, reader)
    finally:
        if reader is not None:
            reader.end()
        gc.enable()


def _headless(
    session: Session, request: SubmitScan, out: Path | None, formats: tuple[str, ...],
    clips: Path | None, pictures: Path | None, as_json: bool, reader: Ready | None,
) -> int:  # fmt: skip
    import asyncio

    from .running import Finish, run_scan

    finish = Finish(out, formats, clips, pictures)
    return asyncio.run(run_scan(session, request, finish, as_json=as_json, reader=reader))


def _mode(*, redo: bool, changed: bool, retry_failed: bool) -> Mode:
    if redo + changed + retry_failed > 1:
        raise UsageError("--redo, --changed and --retry-failed exclude each other; name one")
    if redo:
        return "redo"
    return "changed" if changed else ("retry_failed" if retry_failed else "default")


def _dry_run(session: Session, request: SubmitScan, as_json: bool) -> int:
    from dataclasses import asdict

    from ..protocol.requests.results import PlanScan
    from ..service.client import ask_library
    from ..text import counted
    from ..times import duration
    from .running import say_left_out

    planned = ask_library(session.library, PlanScan(request))
    if not planned.sources and not planned.missing and not planned.left_out:
        why = "; ".join(["no video or picture", *planned.passed_over.lines()])
        raise NothingToScan(f"nothing to scan there: {why}; name a file to force it")
    code = ExitCode.NOTHING_TO_SCAN if not planned.sources else ExitCode.OK
    code = ExitCode.SOME_FAILED if planned.sources and planned.missing else code
    if as_json:
        session.out.json({"type": "Plan", **asdict(planned)})
        return int(code)
    for path in planned.to_read:
        session.out.result(f"would read  {path}")
    for path, reason in planned.missing:
        session.out.failed(path, reason)
    say_left_out(planned.passed_over, session.out)
    for part in planned.parts:
        frames = f"  about {counted(part.frames, 'frame')}" if part.frames else ""
        low, high = part.low_seconds, part.high_seconds
        session.out.result(f"{part.what}:{frames}  {_between(low, high, duration)}")
    took = _between(planned.low_seconds, planned.high_seconds, duration)
    session.out.result(
        f"{counted(planned.sources, 'source')}: {len(planned.to_read)} to read "
        f"(about {counted(planned.frames, 'frame')}, {took}; {planned.basis}), "
        f"{planned.known} known, {planned.failed_before} failed before"
    )
    return int(code)


def _between(low: float | None, high: float | None, duration: Callable[[float], str]) -> str:
    """Return how long something takes, from the least to the most that was measured."""
    if low is None or high is None:
        return "time unknown"
    words = list(dict.fromkeys((duration(low), duration(high))))
    return f"about {words[0]}" if len(words) == 1 else f"{words[0]} to {words[1]}"
