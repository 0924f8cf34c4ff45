"""`sightline map`: pictures and frames laid out by what they show."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import cast

import click

from ..errors import UsageError
from ..protocol.requests.maps import LAYOUTS, GetMap, Layout, Map
from ..service.client import ask_library
from ..service.local import map_picture, write_file
from ..text import clean_path, counted, json_text
from .output import ConsoleOutput, Session

SUFFIXES = (".png", ".json")


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--scan", type=int, metavar="N", help="Only sources of this scan.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write the map to FILE.png or FILE.json.")  # fmt: skip
@click.option("--groups", type=click.IntRange(1, 40), metavar="N",
              help="Number of groups  [default: by the number of frames].")  # fmt: skip
@click.option("--layout", type=click.Choice(LAYOUTS), default="pca", show_default=True,
              help="tsne separates groups better, takes longer and needs openTSNE.")  # fmt: skip
@click.option("--model", default="", metavar="NAME",
              help="Vectors of the model whose name contains NAME.")  # fmt: skip
@click.option("--size", nargs=2, type=click.IntRange(200, 16384), default=(1600, 1200),
              show_default=True, metavar="W H", help="Size of the picture in pixels.")  # fmt: skip
@click.option("--font", default="", metavar="FILE",
              help="Font for labels in scripts that the built-in one lacks.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per group.")
@click.pass_obj
def command(
    session: Session, paths: tuple[str, ...], scan: int | None, out: Path | None,
    groups: int | None, layout: str, model: str, size: tuple[int, int], font: str, as_json: bool,
) -> int:  # fmt: skip
    """Draw a map of pictures and frames by what they show.

    Every frame with a vector is a point: the profile `index` computes vectors. Points are divided
    into groups, which are named after the tags and words of captions that distinguish them.
    Only vectors of one model are comparable; of several, that of most files is used.

    \b
      sightline map --out map.png
      sightline map ~/Pictures --groups 12 --out map.json
    """
    if out is not None and out.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{clean_path(str(out))}: the name must end in {' or '.join(SUFFIXES)}")
    # Threads of BLAS wait busily for each other: on a loaded machine ten times the CPU time.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    request = GetMap(paths, scan, model, groups or 0, cast("Layout", layout))
    found = ask_library(session.library, request)
    if out is not None:
        is_picture = out.suffix.lower() == ".png"
        data = map_picture(found, *size, font) if is_picture else _json(found)
        if is_picture and not font and _needs_font(found):
            session.out.warn("labels in scripts other than Latin need --font FILE to be shown")
        write_file(out.absolute(), data)
    _print(session.out, found, as_json)
    if out is not None:
        session.out.note(f"written to {clean_path(str(out))}")
    return 0


def _needs_font(found: Map) -> bool:
    """Return whether a name has letters that the built-in font (Latin) lacks."""
    words = (word for group in found.groups for word in group.words)
    return any(char > "\u024f" and char.isalnum() for word in words for char in word)


def _json(found: Map) -> bytes:
    body = {"type": "Map", **asdict(found.summary), "groups": [asdict(g) for g in found.groups],
            "items": [asdict(point) for point in found.points]}  # fmt: skip
    return json_text(body).encode() + b"\n"


def _print(out: ConsoleOutput, found: Map, as_json: bool) -> None:
    for group in found.groups:
        example = found.points[group.example].path
        if as_json:
            out.json({"type": "MapGroup", **asdict(group), "path": example})
        else:
            name = ", ".join(group.words) or f"group {group.number + 1}"
            points = counted(group.points, "frame")
            out.listed(f"{name}  {points}  for example {clean_path(example)}")
    out.send()
    summary = found.summary
    out.note(
        f"{counted(summary.points, 'frame')} of {counted(summary.files, 'file')}, vectors of "
        f"{summary.model}; {counted(summary.without, 'file')} without a vector"
    )
