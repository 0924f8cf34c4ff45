"""What `sightline scan` prints, and what it does not do twice."""

from __future__ import annotations

import gc
import json
import os
import shutil
import unicodedata
from pathlib import Path

from PIL import Image

from core.protocol.messages import EVENTS, event_from_json, event_to_json
from tests.workbench import STROKES, Cli, InProcess, Ran

HOSTILE = "a\x1b]0;owned\x07\x1b[31m\nred\u202egpj.\u200b\x9b2J\r雷"


def test_json_is_one_known_event_a_line(cli: Cli, storm: Path, broken: Path) -> None:
    ran = cli("scan", storm, broken, "--json", "--profile", "storm", "--set", "run.batch_size=50")
    assert ran.code == 1
    bodies = ran.json()
    of_others = {"JobStarted", "JobReported", "JobFinished", "PullEnded", "EventJudged",
                 "FrameRemarked"}  # fmt: skip
    assert {body["type"] for body in bodies} == set(EVENTS) - of_others - {"Warned", "LeftOut"}
    for body in bodies:
        assert json.loads(json.dumps(event_to_json(event_from_json(body)))) == body
    assert [body["frames"] for body in ran.of("BatchDone")] == [50, 100, 150, 200]
    assert len(ran.of("MomentFound")) == STROKES
    assert bodies[-1]["type"] == "ScanFinished"
    assert not any(line.startswith("{") for line in ran.err.splitlines())


def test_a_hostile_name_never_reaches_the_terminal(cli: Cli, storm: Path, tmp_path: Path) -> None:
    folder = tmp_path / f"dir{HOSTILE}"
    folder.mkdir()
    shutil.copy(storm, folder / f"{HOSTILE}.mp4")
    (folder / f"bad{HOSTILE}.mp4").write_bytes(b"no video")
    video = folder / f"{HOSTILE}.mp4"
    calls: list[tuple[str | Path, ...]] = [
        ("-v", "scan", folder, "--profile", "storm"), ("scan", folder, "--dry-run"),
        ("scan", folder, "--json", "--profile", "storm"), ("runs", "list"),
        ("runs", "show", "1"), ("runs", "verify", "1"), ("show", f"{video}@{HOSTILE}"),
        ("show", f"{video}@1.36", "--picture", folder / f"{HOSTILE}.jpg"),
        ("export", "1", "--format", "html", "--out", folder / "out", "--pictures"),
        ("scan", folder / "absent"), ("scan", ".", "--profile", HOSTILE), (HOSTILE,),
        ("scan", ".", f"--{HOSTILE}"), ("scan", ".", "--set", f"{HOSTILE}=1"),
        ("scan", ".", "--set", f"flash.{HOSTILE}=1"), ("scan", ".", "--stages", HOSTILE),
        ("scan", ".", "--out", "x", "--format", HOSTILE), ("watch", f"{folder}/absent"),
        ("score", "1", "--truth", f"{folder}/absent"), ("score", "1", "--truth", video),
        ("score", HOSTILE, "--truth", video), ("profiles", "new", HOSTILE),
        ("profiles", "validate", f"{folder}/{HOSTILE}.toml"), ("profiles", "show", HOSTILE),
        ("profiles", "edit", HOSTILE), ("runs", HOSTILE),
        ("--library", folder / "none", "runs", "list"), ("scan", ".", "--sensitivity", HOSTILE),
    ]  # fmt: skip
    inside = InProcess(cli.home)
    for number, args in enumerate(calls):
        check_harmless((inside if number else cli)(*args), args)


def check_harmless(ran: Ran, args: tuple[str | Path, ...]) -> None:
    assert ran.code != 70, (args, ran.err)
    for text in (ran.out, ran.err):
        bad = {char for char in text if char != "\n" and unicodedata.category(char)[0] == "C"}
        assert not bad, (args, text)
        assert not any(line.startswith("red") for line in text.splitlines()), args


def test_paths_come_from_stdin_whatever_they_are_called(cli: Cli, own_storm: Path) -> None:
    odd = own_storm.with_name("caf\udce9 \u202e.mp4")
    os.rename(own_storm, odd)
    listing = os.fsencode(odd) + b"\n\n"
    ran = cli("scan", "-", "--profile", "storm", "--json", stdin=listing)
    assert ran.code == 0
    assert ran.of("ScanFinished")[0]["moments"] == STROKES
    assert cli("scan", "-", stdin=b"\n").code == 2


