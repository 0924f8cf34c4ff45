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
@click.option(
    "--list-presets", is_flag=True, help="List the prompts for --prompt-preset, and return."
)
@click.option(
    "--glob",
    "globs",
    multiple=True,
    metavar="PATTERN",
    help="In folders, only files whose name matches, for example '*.mp4'.",
)
@links_option
@click.option("--redo", "--full", is_flag=True, help="Repeat all work, even if results are stored.")
@click.option("--changed", "--incremental", is_flag=True, help="Scan only new or changed files.")
@click.option("--retry-failed", is_flag=True, help="Also retry files that failed before.")
@click.option("--dry-run", is_flag=True, help="Print what would be done and the estimated time.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON event per line on stdout.")
@click.option("--no-ui", is_flag=True, help="Do not open the app.")
@out_option
@formats_option
@click.option(
    "--clips",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write a clip of each event to this folder.",
)
@click.option(
    "--pictures",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write a picture of each event's peak to this folder.",
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

    PATH is a file, a folder, a file:/// URL of either, or '-' to read a list of paths from stdin.
    Folders are read recursively, in natural order. Links that lead out of a folder, and system
    folders of NAS and desktop systems (@eaDir, #recycle, ...), are skipped and counted unless you
    name them.

    On a terminal, scan opens the app; you can close it while the scan continues. With --no-ui,
    --json or an output folder, and in a pipe, it prints events on stdout, one per line, and
    progress and failures on stderr; Ctrl+C stops it after the current microbatch (the group of
    frames measured and stored together), and `sightline runs resume` continues. Stored results
    are reused.
    """
    if list_presets:
        return print_prompts(session, every=False, as_json=as_json)
    written = any((out, formats, clips, pictures))
    headless = no_ui or as_json or written or not session.at_terminal
    opens_app = session.app is not None and not headless
    mode = _mode(redo=redo, changed=changed, retry_failed=retry_failed)
    # What is loaded on the way to the first frame stays: collecting garbage among it costs a
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
        raise UsageError("--redo, --changed and --retry-failed are mutually exclusive; use one")
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
    has_sources = bool(planned.sources or planned.unchanged)
    if not has_sources and not planned.missing and not planned.left_out:
        why = "; ".join(["no video or picture", *planned.passed_over.lines()])
        raise NothingToScan(f"nothing to scan: {why}; name a file to scan it anyway")
    code = ExitCode.OK if has_sources else ExitCode.NOTHING_TO_SCAN
    code = ExitCode.SOME_FAILED if has_sources and planned.missing else code
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
    if planned.unchanged:
        left = counted(planned.unchanged, "source is known and", "sources are known and")
        session.out.result(f"{left} not scanned again (--changed)")
    return int(code)


def _between(low: float | None, high: float | None, duration: Callable[[float], str]) -> str:
    """Return how long something takes, from the least to the most that was measured."""
    if low is None or high is None:
        return "time unknown"
    words = list(dict.fromkeys((duration(low), duration(high))))
    return f"about {words[0]}" if len(words) == 1 else f"{words[0]} to {words[1]}"
