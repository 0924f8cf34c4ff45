"""What an export dialog asks for: which rows, as what, with what, to where, and the same command.

Nothing here draws; see `screens/export.py`.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from core.protocol.queries import ExportRequest, ListResults
from core.protocol.requests.exports import ExportSize
from core.text import byte_size, counted

VIEW, PICKED, RIGHT, OPEN = "view", "picked", "right", "right and unjudged"
TABLES = {
    "csv table": "one file, a line for each row: time, kind, score, judgement, file, region",
    "jsonl table": "one file, a JSON object for each row",
}
WORDS = {PICKED: "is:marked", RIGHT: "is:right", OPEN: "-is:wrong -is:unsure"}
"""the conditions that leave these rows of the list in view"""
CLIPS, PICTURES, REJECTED = "clips", "pictures", "rejected"
NOTES = {
    CLIPS: "with lead-in and run-out; about so large if they can be copied",
    PICTURES: "a full picture of each peak; about so large",
    REJECTED: "rejected candidates in the tables, too",
}


class Option(NamedTuple):
    """One thing that can be chosen: whether it is, its name, and how many or how large."""

    is_on: bool
    name: str
    note: str = ""


@dataclass
class ExportChoice:
    """What is chosen; `query` is the list in view, `formats` is (name, description) of each."""

    query: ListResults
    formats: Sequence[tuple[str, str]]
    folder: Path
    library: Path | None = None
    """where the shell needs its address"""
    which: str = VIEW
    chosen: list[str] = field(default_factory=lambda: ["csv table"])
    extras: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)
    size: ExportSize | None = None
    base: Path | None = None
    """as it was typed; None for a name of our own"""
    is_folder: bool = False
    """whether what was typed is a folder to write into"""

    # What can be chosen

    def groups(self) -> list[tuple[str, list[Option]]]:
        """Return the groups of options, each with its title."""
        which = [Option(each == self.which, each, self._count(each)) for each in self.kinds()]
        names = [*TABLES, *(name for name, _ in self.formats)]
        shapes = [Option(each in self.chosen, each) for each in names]
        extras = [Option(each in self.extras, each, self._extra(each)) for each in self._extras()]
        return [("Which", which), ("As", shapes), *([("With", extras)] if extras else [])]

    def kinds(self) -> list[str]:
        """Return which rows can be chosen; frames cannot be judged."""
        return [VIEW, PICKED] if self.query.what == "frames" else [VIEW, PICKED, RIGHT, OPEN]

    def meaning(self, group: str, name: str) -> str:
        """Return what an option is, in one line."""
        if group == "Which":
            shown = "the rows of the list, as filtered and cut off"
            return {VIEW: shown, PICKED: f"{shown}, that are marked (m)"}.get(
                name, f"{shown}, that are judged right{' or not judged' * (name == OPEN)}"
            )
        return {**TABLES, **NOTES, **dict(self.formats)}[name]

    def toggle(self, group: str, name: str) -> None:
        """Choose an option, or no longer."""
        if group == "Which":
            self.which = name
        elif group == "With":
            self.extras ^= {name}
        elif name in self.chosen:
            self.chosen.remove(name)
        else:
            self.chosen.append(name)

    # What is asked for

    def query_of(self, which: str, *, rejected: bool | None = None) -> ListResults:
        """Return the list of some of the rows in view."""
        query = self.query
        with_rejected = REJECTED in self.extras if rejected is None else rejected
        what = "candidates" if with_rejected and query.what == "events" else query.what
        text = f"{query.text} {WORDS.get(which, '')}".strip()
        return replace(query, what=what, text=text)

    def tables(self) -> list[tuple[str, Path]]:
        """Return format and file of each table."""
        names = [name.split()[0] for name in TABLES if name in self.chosen]
        return [(name, Path(f"{self.target()}.{name}")) for name in names]

    def request(self) -> ExportRequest | None:
        """Return what is to be written into a folder; None for nothing."""
        query, folder = self.query_of(self.which, rejected=False), str(self.target())
        formats = tuple(name for name, _ in self.formats if name in self.chosen)
        asked = ExportRequest(
            query.scan, query.text, formats, folder if formats else "",
            folder if CLIPS in self.extras else "", folder if PICTURES in self.extras else "",
            query.cut_offs,
        )  # fmt: skip
        return asked if asked.folder or asked.clips or asked.pictures else None

    def target(self) -> Path:
        """Return the folder, and the file without its ending; none of them is there yet."""
        begun = self.base or self.folder / self._own_name()
        if not begun.name or (begun.is_dir() and self.is_folder):
            begun /= self._own_name()
        number = 1
        while any(os.path.lexists(each) for each in self._targets(_numbered(begun, number))):
            number += 1
        return _numbered(begun, number)

    def type_path(self, typed: str) -> None:
        """Take a path as it is typed: a folder, or a name with or without the ending of a table."""
        self.is_folder = typed.endswith(os.sep)
        path = Path(typed) if typed.strip() else None
        endings = [f".{name.split()[0]}" for name in TABLES]
        is_table = path is not None and path.suffix in endings and path.stem
        self.base = path.with_suffix("") if path is not None and is_table else path

    def files(self) -> list[str]:
        """Return the names of what is written."""
        request = self.request()
        return [path.name for _, path in self.tables()] + (
            [f"{self.target().name}/"] if request else []
        )

    def trouble(self) -> str:
        """Return why nothing can be written, or an empty string."""
        if not self.chosen and not (self.extras - {REJECTED}):
            return "choose a format, clips or pictures"
        if self.counts.get(self.which) == 0 and REJECTED not in self.extras:
            return f"no row: {self.which}"
        parent = self.target().parent
        return "" if parent.is_dir() else f"no folder {parent}"

    def command(self) -> list[str]:
        """Return the words of the command that writes the same files."""
        query, request = self.query_of(self.which), self.request()
        words = ["sightline", *(["--library", shown_path(self.library)] if self.library else [])]
        words += ["export", str(query.scan)]
        words += ["--filter", shlex.quote(query.text)] if query.text else []
        for kind, least in query.cut_offs:
            words += ["--cut-off", shlex.quote(f"{kind}={least:g}")]
        for name in request.formats if request else ():
            words += ["--format", shlex.quote(name)]
        words += [f"--{each}" for each in (CLIPS, PICTURES) if each in self.extras]
        words += ["--out", shown_path(self.target())] if request else []
        for _, path in self.tables():
            words += ["--table", shown_path(path)]
        return words + (self._order(query) if self.tables() else [])

    def _order(self, query: ListResults) -> list[str]:
        what = ["--what", query.what] if query.what != "events" else []
        sort = ["--sort", query.sort] if query.sort != "source" else []
        return [*what, *sort, *(["--descending"] if query.descending else [])]

    def _targets(self, base: Path) -> list[Path]:
        tables = [Path(f"{base}.{name.split()[0]}") for name in TABLES if name in self.chosen]
        into = [base] if self._in_folder() else []
        return [*tables, *into]

    def _in_folder(self) -> bool:
        in_files = any(name in self.chosen for name, _ in self.formats)
        return in_files or bool(self.extras & {CLIPS, PICTURES})

    def _own_name(self) -> str:
        what = "" if self.which == VIEW else f"-{self.which.replace(' ', '-')}"
        return f"scan-{self.query.scan}{what}"

    def _extras(self) -> list[str]:
        return {"events": [CLIPS, PICTURES, REJECTED], "candidates": [CLIPS, PICTURES]}.get(
            self.query.what, []
        )

    def _count(self, which: str) -> str:
        return str(self.counts[which]) if which in self.counts else "-"

    def _extra(self, name: str) -> str:
        size = self.size
        if name == REJECTED:
            return f"{self.counts[REJECTED]}" if REJECTED in self.counts else ""
        if size is None:
            return ""
        if name == CLIPS:
            return f"{size.clips}, {byte_size(size.clip_bytes)}"
        about = "" if size.picture_bytes is None else f", {byte_size(size.picture_bytes)}"
        return f"{size.pictures}{about}"


def said(rows: Mapping[str, int], files: int, folder: Path, words: Sequence[str]) -> str:
    """Return what was written: rows of each table, and how many files in the folder."""
    parts = [f"{counted(count, 'row')} written: {name}" for name, count in rows.items()]
    if files:
        parts.append(f"{counted(files, 'file')} written in {folder.name}/")
    return "; ".join([*parts, *words]) + f" in {shown_path(folder.parent)}"


def shown_path(path: Path) -> str:
    """Return a path as a shell takes it, short below the home folder."""
    home = os.path.expanduser("~")
    if path.is_relative_to(home) and path != Path(home) and home not in ("~", "/"):
        return "~/" + shlex.quote(str(path.relative_to(home)))
    return shlex.quote(str(path))


def _numbered(base: Path, number: int) -> Path:
    return base if number == 1 else base.with_name(f"{base.name}-{number}")
