"""`sightline check`."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

import click

from ..errors import LibraryBusy, UsageError
from ..protocol.commands import CheckBatches
from .answer_facts import answers
from .group import CommandGroup
from .jobs import BatchPrinter, run_job
from .options import scan_request, scan_settings
from .output import Session


@click.group(cls=CommandGroup)
def command() -> None:
    """Measure the speed of scans, the effect of batch sizes, and facts about answers."""


@command.command()
@click.argument("paths", nargs=-1, metavar="PATH...")
@scan_settings
@click.option("--sizes", default="1,2,4,8,16", show_default=True, metavar="A,B,...",
              help="Batch sizes; each is compared with the first.")  # fmt: skip
@click.option("--frames", "most", type=click.IntRange(1), default=32, show_default=True,
              metavar="N",
              help="With models: limit of pictures, and of frames per video.")  # fmt: skip
@click.option("--rounds", type=click.IntRange(1), default=1, show_default=True, metavar="N",
              help="Repetitions of each size; speeds are medians.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per batch size.")
@click.pass_obj
def batch(
    session: Session, paths: tuple[str, ...], profile: str | None, overrides: tuple[str, ...],
    stages: str | None, sensitivity: float | None, sizes: str, most: int, rounds: int,
    as_json: bool,
) -> int:  # fmt: skip
    """Measure speed and memory for each batch size, and compare the answers.

    Scans the same frames once per size, in temporary libraries; your results do not change. The
    check is a job: it runs in the library's engine if one is running, and after an interruption
    `runs resume` continues with the sizes that are not measured yet. If the library is read-only
    or locked by another command, the check runs without a job and stores nothing.

    \b
      sightline check batch pictures --stages caption --set vlm.model=qwen3-vl-2b
      sightline check batch storm.mp4 --profile quick --sizes 16,64,512
    """
    wanted = _sizes(sizes)
    request = scan_request(session, paths, profile, overrides, stages, sensitivity, (), "default")
    command = CheckBatches(request.paths, request.profile, request.overrides, wanted, rounds, most)
    return _run(session, command, as_json=as_json)


def _run(session: Session, command: CheckBatches, *, as_json: bool) -> int:
    printer = BatchPrinter(session.out, as_json=as_json)
    if _is_writable(session.library):
        try:
            return asyncio.run(run_job(session, command, printer, as_json=as_json))
        except LibraryBusy:
            pass  # another command hosts its engine
    with tempfile.TemporaryDirectory(prefix="sightline-check-") as folder:
        scratch = Path(folder)
        return asyncio.run(run_job(session, command, printer, as_json=as_json, scratch=scratch))


def _is_writable(library: Path) -> bool:
    """Return whether a library can be written, or made where there is none."""
    there = next(each for each in (library, *library.absolute().parents) if each.exists())
    return os.access(there, os.W_OK)


def _sizes(text: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words or not all(word.isdecimal() and int(word) for word in words):
        raise UsageError("--sizes takes integers of 1 or more, for example --sizes 1,4,16")
    return tuple(dict.fromkeys(map(int, words)))


@command.command()
@click.argument("paths", nargs=-1, metavar="PATH...")
@scan_settings
@click.option("--frames", "most", type=click.IntRange(1), default=256, show_default=True,
              metavar="N", help="Limit of pictures, and of frames per video.")  # fmt: skip
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, metavar="N",
              help="Repetitions; speeds are medians.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def speed(
    session: Session, paths: tuple[str, ...], profile: str | None, overrides: tuple[str, ...],
    stages: str | None, sensitivity: float | None, most: int, rounds: int, as_json: bool,
) -> int:  # fmt: skip
    """Measure the speed of a scan as a share of the speed of its models alone.

    Scans with the profile's batch size in temporary libraries, then passes the same inputs to the
    models again, without the rest of the pipeline. `of models` is the speed of the scan divided by
    that of the models: 1.00 means that decoding, preparing and storing cost no additional time.

    \b
      sightline check speed pictures --stages embed --set embed.model=siglip2-base
    """
    request = scan_request(session, paths, profile, overrides, stages, sensitivity, (), "default")
    command = CheckBatches(request.paths, request.profile, request.overrides, (), rounds, most)
    return _run(session, command, as_json=as_json)


command.add_command(answers)
