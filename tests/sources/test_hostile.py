"""Odd files, and reader processes that die, hang or are left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.config.screening_settings import Limits, Sampling
from core.errors import ReaderDied, ReaderKilled, SourceError, TooLarge, Unreadable, Vanished
from core.sources.find import find
from core.sources.locator import FoundFile
from core.sources.reader import Reader, again_if_killed
from tests.sources.reading import REPOSITORY, read

Make = Callable[..., Path]


def reason(reader: Reader, path: Path | str, kind: type[SourceError] = Unreadable) -> str:
    with pytest.raises(kind) as raised:
        reader.probe(str(path))
    assert "\n" not in str(raised.value)
    return str(raised.value)


def child_of(reader: Reader) -> psutil.Process:
    assert reader._process is not None
    return psutil.Process(reader._process.pid)


def test_what_is_no_video(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("not a video " * 100)
    (tmp_path / "folder.mp4").mkdir()
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:9/x.ts\n")
    (tmp_path / "notes.txt").write_text("A plain text, which FFmpeg takes for a terminal's.\n" * 50)
    (tmp_path / "join.mp4").write_text("ffconcat version 1.0\nfile 'other.mp4'\n")
    assert reason(reader, tmp_path / "empty.mp4").startswith("the file is empty")
    assert "not a video FFmpeg can open" in reason(reader, tmp_path / "text.mp4")
    assert "not a regular file" in reason(reader, tmp_path / "folder.mp4")
    assert "not a regular file" in reason(reader, tmp_path / "pipe.mp4")
    assert "not a regular file" in reason(reader, "/dev/zero")
    for name in ("list.m3u8", "notes.txt", "join.mp4"):
        reason(reader, tmp_path / name)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    assert "symbolic links" in reason(reader, tmp_path / "self")


def test_vanished(reader: Reader, make_video: Make, tmp_path: Path) -> None:
    path = make_video("short.mp4", frames=5)
    [found] = find([str(tmp_path)])
    assert isinstance(found, FoundFile)
    info = reader.probe(found.path).info
    path.unlink()
    assert "gone" in reason(reader, found.path, Vanished)
    with pytest.raises(Vanished):
        read(reader, path, Sampling())
    with pytest.raises(Vanished):
        list(reader.stills(info, [0.0], 100))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_without_rights(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "shut.mp4").write_bytes(b"x")
    (tmp_path / "shut.mp4").chmod(0)
    assert "permission denied" in reason(reader, tmp_path / "shut.mp4")


@pytest.mark.parametrize(
    "name", [b"new\nline \x1b[31m.mp4", b"not utf-8 \xff\xfe.mp4", b"a:b%20?.mp4"]
)
def test_odd_names(reader: Reader, make_video: Make, tmp_path: Path, name: bytes) -> None:
    odd = Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name)))
    make_video("plain.mp4", frames=10).rename(odd)
    [found] = find([str(tmp_path)])
    assert found.path == str(odd)
    assert reader.probe(found.path).info.path == str(odd)
    for mode in ("every", "count"):
        assert len(read(reader, odd, Sampling(mode=mode, count=10)).indices) == 10


def test_relative_paths_are_the_callers(
    reader: Reader, make_video: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_video("short.mp4", frames=5)
    monkeypatch.chdir(path.parent)
    assert reader.probe("short.mp4").info.frame_count == 5
    reader.clip("short.mp4", 0.0, 1.0, "clip.mp4")
    assert (path.parent / "clip.mp4").stat().st_size > 0


def test_limits(make_video: Make) -> None:
    path = make_video("short.mp4", frames=30)
    few, small = Reader(Limits(max_frames=20)), Reader(Limits(max_megapixels=0.01))
    with pytest.raises(TooLarge, match=r"limits\.max_frames = 20"):
        read(few, path, Sampling())
    assert "limits.max_megapixels" in reason(small, path, TooLarge)
    few.close()
    small.close()


def test_killed_midway(reader: Reader, make_video: Make) -> None:
    path = make_video("long.mp4", frames=100)
    frames = reader.video(str(path), Sampling(), 1)
    next(frames)
    next(frames)
    child_of(reader).kill()
    with pytest.raises(ReaderDied, match="signal 9"):
        list(frames)
    assert len(read(reader, path, Sampling()).indices) == 100


def test_who_ended_a_reader_is_told_apart(reader: Reader, make_video: Make) -> None:
    path = make_video("long.mp4", frames=100)
    for number, killed in (
        (signal.SIGKILL, True), (signal.SIGTERM, True), (signal.SIGXCPU, True),
        (signal.SIGSEGV, False), (signal.SIGABRT, False),
    ):  # fmt: skip
        frames = reader.video(str(path), Sampling(), 1)
        next(frames)
        child_of(reader).send_signal(number)
        with pytest.raises(ReaderDied) as died:
            list(frames)
        assert isinstance(died.value, ReaderKilled) == killed
        assert ("hostile" in str(died.value)) != killed and f"signal {number:d}" in str(died.value)
    frames = reader.video(str(path), Sampling(), 1)
    next(frames)
    closing = threading.Thread(target=reader.close)
    closing.start()
    closing.join()
    with pytest.raises(ReaderDied, match="stopped") as died:
        list(frames)
    assert not isinstance(died.value, ReaderKilled)


def test_what_is_done_once_more_is_done_once_more_only() -> None:
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        raise ReaderKilled("killed")

    with pytest.raises(ReaderKilled):
        again_if_killed(work)
    assert len(tries) == 2


def test_stalled(make_video: Make) -> None:
    path = make_video("short.mp4", frames=5)
    reader = Reader(Limits())
    reader.probe(str(path))
    reader._limits = Limits(stall_seconds=0.5)  # starting it may take longer
    child = child_of(reader)
    child.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(ReaderDied, match=r"limits\.stall_seconds"):
        reader.probe(str(path))
    assert 0.4 < time.monotonic() - began < Limits().stall_seconds
    assert not child.is_running()
    Reader.close(reader)


def test_abandoned_midway_leaves_nothing(make_video: Make) -> None:
    path = make_video("long.mp4", frames=100)
    reader = Reader(Limits())
    before = psutil.Process().num_fds()
    frames: Any = reader.video(str(path), Sampling(), 1)
    next(frames)
    child = child_of(reader)
    with pytest.raises(RuntimeError, match="one request at a time"):
        reader.probe(str(path))
    frames.close()
    assert not child.is_running()
    assert psutil.Process().num_fds() == before
    assert reader.probe(str(path)).info.frame_count == 100
    reader.close()
    reader.close()
    assert psutil.Process().num_fds() == before


def test_closed_by_another_thread(make_video: Make) -> None:
    path = make_video("long.mp4", frames=100)
    reader = Reader(Limits())
    before = psutil.Process().num_fds()
    frames: Any = reader.video(str(path), Sampling(), 1)
    next(frames)
    closing = threading.Thread(target=reader.close)
    closing.start()
    closing.join()
    with pytest.raises(ReaderDied):
        list(frames)
    assert psutil.Process().num_fds() == before


PARENT = """
import sys, time
from core.sources.reader import Reader
from core.config.screening_settings import Limits, Sampling
reader = Reader(Limits())
frames = reader.video(sys.argv[1], Sampling(), 1)
next(frames)
print(reader._process.pid, flush=True)
time.sleep(60)
"""


def test_child_ends_with_its_parent(make_video: Make) -> None:
    path = make_video("long.mp4", frames=100)
    command = [sys.executable, "-c", PARENT, str(path)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
        parent.wait()
        _, alive = psutil.wait_procs([child], timeout=2)
        left = [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
        assert left == []
