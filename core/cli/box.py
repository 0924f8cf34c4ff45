"""`sightline box`: boxes that people draw on frames."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict

import click

from ..errors import UsageError
from ..protocol.commands import DrawBox, EraseBox
from ..protocol.instant_view import InstantView
from ..protocol.requests.instants import GetInstant
from ..records import DrawnBox, SourceInfo
from ..service.attach import headless
from ..service.client import ask_library, wait_for
from ..text import clean, clean_path
from ..times import reference, timecode
from .moments import split_moment
from .output import ConsoleOutput, Session

_BOX = re.compile(r"(?P<label>.+)=(?P<numbers>[^=]+)", re.DOTALL)
_NUMBER = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(%?)\s*", re.ASCII)
FARTHEST_SECONDS = 1.0
"""between the time that was typed and the frame it means"""
Corner = tuple[float, float, float, float]


@click.command()
@click.argument("moment", metavar="FILE@TIME")
@click.option(
    "--add", "added", multiple=True, metavar="LABEL=X,Y,W,H",
    help="Add a box: pixels of the upright frame, or percent (bolt=10%,20%,30%,15%).",
)  # fmt: skip
@click.option(
    "--remove", "removed", type=int, multiple=True, metavar="NUMBER", help="Remove a box."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per box.")
@click.pass_obj
def command(
    session: Session, moment: str, added: tuple[str, ...], removed: tuple[int, ...], as_json: bool
) -> int:
    """List, add and remove boxes that you draw on a frame.

    TIME is as in `show`; you can paste a line that `results` printed. The boxes belong to the frame
    that `show` names, and to the content of the file. They are exported with the objects that
    models found (`coco`, `yolo`, `json`, `jsonl`, `csv`), marked `drawn` where the format can.
    """
    path, when = split_moment(moment)
    view = ask_library(session.library, GetInstant(path, when))
    if added or removed:
        wait_for(_change(session, _frame_meant(view), added, removed))
        view = ask_library(session.library, GetInstant(path, when))
    for box in view.drawn:
        _print(session.out, view, box, as_json)
    if not view.drawn:
        session.out.note(f"no boxes on frame {view.frame} of {clean_path(view.info.path)}")
    return 0


def _frame_meant(view: InstantView) -> InstantView:
    if abs(view.frame_seconds - view.seconds) > FARTHEST_SECONDS:
        raise UsageError(
            f"scan {view.scan} measured no frame near {timecode(view.seconds)}; "
            f"the nearest is at {timecode(view.frame_seconds)}"
        )
    return view


async def _change(
    session: Session, view: InstantView, added: Sequence[str], removed: Sequence[int]
) -> None:
    where = view.info.content, view.frame
    boxes = [parsed(text, view.info) for text in added]
    engine = await headless(session.library)
    try:
        for number in removed:
            await engine.send(EraseBox(*where, number))
        for label, corner in boxes:
            await engine.send(DrawBox(*where, view.frame_seconds, label, corner))
    finally:
        await engine.close()


def parsed(text: str, info: SourceInfo) -> tuple[str, Corner]:
    """Return the label of LABEL=X,Y,W,H and the box as shares of the picture. Raises UsageError."""
    found = _BOX.fullmatch(text)
    numbers = [_NUMBER.fullmatch(part) for part in found["numbers"].split(",")] if found else []
    if found is None or len(numbers) != 4 or None in numbers:
        raise UsageError(
            f"'{clean(text, limit=80)}' is no box; write LABEL=X,Y,WIDTH,HEIGHT in pixels, "
            "or in percent as in bolt=10%,20%,30%,15%"
        )
    sizes = (info.width, info.height) * 2
    shares = [
        float(number[1]) / (100 if number[2] else max(size, 1))
        for number, size in zip(numbers, sizes, strict=True)
        if number is not None
    ]
    x, y, width, height = shares
    return found["label"].strip(), (x, y, width, height)


def _print(out: ConsoleOutput, view: InstantView, box: DrawnBox, as_json: bool) -> None:
    info = view.info
    pixels = [
        round(share * size, 1)
        for share, size in zip(
            (box.x, box.y, box.width, box.height), (info.width, info.height) * 2, strict=True
        )
    ]
    if as_json:
        out.json({"type": "DrawnBox", **asdict(box), "path": info.path, "box": pixels})
        return
    x, y, width, height = pixels
    at = f"{clean_path(info.path)}@{timecode(view.frame_seconds)}"
    out.result(
        f"{at}  box {box.number}  {clean(box.label)}  {width:g} x {height:g} px at {x:g}, {y:g}  "
        f"{reference(view.frame, view.scan)}"
    )
