"""The order of what a scan says with `--json`, and that known sources are said again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests.workbench import STROKES, Cli


def check_order(bodies: list[dict[str, Any]]) -> None:
    """The scan's start, then each source: start, progress and events, end; then the scan's end."""
    assert bodies[0]["type"] == "ScanStarted" and bodies[-1]["type"] == "ScanFinished"
    kinds = [body["type"] for body in bodies]
    assert kinds.count("ScanStarted") == kinds.count("ScanFinished") == 1
    started: set[int | None] = set()
    ended: set[int | None] = set()
    for body in bodies[1:-1]:
        number = body.get("number")
        if body["type"] == "TaskStarted":
            started.add(number)
        elif number is not None:
            assert number in started, body
        assert number not in ended, body
        if body["type"] == "TaskFinished":
            ended.add(number)
    assert started == ended


def test_start_comes_before_all_else_and_the_end_last(
    cli: Cli, storm: Path, broken: Path, pictures: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "footage"
    shutil.copytree(pictures, folder)
    shutil.copy(storm, folder / "b.mp4")
    shutil.copy(broken, folder / "c.mp4")
    missing = tmp_path / "absent.mp4"
    new = cli.here("scan", folder, missing, "--profile", "quick", "--json", "--out", "out")
    assert new.code == 1
    check_order(new.json())
    shutil.copy(pictures / "one.png", folder / "new.png")
    (folder / "new.png").write_bytes((folder / "new.png").read_bytes() + b"\0")
    shutil.copy(folder / "b.mp4", folder / "renamed.mp4")
    for arguments in ((), ("--retry-failed",), ("--redo",)):
        again = cli.here("scan", folder, missing, "--profile", "quick", "--json", *arguments)
        check_order(again.json())
        found = [body for body in again.of("MomentFound") if body["kind"] == "flash"]
        assert len(found) == 2 * STROKES
    resumed = cli.here("runs", "resume", "1", "--failed", "--json")
    check_order(resumed.json())


def test_known_sources_are_printed_again_beside_new_ones(
    cli: Cli, storm: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copy(storm, tmp_path / "other.mp4"))
    with other.open("ab") as file:
        file.write(b"another content")

    def lines(*paths: Path) -> list[str]:
        ran = cli.here("scan", *paths, "--profile", "storm")
        assert ran.code == 0
        return [line.partition("  (frame")[0] for line in ran.out.splitlines()]

    first = lines(storm)
    assert len(first) == STROKES
    assert lines(storm) == first
    both = lines(other, storm)
    assert sorted(both) == sorted(
        [*first, *(line.replace(str(storm), str(other)) for line in first)]
    )
    (body,) = cli.here("scan", storm, "--profile", "storm", "--json").of("TaskFinished")
    assert (body["state"], body["moments"]) == ("known", STROKES)


def test_events_of_a_file_cut_off_are_printed_again(cli: Cli, storm: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.ts"
    import av

    with av.open(str(storm)) as source, av.open(str(tmp_path / "whole.mkv"), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    data = (tmp_path / "whole.mkv").read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(data[: len(data) * 6 // 10])
    first = cli.here("scan", cut, "--profile", "storm")
    again = cli.here("scan", cut, "--profile", "storm")
    assert first.code == again.code == 1
    assert first.out and len(first.out.splitlines()) == len(again.out.splitlines())
