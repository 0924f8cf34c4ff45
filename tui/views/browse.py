"""What lies in a folder, for adding it."""

from __future__ import annotations

import os

from core.protocol.addresses import absolute, path_of, scheme_of
from core.service.local import is_known_kind
from core.text import clean, clean_path

from ..widgets.columns import Column
from ..widgets.rows import Row
from . import wording

COLUMNS = (Column("NAME", None, minimum=12, cut="middle"), Column("SIZE", 7, align="right"))
MOST = 5000


def rows(typed: str) -> list[Row]:
    """Return folders, then videos and pictures, that begin as what is typed does.

    What begins with a dot is left out unless a dot is typed. A folder that cannot be read has no
    rows; `key` is the whole path.
    """
    folder, start = os.path.split(_path(typed))
    folders: list[os.DirEntry[str]] = []
    files: list[os.DirEntry[str]] = []
    try:
        with os.scandir(folder or ".") as entries:
            for entry in entries:
                if len(folders) + len(files) >= MOST:
                    break
                if not _begins(entry.name, start):
                    continue
                if _is_folder(entry):
                    folders.append(entry)
                elif is_known_kind(entry.name):
                    files.append(entry)
    except (OSError, ValueError):
        return []
    return [_row(entry, folder=True) for entry in _sorted(folders)] + [
        _row(entry, folder=False) for entry in _sorted(files)
    ]


def here() -> str:
    """Return the folder we are in, to type behind; the home folder if it is gone."""
    try:
        return os.path.join(os.getcwd(), "")
    except OSError:
        return os.path.join(os.path.expanduser("~"), "")


def unquoted(typed: str) -> str:
    """Return a path without the quotes that terminals put around one dropped into them."""
    text = typed.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else typed


def whole(typed: str) -> str:
    """Return the absolute path of what is typed; a letter no path can hold leads nowhere."""
    try:
        return absolute(typed)
    except (OSError, ValueError):
        return ""


def _path(typed: str) -> str:
    """Return what is typed as a path: a `file:` URL too is listed while it is typed."""
    path = path_of(typed) if scheme_of(typed) == "file" else None
    return os.path.expanduser(typed) if path is None else path


def trouble(typed: str) -> str:
    """Return why the folder of what is typed cannot be listed, or an empty string."""
    folder = os.path.split(_path(typed))[0] or "."
    try:
        with os.scandir(folder):
            return ""
    except OSError as error:
        return f"{clean_path(folder)}: {error.strerror}"
    except ValueError:
        return "no path contains such a character"


def about(profile: str) -> str:
    """Return what a profile is for, in a line."""
    from core.config.profiles import find, read
    from core.errors import ProfileError

    try:
        return clean(str(read(find(profile)).get("description", "")), limit=100)
    except ProfileError as error:
        return f"cannot be used: {error}"


def _begins(name: str, start: str) -> bool:
    if name.startswith(".") and not start.startswith("."):
        return False
    return name.casefold().startswith(start.casefold())


def _row(entry: os.DirEntry[str], *, folder: bool) -> Row:
    name = clean_path(entry.name) + ("/" if folder else "")
    return Row(entry.path, (name, "" if folder else _size(entry)))


def _size(entry: os.DirEntry[str]) -> str:
    try:
        return wording.size(entry.stat().st_size)
    except OSError:
        return "-"


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _sorted(entries: list[os.DirEntry[str]]) -> list[os.DirEntry[str]]:
    return sorted(entries, key=lambda entry: entry.name.casefold())
