"""`sightline check`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ..errors import UsageError
from ..service.client import check_batches
from ..text import counted
from .options import scan_request, scan_settings
from .output import ConsoleOutput, Session

if TYPE_CHECKING:
    from ..protocol.views import Agreement, BatchLine

EXPLANATION = (
    "Sums over a batch of another size are added up in another order. Where two words are all but "
    "equally likely, that makes the other one win: rarely in float32, more often in 16 bits."
)


@click.group()
def command() -> None:
    """Check models before you rely on them."""


@command.command()
@click.argument("paths", nargs=-1, metavar="PATH...")
@scan_settings
@click.option("--sizes", default="1,2,4,8,16", show_default=True, metavar="A,B,...",
              help="Batch sizes; all are compared with the first.")  # fmt: skip
@click.option("--frames", "most", type=click.IntRange(1), default=32, show_default=True,
              metavar="N",
              help="With models: at most so many pictures, and frames of each video.")  # fmt: skip
@click.option("--rounds", type=click.IntRange(1), default=1, show_default=True, metavar="N",
              help="Run all sizes so often; speeds are medians.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="One JSON object a batch size.")
@click.pass_obj
def batch(
    session: Session, paths: tuple[str, ...], profile: str | None, overrides: tuple[str, ...],
    stages: str | None, sensitivity: float | None, sizes: str, most: int, rounds: int,
    as_json: bool,
) -> int:  # fmt: skip
    """Show what batches cost and gain, and whether answers change with their size.

    Scans the same frames once for each size, in a place of its own: your library is not touched.

    \b
      sightline check batch pictures --stages caption --set vlm.model=qwen3-vl-2b
      sightline check batch storm.mp4 --profile quick --sizes 16,64,512
    """
    wanted = _sizes(sizes)
    request = scan_request(session, paths, profile, overrides, stages, sensitivity, (), "default")
    lines = check_batches(request, wanted, rounds, most, session.out.note)
    compared = []
    for line in lines:
        compared.append(line)
        if as_json:
            session.out.json({"type": "BatchLine", **asdict(line)})
    if not as_json:
        _print(session.out, compared)
    return 0


def _sizes(text: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words or not all(word.isdecimal() and int(word) for word in words):
        raise UsageError("--sizes takes numbers from 1 on, as in --sizes 1,4,16")
    return tuple(dict.fromkeys(map(int, words)))


def _print(out: ConsoleOutput, lines: list[BatchLine]) -> None:
    same = [f"same {stage.stage}" for stage in lines[0].stages]
    rows = [["batch", "frames/s", "speed", "peak MiB", *same], *map(_row, lines)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        out.result("  ".join(cells))
    differing = [(line, stage) for line in lines for stage in line.stages if stage.difference]
    for line, stage in differing:
        out.result(f"batch {line.batch}, {stage.stage}, {stage.difference}")
    if differing:
        out.result(EXPLANATION)
    out.note(
        f"{counted(lines[0].frames, 'frame')}, decoding included; "
        f"same as in batches of {lines[0].batch}"
    )


def _row(line: BatchLine) -> list[str]:
    peak = "-" if line.peak_bytes is None else f"{line.peak_bytes / 2**20:.0f}"
    speeds = [f"{line.frames_per_second:.3g}", f"{line.speed:.2f}"]
    return [str(line.batch), *speeds, peak, *map(_cell, line.stages)]


def _cell(stage: Agreement) -> str:
    cosine = "" if stage.least_cosine is None else f" (cosine {stage.least_cosine:.5f})"
    return f"{stage.same} of {stage.answers}{cosine}"
