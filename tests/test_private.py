"""The library is the user's alone, whatever the umask and whoever prepared its place."""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from core.config.profiles import create
from core.config.prompts import Wording, add
from core.config.user_settings import log_file
from core.errors import EnvironmentFault, LibraryBusy
from core.service.discovery import Listening, announce, discovery_file, running
from core.service.engine_log import log_to
from core.service.remote import RemoteClient
from core.service.wire import PROTOCOL
from core.storage.library import DATABASE, Library
from core.storage.lock import LOCK
from core.system import private_files as private
from tests.engines import home, viewer
from tests.workbench import Cli

__all__ = ["home"]
STRANGER = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def end_log() -> None:
    for handler in logging.getLogger("sightline").handlers:
        handler.close()
    logging.getLogger("sightline").handlers = []


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def open_to_others(folder: Path) -> list[str]:
    """Return what under a folder, itself included, anybody else may do something with."""
    return [
        f"{path} {mode(path):o}"
        for path in (folder, *folder.rglob("*"))
        if not path.is_symlink() and mode(path) & 0o077
    ]


def by_stranger(code: str, *args: object) -> subprocess.Popen[bytes]:
    """Run Python as another user, who may not be allowed to start ours."""
    become = "import fcntl, os, socket, sys\nos.setgroups([])\n"
    become += f"os.setgid({STRANGER})\nos.setuid({STRANGER})\n"
    return subprocess.Popen(
        [sys.executable, "-c", become + code, *map(str, args)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """A folder everybody may write, in which a library is to be."""
    for above in (tmp_path, *tmp_path.parents):
        if above.stat().st_uid == os.getuid() and above.stat().st_mode & 0o011 != 0o011:
            above.chmod(above.stat().st_mode | 0o011)
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    return folder


def test_all_of_a_library_is_private_whatever_the_umask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGHTLINE_CONFIG", str(tmp_path / "config"))
    for mask in (0o000, 0o022, 0o777):
        folder = tmp_path / f"{mask:o}" / "library"
        with umask(mask):
            log_to(folder)
            logging.getLogger("sightline.test").warning("hello")
            library = Library(folder)
            library.thumbnails.put("sha:ab", 1.0, 320, b"jpeg")
            library.frames.put("sha:ab", 1, 320, b"jpeg", 10**6)
            library.jobs.create("watch", "/x", {})
            announce(folder, Listening(1, "s", "1", PROTOCOL, 0.0))
            names = {path.name for path in folder.rglob("*")}
            assert {DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", LOCK, "engine.log",
                    "engine.json", "pictures", "frames"} <= names  # fmt: skip
            assert open_to_others(folder) == [] and library.warnings == ()
            assert mode(folder) == 0o700 and mode(folder / DATABASE) == 0o600
            assert not mode(folder.parent) & 0o022
            library.close()
            create(f"mine-{mask:o}", "storm")
            add(f"mine_{mask:o}", Wording(text="what is it?"))
            end_log()
    assert open_to_others(tmp_path / "config") == []


def test_the_engine_s_own_process_leaves_nothing_open(home: Path) -> None:
    import asyncio

    async def run() -> None:
        with umask(0):
            async with viewer(home) as client:
                await client.snapshot()
                assert (home / "engine.sock").exists()
                assert open_to_others(home) == []

    asyncio.run(run())


def test_an_older_library_is_made_private_when_it_is_opened(tmp_path: Path) -> None:
    folder = tmp_path / "library"
    library = Library(folder)
    library.thumbnails.put("sha:ab", 1.0, 320, b"jpeg")
    library.close()
    outside = tmp_path / "outside.txt"
    outside.touch()
    outside.chmod(0o644)
    (folder / "link").symlink_to(outside)

    def loosen() -> None:
        for path in (folder, *folder.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o777 if path.is_dir() else 0o666)

    for writable in (True, False):
        loosen()
        assert len(open_to_others(folder)) > 4
        Library(folder, writable=writable).close()
        assert open_to_others(folder) == []
    assert mode(outside) == 0o644, "no link is followed"
    loosen()
    (folder / "pictures").chmod(0o700)  # the folder was, what lies in it was not
    folder.chmod(0o700)
    Library(folder).close()
    assert mode(folder / DATABASE) == 0o600


def test_a_disk_without_permissions_is_said_once(
    tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_more: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    folder = tmp_path / "library"
    folder.mkdir(mode=0o755)
    for change in (refuse, lambda *_args, **_more: None):
        monkeypatch.setattr(os, "chmod", change)
        library = Library(folder)
        assert [text for text in library.warnings if "cannot be made private" in text]
        assert len(library.warnings) == 1
        library.close()
        ran = cli.here("--library", folder, "scan", tmp_path / "nothing-there")
        assert (ran.code, ran.err.count("cannot be made private")) == (3, 1)


@as_root
def test_a_disk_that_gives_all_files_to_one_user_is_no_attack(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.chown(open_folder, STRANGER, STRANGER)
    real = os.fstat

    def mapped(handle: int) -> Any:
        values = list(real(handle))
        values[stat.ST_UID] = STRANGER
        return os.stat_result(values)

    monkeypatch.setattr(os, "fstat", mapped)
    assert "cannot be made private" in private.secured(open_folder)[0]
    os.close(private.open_file(open_folder / LOCK, os.O_RDWR | os.O_CREAT))
    os.lchown(open_folder / LOCK, STRANGER, STRANGER)
    assert private.is_ours(open_folder) and not private.is_foreign(open_folder / LOCK)


@as_root
def test_a_folder_of_another_user_is_refused(open_folder: Path, tmp_path: Path) -> None:
    os.chown(open_folder, STRANGER, STRANGER)
    with pytest.raises(EnvironmentFault, match="belongs to another user"):
        Library(open_folder)
    assert [path.name for path in open_folder.iterdir()] == [], "and nothing is left in it"
    ran = Cli(tmp_path)("--library", open_folder, "scan", tmp_path, "--no-ui")
    assert ran.code == 4 and "belongs to another user" in ran.err
    mine = tmp_path / "mine"
    mine.mkdir()
    open_folder.chmod(0o755)
    (open_folder / "library").symlink_to(mine)
    os.lchown(open_folder / "library", STRANGER, STRANGER)
    with pytest.raises(EnvironmentFault, match="belongs to another user"):
        Library(open_folder / "library")
    assert list(mine.iterdir()) == []


@as_root
@pytest.mark.parametrize(
    "name", [DATABASE, LOCK, "engine.log", "engine.json", "engine.sock", "pictures", "frames"]
)
def test_what_another_user_prepared_is_refused(
    open_folder: Path, tmp_path: Path, name: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("keep")
    makes: tuple[Callable[[Path], object], ...] = (
        lambda path: path.touch(), lambda path: path.symlink_to(secret), lambda path: path.mkdir(),
        lambda path: os.mkfifo(path),
    )  # fmt: skip
    for number, make in enumerate(makes):
        folder = open_folder / str(number)
        folder.mkdir()
        make(folder / name)
        os.lchown(folder / name, STRANGER, STRANGER)
        with pytest.raises(EnvironmentFault, match=f"{name} belongs to another user"):
            Library(folder)
        assert sorted(path.name for path in folder.iterdir()) == [name]
    assert secret.read_text() == "keep"


@as_root
def test_what_another_user_left_deep_in_an_open_folder_is_refused(open_folder: Path) -> None:
    (open_folder / "pictures" / "ab").mkdir(parents=True)
    (open_folder / "pictures").chmod(0o777)
    (open_folder / "pictures" / "cd").symlink_to("/tmp")
    os.lchown(open_folder / "pictures" / "cd", STRANGER, STRANGER)
    for _ in range(2):
        with pytest.raises(EnvironmentFault, match=r"pictures/cd belongs to another user"):
            Library(open_folder)
    (open_folder / "pictures" / "cd").unlink()
    Library(open_folder).close()
    assert open_to_others(open_folder) == []


HOLD = """
file = open(sys.argv[1])
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@as_root
@pytest.mark.skipif(sys.platform != "linux", reason="who holds a lock is known on Linux")
def test_another_user_cannot_hold_the_lock(open_folder: Path) -> None:
    lock = open_folder / LOCK
    lock.touch()
    lock.chmod(0o666)
    stranger = by_stranger(HOLD, lock)
    assert stranger.stdout is not None and stranger.stdout.readline() == b"held\n"
    try:
        library = Library(open_folder)
        with pytest.raises(LibraryBusy):
            Library(open_folder)
        library.close()
        again = by_stranger(HOLD, lock)
        assert again.wait(20) != 0, "it cannot even be opened now"
        again.communicate()
    finally:
        stranger.communicate(b"")


def test_nothing_is_written_into_a_file_that_has_another_name(tmp_path: Path) -> None:
    folder, target = tmp_path / "library", tmp_path / "bashrc"
    folder.mkdir()
    target.write_text("alias")
    os.link(target, folder / LOCK)
    os.link(target, log_file(folder))
    log_to(folder)
    logging.getLogger("sightline.test").warning("hello")
    end_log()
    Library(folder).close()
    assert target.read_text() == "alias" and "hello" in log_file(folder).read_text()


def test_one_s_own_second_engine_is_no_stranger(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert not private.held_by_stranger(file.fileno())


def test_no_log_is_written_through_a_link(tmp_path: Path) -> None:
    folder, target = tmp_path / "library", tmp_path / "bashrc"
    folder.mkdir()
    target.write_text("alias")
    log_file(folder).symlink_to(target)
    log_to(folder)
    logging.getLogger("sightline.test").warning("hello")
    end_log()
    library = Library(folder)
    assert "engine.log is a link" in library.warnings[0]
    library.close()
    assert target.read_text() == "alias"
    (folder / LOCK).unlink()
    (folder / LOCK).symlink_to(target)
    with pytest.raises(EnvironmentFault):
        Library(folder)
    assert target.read_text() == "alias"


@as_root
def test_no_engine_of_another_user_is_trusted(open_folder: Path) -> None:
    import asyncio

    library = open_folder / "library"
    library.mkdir()
    address = library / "engine.sock"
    with socket.socket(socket.AF_UNIX) as link, (library / LOCK).open("w") as lock:
        link.bind(str(address))
        link.listen()
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = Listening(os.getpid(), str(address), "1", PROTOCOL, 0.0)
        announce(library, found)
        assert running(library) == found
        os.lchown(address, STRANGER, STRANGER)
        with pytest.raises(EnvironmentFault, match=r"engine\.sock belongs to another user"):
            running(library)
        os.lchown(address, 0, 0)
        os.lchown(discovery_file(library), STRANGER, STRANGER)
        with pytest.raises(EnvironmentFault, match=r"engine\.json belongs to another user"):
            running(library)
        os.lchown(library, STRANGER, STRANGER)
        assert running(library) is None, "a library of somebody else has no engine of ours"
    listening = by_stranger(
        "s = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\ns.listen()\n"
        "print('up', flush=True)\nsys.stdin.read()",
        open_folder / "other.sock",
    )
    assert listening.stdout is not None and listening.stdout.readline() == b"up\n"
    os.lchown(
        open_folder / "other.sock", 0, 0
    )  # the file may be made to look well: the process is not
    found = Listening(listening.pid, str(open_folder / "other.sock"), "1", PROTOCOL, 0.0)
    try:
        with pytest.raises(EnvironmentFault, match="another user's process"):
            asyncio.run(RemoteClient.open(found))
    finally:
        listening.communicate(b"")