def test_dry_run_tells_and_does_nothing(cli: Cli, storm: Path, pictures: Path) -> None:
    report = cli.here("scan", storm, pictures, "--dry-run")
    assert report.code == 0
    assert f"would read  {storm}" in report.out and "9 sources: 9 to read" in report.out
    assert not cli.library.exists()
    cli.here("scan", storm)
    plan = cli.here("scan", storm, pictures, "--dry-run", "--json").json()
    assert len(plan) == 1 and plan[0]["type"] == "Plan"
    assert (plan[0]["sources"], plan[0]["known"], len(plan[0]["to_read"])) == (9, 1, 8)
    assert plan[0]["seconds"] is None and "screening of pictures" in plan[0]["basis"]
    assert len(cli.here("runs", "list", "--json").json()) == 1


def test_a_dry_run_of_what_has_not_changed(cli: Cli, pictures: Path) -> None:
    scan = ("scan", pictures, "--incremental")
    cli.here(*scan)
    again = cli.here(*scan, "--dry-run")
    assert again.code == 0 and "0 sources: 0 to read" in again.out, again.err
    assert "8 sources are known and not scanned again (--changed)" in again.out
    body = cli.here(*scan, "--dry-run", "--json")
    assert body.code == 0 and body.json()[0]["unchanged"] == 8
    assert cli.here(*scan).code == 0
    (cli.home / "empty").mkdir()
    assert cli.here("scan", cli.home / "empty", "--incremental", "--dry-run").code == 3


def test_what_is_done_is_not_done_again_unless_asked(
    cli: Cli, own_storm: Path, pictures: Path
) -> None:
    def scan(*args: str) -> tuple[int, int, int]:
        end = cli.here("scan", own_storm.parent, "--json", *args).of("ScanFinished")[0]
        return end["done"], end["known"], end["moments"]

    assert scan() == (1, 0, STROKES)
    assert scan() == (0, 1, STROKES)
    shutil.copy(pictures / "one.png", own_storm.parent)
    assert scan("--changed") == (1, 0, 0)
    assert scan("--changed") == (0, 0, 0)
    assert scan("--redo") == (2, 0, STROKES)
    assert scan() == (0, 2, STROKES)


def test_what_failed_is_read_again_only_when_asked_or_changed(
    cli: Cli, own_storm: Path, storm: Path
) -> None:
    own_storm.write_bytes(b"no video")
    assert "failed before" not in cli.here("scan", own_storm).err
    again = cli.here("scan", own_storm)
    assert again.code == 1 and "--retry-failed" in again.err
    retried = cli.here("scan", own_storm, "--retry-failed")
    assert retried.code == 1 and "failed before" not in retried.err
    shutil.copy(storm, own_storm)
    assert cli.here("scan", own_storm, "--profile", "storm").code == 0


def test_a_resumed_failure_that_was_mended_succeeds(cli: Cli, own_storm: Path, storm: Path) -> None:
    own_storm.write_bytes(b"no video")
    assert cli.here("scan", own_storm).code == 1
    assert cli.here("runs", "resume", "1").code == 2
    shutil.copy(storm, own_storm)
    ran = cli.here("runs", "resume", "1", "--failed", "--json")
    assert ran.code == 0
    assert ran.of("ScanFinished")[0]["moments"] == STROKES


def test_a_renamed_file_is_known_without_decoding(cli: Cli, own_storm: Path) -> None:
    cli.here("scan", own_storm)
    moved = own_storm.rename(own_storm.with_name("renamed.mp4"))
    ran = cli.here("scan", moved, "--json")
    assert not ran.of("BatchDone")
    end = ran.of("ScanFinished")[0]
    assert (end["done"], end["known"], end["moments"]) == (0, 1, STROKES)
    assert cli.here("show", f"{moved}@1.36").code == 0


