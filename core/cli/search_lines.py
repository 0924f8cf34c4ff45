"""Hits of `sightline search` as text, JSON or paths."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..protocol.requests.search import Search, SearchReply
from ..text import counted
from ..times import reference, timecode
from .output import ConsoleOutput

LINE = "--- below the cut-off ---"


class SearchPrinter:
    """Prints replies; paths are printed once each, over all queries."""

    def __init__(
        self, out: ConsoleOutput, *, as_json: bool, paths: bool, null: bool, why: bool
    ) -> None:
        self._out = out
        self._json = as_json
        self._paths = paths or null
        self._null = null
        self._why = why
        self._printed: set[str] = set()

    def print(self, query: str, reply: SearchReply, number: int | None, request: Search) -> None:
        """Print one reply; `number` is that of the query where there are several."""
        for note in reply.notes:
            self._out.note(note)
        if self._json:
            self._print_json(query, reply, number)
        elif self._paths:
            for row in reply.rows:
                self._print_path(row)
        else:
            if number is not None:
                self._out.result(f"# {query}")
            self._print_rows(reply)
        if not reply.total and not self._json:
            self._say_nothing(reply, request)

    def _print_json(self, query: str, reply: SearchReply, number: int | None) -> None:
        whole = asdict(reply)
        rows = whole.pop("rows")
        self._out.json({"type": "Search", "query": query, "number": number, **whole})
        for place, row in enumerate(rows, reply.first + 1):
            self._out.json({"type": "Hit", "number": number, "rank": place, **row})

    def _print_rows(self, reply: SearchReply) -> None:
        passing = True
        for row in reply.rows:
            if passing and not row["passes"]:
                self._out.result(LINE)
                passing = False
            self._out.result(line_of(row))
            for line in why_lines(row) if self._why else ():
                self._out.result(line)
        shown = reply.first + len(reply.rows)
        left = reply.total - shown
        if left > 0:
            self._out.note(f"{counted(left, 'more hit')}: --page or --limit shows them")

    def _print_path(self, row: Mapping[str, Any]) -> None:
        path = row["path"]
        if path in self._printed:
            return
        self._printed.add(path)
        if not self._null and sys.stdout.isatty():
            self._out.result(path)
            return
        data = os.fsencode(path) + (b"\0" if self._null else b"\n")
        stream = getattr(sys.stdout, "buffer", None)
        if stream is None:
            sys.stdout.write(os.fsdecode(data))
        else:
            stream.write(data)
            stream.flush()

    def _say_nothing(self, reply: SearchReply, request: Search) -> None:
        if reply.best is None:
            self._out.warn("nothing found")
            return
        rest = "" if request.every else "; --all shows what does not pass"
        self._out.warn(
            f"nothing passes at a false rate of {100 * request.false_rate:.3g}%; the best was "
            f"{line_of(reply.best)}{rest}"
        )


def line_of(row: Mapping[str, Any]) -> str:
    """Return a hit in one line."""
    parts = [_where(row), _event(row) or _stretch(row), _match(row)]
    if row["box"] is not None and row["label"]:
        x, y, width, height = row["box"]
        parts.append(f"{row['label']} at {x:.0f},{y:.0f} {width:.0f}x{height:.0f}")
    parts += [row["caption"] or ", ".join(row["tags"][:5]), "FILE IS GONE" if row["gone"] else ""]
    if row["scan"] is not None:
        parts.append(reference(row["frame"], row["scan"], row["stream"]))
    return "  ".join(part for part in parts if part)


def why_lines(row: Mapping[str, Any]) -> list[str]:
    """Return the place of a hit in each list, a line each."""
    lines = []
    for each in row["why"]:
        share = each["weight"] / (60 + each["rank"])
        lines.append(
            f"    {each['list']}: rank {each['rank']}, value {each['value']:.3f}, "
            f"weight {each['weight']:g}, adds {share:.5f}"
        )
    if row["probability"] is not None:
        lines.append(f"    probability that chance reaches this score: {row['probability']:.2g}")
    return lines


def _where(row: Mapping[str, Any]) -> str:
    path = row["path"] or row["content"]
    return path if row["kind"] == "picture" else f"{path}@{timecode(row['seconds'])}"


def _stretch(row: Mapping[str, Any]) -> str:
    if row["start_frame"] == row["end_frame"]:
        return ""
    return f"{timecode(row['start_seconds'])} to {timecode(row['end_seconds'])}"


def _event(row: Mapping[str, Any]) -> str:
    event = row["event"]
    if event is None:
        return ""
    rejected = "" if event["accepted"] else f"  rejected: {event['reason']}"
    stretch = f"{timecode(row['start_seconds'])} to {timecode(row['end_seconds'])}"
    return f"{event['kind']} {stretch}  score {event['score']:g}{rejected}"


def _match(row: Mapping[str, Any]) -> str:
    if row["z"] is not None:
        return f"z {row['z']:.2f}"
    return f"cosine {row['cosine']:.3f}" if row["cosine"] is not None else "words"
