"""Files that appear in a watched folder: also in folders that come later, never behind links."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

from core.protocol.passed_over import PassedOver
from core.sources.appearing import Appearing

SETTLE = 0.2


def appeared(
    folder: Path, steps: list[Callable[[], object]], *, follow_links: bool = False
) -> tuple[list[list[str]], PassedOver]:
    """Watch; do the next step whenever something is whole; return what was, step by step."""
    found: list[list[str]] = []

    async def run() -> PassedOver:
        there = Appearing(str(folder), SETTLE, asyncio.Event(), follow_links)
        async with asyncio.timeout(30), aclosing(there.whole()) as whole:  # type: ignore[type-var]
            async for paths in whole:
                found.append(sorted(os.path.relpath(path, folder) for path in paths))
                if not steps:
                    break
                await asyncio.to_thread(steps.pop(0))
        return there.passed_over

    return found, asyncio.run(run())


def put(path: Path) -> Callable[[], object]:
    def write() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")

    return write


def test_folders_that_come_later_go_and_come_back_are_watched(tmp_path: Path) -> None:
    day = tmp_path / "2026" / "day"

    def again() -> None:
        shutil.rmtree(tmp_path / "2026")
        put(day / "c.mp4")()

    steps = [put(tmp_path / "first.mp4"), put(day / "a.mp4"), put(day / "b.mp4"), again,
             put(day / "d.mp4")]  # fmt: skip
    found, _ = appeared(tmp_path, steps)
    assert found == [[], ["first.mp4"], *([f"2026/day/{name}.mp4"] for name in "abcd")]


def test_nothing_behind_a_link_is_watched_unless_wanted(tmp_path: Path) -> None:
    top, out = tmp_path / "top", tmp_path / "out"
    put(out / "there.mp4")()
    put(top / "here.mp4")()
    put(top / "@eaDir" / "thumb.jpg")()
    (top / "link").symlink_to(out)

    def both(name: str) -> Callable[[], object]:
        def write() -> None:
            put(out / "deep" / name)()
            put(top / "@eaDir" / name)()
            (top / f"link-{name}").symlink_to(out / "there.mp4")
            put(top / name)()

        return write

    found, over = appeared(top, [both("new.mp4"), put(top / "end.mp4")])
    assert found == [["here.mp4"], ["new.mp4"], ["end.mp4"]]
    assert (over.links, over.folders) == (1, {"@eaDir": 1})
    found, over = appeared(top, [put(out / "deep" / "more.mp4")], follow_links=True)
    assert "link/there.mp4" in found[0] and "link/deep/new.mp4" in found[0]
    assert found[1] == ["link/deep/more.mp4"] and over.links == 0


def test_a_folder_that_is_watched_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "#recycle"
    put(folder / "a.mp4")()
    assert appeared(folder, []) == ([["a.mp4"]], PassedOver())
