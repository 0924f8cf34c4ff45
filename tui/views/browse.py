"""What lies in a folder, for adding it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from core.protocol.addresses import absolute, scheme_of
from core.service.local import is_known_kind
from core.text import clean, clean_path

from ..widgets.columns import Column
from ..widgets.rows import Row
from . import shell_words, wording

COLUMNS = (Column("NAME", None, minimum=12, cut="middle"), Column("SIZE", 7, align="right"))
MOST = 5000
WHOLE_FOLDER = "./ all of this folder"


def rows(typed: str) -> list[Row]:
    """Return folders, then videos and pictures, that begin as what is typed does.

    The first row is the folder itself, where nothing is typed behind it. What begins with a dot
    is left out unless a dot is typed. A folder that cannot be read has no rows; `key` is the whole
    path.
    """
    folder, start = os.path.split(os.path.expanduser(typed))
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
    own = [] if start else [Row(folder or os.curdir, (WHOLE_FOLDER, ""))]
    return [
        *own,
        *(_row(entry, folder=True) for entry in _sorted(folders)),
        *(_row(entry, folder=False) for entry in _sorted(files)),
    ]


def pasted_rows(paths: Sequence[str]) -> list[Row]:
    """Return a row for each pasted path; of one that does not exist it says so."""
    return [_pasted_row(path) for path in paths]


def exists(path: str) -> bool:
    """Return whether a path leads to anything that can be read."""
    try:
        return os.path.exists(os.path.expanduser(path))
    except ValueError:
        return False


def here() -> str:
    """Return the folder we are in, to type behind; the home folder if it is gone."""
    try:
        return os.path.join(os.getcwd(), "")
    except OSError:
        return os.path.join(os.path.expanduser("~"), "")


def unquoted(typed: str) -> str:
    """Return a path without the quotes and escapes of shells, and of a `file:` URL its path."""
    return shell_words.meant(typed)


def whole(typed: str) -> str:
    """Return the absolute path of what is typed; a letter no path can hold leads nowhere."""
    try:
        return absolute(typed)
    except (OSError, ValueError):
        return ""


def whole_or_same(typed: str) -> str:
    """Return the absolute path; what cannot be one stays, to be refused by whoever reads it."""
    return whole(typed) or typed


def trouble(typed: str) -> str:
    """Return why there is nothing to list for what is typed, or an empty string."""
    if scheme := scheme_of(typed):
        return f"{scheme}: URLs of other machines cannot be read; copy the files here first"
    path = os.path.expanduser(typed)
    folder, start = os.path.split(path)
    folder = folder or os.curdir
    try:
        with os.scandir(folder) as entries:
            found = not start or exists(path) or any(_begins(each.name, start) for each in entries)
            return "" if found else _missing(path)
    except (FileNotFoundError, NotADirectoryError):
        return _missing(path)
    except OSError as error:
        return f"{clean_path(folder)}: {error.strerror}"
    except ValueError:
        return "no path contains such a character"


def nearest_folder(typed: str) -> str:
    """Return the folder furthest along a path that exists."""
    folder = os.path.abspath(os.path.expanduser(typed))
    while not os.path.isdir(folder) and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    return folder


def _missing(path: str) -> str:
    nearest = clean_path(nearest_folder(path))
    return f"does not exist: {clean_path(path)}; nearest folder (tab): {nearest}"


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


def _pasted_row(path: str) -> Row:
    shown = clean_path(os.path.expanduser(path))
    if not exists(path):
        return Row(path, (f"does not exist: {shown}", ""), "bad")
    folder = os.path.isdir(os.path.expanduser(path))
    size = "" if folder else wording.size(os.stat(os.path.expanduser(path)).st_size)
    return Row(path, (shown + ("/" if folder else ""), size))


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
