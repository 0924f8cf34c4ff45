"""`sightline judge`, and judgements through an engine: several viewers, kills, lost files."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.errors import EnvironmentFault, UnknownName, UsageError
from core.protocol.commands import JudgeEvent, MarkFrame
from core.protocol.messages import EventJudged, FrameRemarked
from core.protocol.queries import ListResults
from core.storage.library import Library
from tests.engines import home, viewer  # noqa: F401
from tests.tui.viewing import copied
from tests.workbench import Cli, InProcess

PEAKS = {1.36: 34, 2.84: 71, 3.48: 87, 4.8: 120, 7.08: 177}


@pytest.fixture
def own(inside: InProcess, own_storm: Path) -> InProcess:
    """A library with a scan of a clip in the test's own folder."""
    assert inside("scan", own_storm, "--profile", "storm").code == 0
    return inside


def judged(cli: Cli, text: str = "is:judged") -> dict[int, str]:
    """Return the judgements of the newest scan by peak frame."""
    rows = cli.here("results", "--filter", text, "--json").json()
    return {row["frame"]: row["judgement"] for row in rows}


def test_an_event_is_judged_by_its_time(own: InProcess, own_storm: Path) -> None:
    ran = own("judge", f"{own_storm}@1.36", "right")
    assert (ran.code, judged(own)) == (0, {34: "right"}), ran.err
    assert "flash" in ran.out and "judged right" in ran.out and "(frame 34, scan 1)" in ran.out
    (body,) = own("judge", f"{own_storm}@00:00:01.500", "wrong", "--json").json()
    assert body["type"] == "Judged" and (body["judgement"], body["former"]) == ("wrong", "right")
    assert (body["path"], body["kind"], body["peak_frame"]) == (str(own_storm), "flash", 34)
    line = own("results", "1").out.splitlines()[1]
    assert own("judge", line, "unsure").code == 0
    assert judged(own) == {34: "wrong", 71: "unsure"}
    assert "judged wrong" in own("results", "1").out
    shown = own("show", f"{own_storm}@1.36").out
    assert shown.count(", judged wrong") == 2  # the event, and the candidate it was made of
    (view,) = own("show", f"{own_storm}@1.36", "--json").json()
    assert view["judgements"] == ["wrong", "wrong"]
    assert own("judge", f"{own_storm}@1.36", "--undo").code == 0
    assert judged(own) == {71: "unsure"}
    assert "judgement removed" in own("judge", f"{own_storm}@2.84", "--undo").out


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("{}@6", "right"), "no event or candidate within 0.25 s of 00:00:06.000; the nearest: "
         "flash at 00:00:07.080 (frame 177"),
        (("{}@1.36", "right", "--kind", "cut"), "no cut event or candidate within"),
        (("{}@1.36",), "no judgement given"),
        (("{}@1.36", "maybe"), "known: right, wrong, unsure"),
        (("{}@soon", "right"), "is not a time"),
        (("{}@1.36", "right", "--undo"), "--undo takes no judgement"),
        ((), "no event given"),
        (("/none.mp4@1", "right"), "is not in this library"),
        (("--from", "-", "{}@1"), "--from takes no FILE@TIME"),
        (("--library-none", "x"), "No such option"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_refused(
    own: InProcess, own_storm: Path, args: tuple[str, ...], words: str
) -> None:
    ran = own("judge", *(arg.format(own_storm) for arg in args))
    assert ran.code == 2 and words in ran.err, ran.err
    assert judged(own) == {}


def test_no_library_is_made_to_be_judged(inside: InProcess, own_storm: Path) -> None:
    ran = inside("judge", f"{own_storm}@1.36", "right")
    assert ran.code == 2 and "no library here yet" in ran.err
    assert not inside.library.exists()


def test_several_kinds_at_a_time_are_named(own: InProcess, own_storm: Path) -> None:
    with closing(Library(own.library)) as library, library.database.transaction() as connection:
        body = connection.execute("SELECT body FROM moments WHERE number = 1").fetchone()[0]
        other = json.dumps(json.loads(body) | {"kind": "cut", "number": 6})
        connection.execute(
            "INSERT INTO moments SELECT content, spec_hash, 6, 'cut', peak_seconds, score, ? "
            "FROM moments WHERE number = 1",
            (other,),
        )
    ran = own("judge", f"{own_storm}@1.36", "right")
    assert ran.code == 2
    assert "may be flash at 00:00:01.360" in ran.err and "cut at 00:00:01.360" in ran.err
    assert own("judge", f"{own_storm}@1.36", "right", "--kind", "cut").code == 0
    (row,) = own("results", "--filter", "is:right", "--json").json()
    assert row["kind"] == "cut"


def test_a_file_of_judgements_is_read_line_by_line(own: InProcess, own_storm: Path) -> None:
    """What cannot be judged is named by its line; all else is kept."""
    lines = (
        "judgement,time,path\r\n"
        f"right,1.36,{own_storm}\r\n\r\n"
        f"WRONG,00:00:02.84,{own_storm}\r\n"
        f"right,6,{own_storm}\r\n"
        f"maybe,3.48,{own_storm}\r\n"
        f"unsure,soon,{own_storm}\r\n"
        f"unsure,4.8,{own_storm}\r\n"
        "right\r\n"
    )
    ran = own("judge", "--from", "-", stdin=b"\xef\xbb\xbf" + lines.encode())
    assert ran.code == 2
    assert judged(own) == {34: "right", 71: "wrong", 120: "unsure"}
    for words in ("line 5: ", "line 6: 'maybe'", "line 7: 'soon' is not a time", "line 9: "):
        assert words in ran.err, ran.err
    file = own.home / "undo.csv"
    file.write_text(f"{own_storm},1.36,undo\n{own_storm},2.84,\n", encoding="utf-8")
    ran = own("judge", "--from", file, "--json")
    assert ran.code == 0 and [body["judgement"] for body in ran.json()] == [None, None]
    assert judged(own) == {120: "unsure"}


def test_judgements_stay_when_the_file_is_renamed_gone_or_scanned_again(
    own: InProcess, own_storm: Path
) -> None:
    assert own("judge", f"{own_storm}@1.36", "right").code == 0
    renamed = own_storm.rename(own_storm.with_name("renamed.mp4"))
    assert own("judge", f"{own_storm}@2.84", "wrong").code == 0  # the file is not there any more
    ran = own("scan", renamed, "--profile", "storm", "--set", "flash.sensitivity=0.9")
    assert ran.code == 0, ran.err
    assert judged(own) == {34: "right", 71: "wrong"}
    renamed.unlink()
    assert own("judge", f"{renamed}@3.48", "unsure").code == 0
    assert own("judge", f"{renamed}@3.48", "--undo").code == 0
    assert judged(own) == {34: "right", 71: "wrong"}


async def heard(events: Any, kind: type) -> Any:
    async with asyncio.timeout(30):
        async for _, event in events:
            if isinstance(event, kind):
                return event
    raise AssertionError


def test_all_viewers_hear_of_a_judgement_and_the_last_one_counts(
    home: Path,  # noqa: F811
    scanned: InProcess,
    tmp_path: Path,
) -> None:
    """Two viewers judge the same event, and the command line beside them by the same engine."""
    copied(scanned.library, home)

    async def run() -> None:
        async with viewer(home) as one, viewer(home) as two:
            (row, *_) = (await one.ask(ListResults(text="kind:flash", last=1))).rows
            about = row["content"], row["kind"], row["frame"]
            news = two.events((await two.snapshot()).sequence)
            await one.send(JudgeEvent(*about, "right"))
            assert await heard(news, EventJudged) == EventJudged(0, *about, "right")
            await two.send(JudgeEvent(*about, "wrong"))
            assert (await heard(news, EventJudged)).judgement == "wrong"
            found = await one.ask(ListResults(text="is:wrong", last=9))
            assert [each["key"] for each in found.rows] == [row["key"]]
            await one.send(MarkFrame(row["content"], row["frame"]))
            assert await heard(news, FrameRemarked) == FrameRemarked(0, about[0], about[2])
            with pytest.raises(UnknownName):
                await one.send(JudgeEvent("b2:none", "flash", 3, "right"))
            async with viewer(home, readonly=True) as reader:
                with pytest.raises(UsageError, match="readonly"):
                    await reader.send(JudgeEvent(*about, "right"))
            cli = Cli(tmp_path)
            cli.library = home
            cli.env["SIGHTLINE_LIBRARY"] = str(home)
            ran = await asyncio.to_thread(
                cli, "judge", f"{row['path']}@{row['seconds']}", "unsure", "--kind", "flash"
            )
            assert ran.code == 0, ran.err
            assert (await heard(news, EventJudged)).judgement == "unsure"

    asyncio.run(run())


def test_an_engine_killed_between_judgements_has_kept_every_one_it_acknowledged(
    home: Path,  # noqa: F811
    scanned: InProcess,
) -> None:
    copied(scanned.library, home)

    async def run() -> None:
        said: dict[int, str] = {}
        for turn, judgement in enumerate(("right", "wrong", "unsure", "right")):
            async with viewer(home) as client:
                rows = (await client.ask(ListResults(text="kind:flash", last=5))).rows
                assert {r["frame"]: r["judgement"] for r in rows if r["judgement"]} == said
                row = rows[turn % 3]
                await client.send(JudgeEvent(row["content"], row["kind"], row["frame"], judgement))  # type: ignore[arg-type]
                said[row["frame"]] = judgement
                pid = (await client.snapshot()).pid
                os.kill(pid, signal.SIGKILL)
                while psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie":
                    await asyncio.sleep(0.02)

    asyncio.run(run())


def test_a_library_that_cannot_be_written_refuses(
    own: InProcess, own_storm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.storage import library as library_module

    def refuses(folder: Path) -> None:
        raise EnvironmentFault(f"{folder}: the disk is read-only")

    monkeypatch.setattr(library_module, "_locked", refuses)
    ran = own("judge", f"{own_storm}@1.36", "right")
    assert ran.code == 4 and "read-only" in ran.err
    monkeypatch.undo()
    assert judged(own) == {}
