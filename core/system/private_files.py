"""What only the user may read: the library's folder and files, whatever the umask.

A file or folder is trusted if it belongs to the user or to root, who may do anything anyway. On a
file system that keeps no owners or permissions there is nothing to check, and a warning says so.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from ..errors import EnvironmentFault
from ..text import clean, clean_path

FOLDER_MODE, FILE_MODE = 0o700, 0o600
OTHERS = 0o077
"""the permissions of everybody but the owner"""
NO_LINK = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""neither through a link, nor waiting for the other end of a pipe that another user put there"""
LOGS = ("engine.log", "app.log")


def is_trusted(owner: int) -> bool:
    """Return whether a user id is the user's own or root's."""
    return owner in (os.geteuid(), 0)


def is_ours(folder: Path) -> bool:
    """Return whether a folder is the user's to write, as far as its disk keeps owners."""
    try:
        return is_trusted(os.stat(folder).st_uid) or not keeps_owners(folder)
    except OSError:
        return False


def is_foreign(path: Path) -> bool:
    """Return whether what lies at a path was put there by another user. Raises OSError."""
    return not is_trusted(os.lstat(path).st_uid) and keeps_owners(path.parent)


def make_folder(folder: Path) -> None:
    """Make a private folder, and those above it that are missing.

    One that is there stays as it is. Raises OSError.
    """
    missing = [folder, *folder.parents]
    missing = [each for each in missing if not each.exists()]
    for each in reversed(missing):
        with suppress(FileExistsError):
            each.mkdir(mode=FOLDER_MODE)
            os.chmod(each, FOLDER_MODE)  # a umask may take even the owner's permissions away


def open_file(path: Path, flags: int) -> int:
    """Open a private file of the library, made where `flags` say so, and return its descriptor.

    Raises OSError: ELOOP for a link, EPERM for another user's file or what is no file.
    """
    handle = os.open(path, flags | NO_LINK, FILE_MODE)
    try:
        status = os.fstat(handle)
        foreign = not is_trusted(status.st_uid) and keeps_owners(path.parent)
        if foreign or not stat.S_ISREG(status.st_mode):
            raise PermissionError(errno.EPERM, "you do not own it", str(path))
        if status.st_mode & 0o777 != FILE_MODE and status.st_uid == os.geteuid():
            with suppress(OSError):
                os.fchmod(handle, FILE_MODE)
    except BaseException:
        os.close(handle)
        raise
    return handle


def write_whole(path: Path, data: bytes) -> None:
    """Write a private file so that it appears whole or not at all. Raises OSError."""
    make_folder(path.parent)
    scratch = path.parent / f".{uuid4().hex}.new"
    try:
        with open(open_file(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
            file.write(data)
        os.replace(scratch, path)
    except BaseException:
        with suppress(OSError):
            scratch.unlink()
        raise


def secured(folder: Path) -> tuple[str, ...]:
    """Make a library that is there private, and return what the user should know of it.

    Raises EnvironmentFault if it, or anything in it, belongs to another user, who could change it
    at any time; OSError if it cannot be read.
    """
    if not keeps_owners(folder):
        return (_warning(folder),)
    _check(folder, os.lstat(folder))  # a link that another user put there, for one
    _check(folder, os.stat(folder))
    _tighten(folder, FOLDER_MODE)
    loose = bool(os.stat(folder).st_mode & OTHERS)
    for entry in _entries(folder):
        with suppress(FileNotFoundError):  # an engine that ends now removes its socket
            _check(Path(entry.path), entry.stat(follow_symlinks=False))
            if not loose:  # or nothing in it can be made private either
                _secure(entry)
    links = (folder / name for name in LOGS if (folder / name).is_symlink())
    return (
        *([_warning(folder)] if loose else []),
        *(f"{clean_path(str(link))} is a link, so nothing is logged there" for link in links),
    )


def _secure(entry: os.DirEntry[str]) -> None:
    """Make a file private, or a folder with all in it, itself last: a kill loses no part of it."""
    status = entry.stat(follow_symlinks=False)
    if not status.st_mode & OTHERS:
        return
    if stat.S_ISREG(status.st_mode):
        _tighten(entry.path, FILE_MODE)
    elif stat.S_ISDIR(status.st_mode):
        for each in _entries(entry.path):
            _check(Path(each.path), each.stat(follow_symlinks=False))
            _secure(each)
        _tighten(entry.path, FOLDER_MODE)


def _entries(folder: str | Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(os.fspath(folder)) as entries:
        yield from entries


def _tighten(path: str | Path, mode: int) -> None:
    """Take the permissions of others away, where that can be done."""
    with suppress(OSError):
        if os.stat(path).st_mode & OTHERS:
            os.chmod(path, mode)


def _check(path: Path, status: os.stat_result) -> None:
    if not is_trusted(status.st_uid):
        raise EnvironmentFault(
            f"{clean_path(str(path))} belongs to another user ({_name(status.st_uid)}), who could "
            "read or change what is kept there; remove it, or name another --library"
        )


def keeps_owners(folder: Path) -> bool:
    """Return whether what the user makes in a folder of another user belongs to the user.

    Where it does not, a share or a disk gives all files to one user, and owners say nothing.
    """
    if is_trusted(os.stat(folder).st_uid):
        return True
    probe = folder / f".{uuid4().hex}.probe"
    handle = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_LINK, FILE_MODE)
    try:
        return os.fstat(handle).st_uid == os.geteuid()
    finally:
        os.close(handle)
        with suppress(OSError):
            probe.unlink()


def _warning(folder: Path) -> str:
    return (
        f"{clean_path(str(folder))} cannot be made private (its disk keeps no permissions, or it "
        "is not yours): other users of this machine may read the paths, places, captions and "
        "pictures kept there; name a --library on another disk if they must not"
    )


def _name(user: int) -> str:
    import pwd

    try:
        return clean(pwd.getpwuid(user).pw_name, limit=40)
    except KeyError:
        return f"user {user}"


def held_by_stranger(handle: int) -> bool:
    """Return whether another user's process holds the lock (flock) of an open file.

    Known on Linux only, from /proc/locks (proc(5)); elsewhere the answer is no.
    """
    status = os.fstat(handle)
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    try:
        lines = Path("/proc/locks").read_text("ascii").splitlines()
    except (OSError, ValueError):
        return False
    holders = [line.split() for line in lines if "FLOCK" in line and f" {device} " in line]
    owners = [_owner(fields[4]) for fields in holders if "->" not in fields]
    return any(owner is not None and not is_trusted(owner) for owner in owners)


def _owner(process: str) -> int | None:
    """Return the real user of a process; its folder in /proc may be shown as root's."""
    try:
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("Uid:"):
                return int(line.split()[1])
    except (OSError, ValueError):
        return None
    return None


def peer_user(link: socket.socket) -> int | None:
    """Return the user of the process at the other end of a unix socket; None if unknown."""
    if hasattr(socket, "SO_PEERCRED"):
        size = struct.calcsize("3i")
        _, user, _ = struct.unpack(
            "3i", link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        )
        return int(user)
    if hasattr(socket, "LOCAL_PEERCRED"):  # macOS, FreeBSD: struct xucred begins version, uid
        level = getattr(socket, "SOL_LOCAL", 0)
        return int(struct.unpack("2I", link.getsockopt(level, socket.LOCAL_PEERCRED, 8)[:8])[1])
    return None
