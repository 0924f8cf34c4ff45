"""A report for maintainers, and how it is written as text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..text import counted


@dataclass(frozen=True, slots=True)
class BugReport:
    """What is needed to reproduce a fault in a scan: `body` as `report --bug --json` prints it."""

    body: dict[str, Any]


def markdown(body: Mapping[str, Any]) -> str:
    """Return a report as text to paste into an issue."""
    scan = body["scan"]
    states = ", ".join(f"{count} {state}" for state, count in body["sources"].items())
    parts = [
        f"# sightline {body['sightline']}: scan {scan['number']} ({scan['profile']}, "
        f"{scan['state']})",
        f"Sources: {states or 'none'}. Python {body['python']}, {body['platform']}. "
        f"Scan from {scan['created']} to {scan['finished'] or 'not ended'}, mode {scan['mode']}.",
        "Steps to reproduce: save the profile below as `bug.toml`, then "
        "`sightline scan FILE --profile bug.toml`.",
        _block("Profile", [body["profile"].rstrip()], "toml"),
        _block("Failed", [_one_line(each) for each in body["failed"]]),
        _block("Warnings", [f"{w['source']}: {line}" for w in body["warnings"]
                            for line in w["warnings"]]),
        _block("Doctor", [f"{found['status']:8} {found['check']:12} {found['text']}"
                          for found in body["doctor"]]),
        _block("Log", body["log"]),
        _block("Packages", [f"{name}=={version}" for name, version in body["packages"].items()]),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def _one_line(failed: Mapping[str, Any]) -> str:
    facts = {k: v for k, v in failed.get("file", {}).items() if v not in (None, "")}
    size = failed.get("bytes")
    about = [failed["kind"], *([counted(size, "byte")] if size is not None else []),
             *(f"{name} {value}" for name, value in facts.items())]  # fmt: skip
    return f"{failed['source']} ({', '.join(about)}): {failed['reason']}"


def _block(title: str, lines: Sequence[str], language: str = "") -> str:
    """Return lines under a heading, fenced by more backticks than any of them holds."""
    if not lines:
        return ""
    text = "\n".join(lines)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"## {title}\n\n{fence}{language}\n{text}\n{fence}"
