"""What a maintainer needs to reproduce a fault in a scan, without what is private.

File names are replaced by `source-N.ext`, N being the number of the source in the scan; folders,
the user's name and home, user information in URLs and access tokens are taken out everywhere.
"""

from __future__ import annotations

import getpass
import os
import platform
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from ..config.profiles import as_toml
from ..errors import UnknownName
from ..scans.stored_spec import spec_of
from ..storage.library import Library
from ..storage.runs import ScanRow, TaskRow
from ..version import sightline_version
from .loglines import log_lines

MOST_LINES = 200
"""of the log, and of failures"""
_OF_PROGRAMS = (".py", ".so", ".pyd", ".dll", ".toml", ".db", ".log")
_FOLDERS = ("python", "python3", "hub", ".venv", "library", "bin", "lib")
"""endings and last parts of paths that say how a program is installed, and nothing of a user"""
SHORTEST_NAME = 4
"""shorter ones are replaced only as a part of their path: they may be a part of any word"""
_NUMBERED = re.compile(r"(?:scan|job) (\d+)\b")
_TOKEN = re.compile(r"\b(hf_[A-Za-z0-9]{8,}|sk-[A-Za-z0-9_-]{8,}|gh[pousr]_[A-Za-z0-9]{8,})")
_SECRET = re.compile(r"(?i)\b(bearer\s+|(?:api_?key|token|password|secret)\s*[=:]\s*)\S+")
_URL_USER = re.compile(r"(?<=://)[^/\s@]+@")
_QUERY = re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\"]+")
_PATH = re.compile(r"(?<![\w.:/])…?(?:~|/)(?:[^\s'\":;,()]+/)+([^\s'\":;,()/]*)")
"""a path of at least one folder, shortened or not; its last part is kept"""


def bug_report(
    library: Library, scan: int, log: Path, findings: Sequence[Mapping[str, Any]] = (), *,
    names: bool,
) -> dict[str, Any]:  # fmt: skip
    """Return a scan's settings, failures, warnings and log as JSON values. Raises UnknownName.

    `findings` are those of `doctor`. With `names`, paths are kept as they are; tokens never are.
    """
    row = library.runs.get(scan)
    tasks = library.runs.tasks(scan)
    failed = [task for task in tasks if task.state == "failed"]
    hidden = Redaction((), keep_names=True) if names else Redaction(tasks)
    body = {
        "scan": {
            "number": scan, "profile": row.profile, "state": row.state, "created": row.created,
            "finished": row.finished, "mode": row.asked.get("mode", ""),
            "globs": row.asked.get("globs", []),
        },
        "sources": dict(Counter(task.state for task in tasks)),
        "profile": as_toml(spec_of(library, scan)),
        "failed": [_failure(library, task) for task in failed[:MOST_LINES]],
        "warnings": _warnings(library, row, tasks),
        "provenance": _provenance(library, row, tasks),
        "doctor": findings,
        "log": _log(log, row),
    }  # fmt: skip
    head = {
        "format": "sightline.bug-report", "version": 1, "sightline": sightline_version(),
        "created": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(), "platform": platform.platform(),
        "packages": packages(),
    }  # fmt: skip
    return {**head, **hidden.of(body)}


def packages() -> dict[str, str]:
    """Return the installed packages with their versions, in order of name."""
    found = {each.metadata["Name"]: each.version for each in distributions()}
    return dict(sorted((str(name), version) for name, version in found.items() if name))