def test_another_sensitivity_decides_anew_without_decoding(cli: Cli, storm: Path) -> None:
    first = cli.here("scan", storm, "--profile", "storm", "--json")
    ran = cli.here("scan", storm, "--profile", "storm", "--json", "--sensitivity", "0.9")
    assert first.of("BatchDone") and not ran.of("BatchDone")
    assert ran.of("ScanFinished")[0]["done"] == 1
    assert ran.of("ScanFinished")[0]["moments"] >= STROKES


def test_a_video_cut_off_half_way_fails_and_keeps_what_was_found(
    cli: Cli, storm: Path, tmp_path: Path
) -> None:
    import av

    whole = tmp_path / "cut.mkv"
    with av.open(str(storm)) as source, av.open(str(whole), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    ran = cli.here("scan", whole, "--profile", "storm", "--json")
    assert ran.code == 1
    assert "cut off" in ran.of("TaskFinished")[0]["reason"]
    assert 0 < len(ran.of("MomentFound")) < STROKES


def test_a_picture_under_a_videos_name_and_the_reverse(
    cli: Cli, storm: Path, pictures: Path, tmp_path: Path
) -> None:
    shutil.copy(pictures / "one.png", tmp_path / "picture.mp4")
    shutil.copy(storm, tmp_path / "video.jpg")
    ran = cli.here("scan", tmp_path / "picture.mp4", tmp_path / "video.jpg", "--json")
    states = {Path(e["path"]).name: e for e in ran.of("TaskFinished")}
    assert states["picture.mp4"]["state"] == "done"
    assert states["video.jpg"]["state"] == "done"
    assert states["video.jpg"]["frames"] > 1


def test_clips_and_pictures_are_written_with_the_scan(
    cli: Cli, storm: Path, tmp_path: Path
) -> None:
    ran = cli.here(
        "scan", storm, "--profile", "storm", "--out", "out",
        "--clips", tmp_path / "clips", "--pictures", tmp_path / "pics",
    )  # fmt: skip
    assert ran.code == 0
    clips = list((tmp_path / "clips").glob("storm.mp4.*.mp4"))
    assert 1 <= len(clips) <= STROKES  # those that overlap are joined
    assert len(list((tmp_path / "pics").glob("*.jpg"))) == STROKES
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "storm.mp4.json", "storm.mp4.csv", "summary.json",
    }  # fmt: skip


def test_what_is_left_out_is_said_in_text_and_json(cli: Cli, tmp_path: Path) -> None:
    top, out = tmp_path / "top", tmp_path / "out"
    for folder in (top, top / "@eaDir", out):
        folder.mkdir()
        Image.new("RGB", (32, 32), (90, 90, 90)).save(folder / f"in-{folder.name}.png")
    for name in ("a.xmp", "b.xmp", "c.insv"):
        (top / name).touch()
    (top / "link").symlink_to(out)
    counted = {"links": 1, "folders": {"@eaDir": 1}, "kinds": {".xmp": 2, ".insv": 1}}
    planned = cli.here("scan", top, "--dry-run", "--json").json()[0]
    assert planned["sources"] == 1 and counted.items() <= planned["passed_over"].items()
    ran = cli.here("scan", top, "--no-ui")
    assert ran.code == 0 and "warning: 1 link leads out of the folder" in ran.err
    assert "left out: 3 files of kinds that are not read: .xmp 2, .insv 1" in ran.err
    assert "left out: .insv: 360-degree" in ran.err and "1 folder of NAS" in ran.err
    [event] = cli.here("scan", top, "--json").of("LeftOut")
    assert counted.items() <= event.items() and list(event["reasons"]) == [".insv"]
    followed = cli.here("scan", top, "--json", "--follow-links")
    assert sorted(Path(body["path"]).name for body in followed.of("TaskFinished")) == [
        "in-out.png", "in-top.png",
    ]  # fmt: skip
    assert followed.of("LeftOut")[0]["links"] == 0
    (top / "in-top.png").unlink()
    nothing = cli.here("scan", top, "--no-ui")
    assert nothing.code == 3 and "1 link leads out" in nothing.err and ".xmp 2" in nothing.err


def test_garbage_is_collected_again_after_a_scan(inside: InProcess, pictures: Path) -> None:
    assert gc.isenabled()
    assert inside("scan", pictures, "--profile", "quick").code == 0
    assert gc.isenabled()
    assert inside("scan", pictures / "not-there.jpg").code
    assert gc.isenabled()