class Redaction:
    """Takes what is private out of texts."""

    def __init__(self, tasks: Iterable[TaskRow], *, keep_names: bool = False) -> None:
        self._keep_names = keep_names
        self._names: dict[str, str] = {}
        for task in tasks:
            instead = f"source-{task.number}{os.path.splitext(task.path)[1][:12]}"
            folder, name = os.path.split(task.path)
            self._names[task.path] = instead
            if len(name) >= SHORTEST_NAME:
                self._names.setdefault(name, instead)
            if len(folder) >= SHORTEST_NAME:
                self._names.setdefault(folder, "FOLDER")
        # The longest first: a name may be a part of another.
        self._known = sorted(self._names, key=len, reverse=True)
        self._user = ""
        with suppress(Exception):  # no name for this user id
            self._user = getpass.getuser()

    def of(self, value: Any) -> Any:
        """Return JSON values with every text in them redacted."""
        match value:
            case str():
                return self._text(value)
            case Mapping():
                return {self._text(str(name)): self.of(each) for name, each in value.items()}
            case list() | tuple():
                return [self.of(each) for each in value]
        return value

    def _text(self, text: str) -> str:
        text = _QUERY.sub(r"\1", _URL_USER.sub("", _TOKEN.sub("TOKEN", text)))
        text = _SECRET.sub(r"\1TOKEN", text)
        if self._keep_names:
            return text
        for name in self._known:
            if name in text:
                text = text.replace(name, self._names[name])
        text = _PATH.sub(_last_part, text)
        home = os.path.expanduser("~")
        text = text.replace(home, "~") if len(home) > 1 else text
        if len(self._user) > 2:
            text = re.sub(rf"\b{re.escape(self._user)}\b", "USER", text)
        return text


def _last_part(path: re.Match[str]) -> str:
    """Return what is kept of a path: the name of a module or program, only the ending of others."""
    name = path[1]
    if os.path.splitext(name)[1] in _OF_PROGRAMS or name in _FOLDERS:
        return f"…/{name}"
    return f"…/NAME{os.path.splitext(name)[1][:12]}"


def _failure(library: Library, task: TaskRow) -> dict[str, Any]:
    found: dict[str, Any] = {"source": task.path, "kind": task.kind, "reason": task.reason}
    with suppress(OSError):
        found["bytes"] = os.stat(task.path).st_size
    if task.content is not None:
        found["file"] = _file_facts(library, task)
    return found


def _file_facts(library: Library, task: TaskRow) -> dict[str, Any]:
    """Return what the probe of a source found out that says how it is read."""
    try:
        info = library.results.info(str(task.content), task.path)
    except UnknownName:
        return {}
    return {
        "container": info.container, "codec": info.codec, "pixel_format": info.pixel_format,
        "size": [info.width, info.height], "frame_rate": info.frame_rate,
        "frames": info.frame_count, "seconds": info.duration_seconds,
    }  # fmt: skip


def _warnings(library: Library, row: ScanRow, tasks: Sequence[TaskRow]) -> list[dict[str, Any]]:
    found = []
    for task in tasks:
        result = library.results.get(task.content, row.spec_hash) if task.content else None
        if result is not None and result.warnings:
            found.append({"source": task.path, "warnings": list(result.warnings)})
        if len(found) == MOST_LINES:
            break
    return found


def _provenance(library: Library, row: ScanRow, tasks: Sequence[TaskRow]) -> Any:
    """Return what made the first result there is: one scan is made by one environment."""
    for task in tasks:
        result = library.results.get(task.content, row.spec_hash) if task.content else None
        if result is not None:
            return result.provenance
    return {}


def _log(log: Path, row: ScanRow) -> list[str]:
    """Return the last lines of the log from the scan's time that are about no other job.

    Lines without a number (loading of models, tracebacks, FFmpeg) are kept without any path; those
    of watched folders name files that belong to other scans, and are left out.
    """
    begin, end = _local(row.created, -1), _local(row.finished, 1)
    lines = []
    for line in log_lines(log, "INFO", ""):
        if not (line["time"] and begin <= line["time"] <= (end or "9")):
            continue
        number = _NUMBERED.match(line["text"])
        if line["where"].startswith("watch") or (number and int(number[1]) != row.id):
            continue
        lines.append(f"{line['time']} {line['level']} {line['where']} {line['text']}".strip())
    return lines[-MOST_LINES:]


def _local(written: str | None, seconds: int) -> str:
    """Return a time of the library as the log writes it, so many seconds later."""
    if not written:
        return ""
    at = datetime.fromisoformat(written)
    return (at.astimezone() + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")
