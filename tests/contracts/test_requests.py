"""Every request through every transport: the same replies, the same errors, the declared rights."""

from __future__ import annotations

import asyncio
import inspect
import json
import typing
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.errors import SightlineError, UsageError
from core.protocol import commands, queries
from core.protocol.codec import decoded, encoded
from core.protocol.passed_over import PassedOver
from core.protocol.request import (
    LOCAL_RIGHTS,
    REQUESTS,
    Request,
    Right,
    Streamed,
    part_type,
    reply_to_json,
    reply_type,
    request_from_json,
    request_to_json,
)
from core.protocol.requests.pictures import CHUNK_BYTES
from core.protocol.search_terms import SearchTerm
from core.protocol.state import EngineState
from core.protocol.views import ExportProgress, Piece
from core.service.client import LibraryClient, LocalClient
from core.service.discovery import running
from core.service.dispatch import ENDING, READ_ONLY
from core.service.handlers.table import SUBJECTS, all_handlers, handler_of
from core.service.interface import EngineClient
from core.service.remote import RemoteClient, connected
from core.service.server import Server
from core.service.wire import LINE_BYTES, PROTOCOL, line
from core.sources.content import content_hash
from core.times import WrittenTime
from tests.tui.viewing import copied
from tests.workbench import InProcess

RIGHTS = typing.get_args(Right)
HANDLERS = all_handlers()
requests: Any = SimpleNamespace(**{each.__name__: each for each in HANDLERS})


@pytest.fixture
def library(scanned: InProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library with a finished scan, settings and a model cache of its own, and no network."""
    monkeypatch.setenv("SIGHTLINE_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("SIGHTLINE_OFFLINE", "1")
    return copied(scanned.library, tmp_path / "library")


@asynccontextmanager
async def served(library: Path) -> AsyncIterator[tuple[LocalClient, RemoteClient]]:
    """An engine in this process, spoken to directly and over its socket."""
    local = await LocalClient.open(library)
    serving = asyncio.ensure_future(Server(local, library, 60.0).serve())
    while (found := running(library)) is None:
        await asyncio.sleep(0.01)
    remote = await RemoteClient.open(found)
    try:
        async with asyncio.timeout(120):
            yield local, remote
    finally:
        await remote.close()
        local.context.has_ended.set()
        await serving
        await local.close()


def asked(library: Path, storm: Path, folder: Path) -> list[Request[Any]]:
    """Return every request, such as succeeds and such as does not."""
    truth = folder / "truth.json"
    truth.write_text(json.dumps({"events": [{"kind": "bolt", "start_s": 1.0, "end_s": 1.5}]}))
    captions = folder / "captions.json"
    captions.write_text(json.dumps({"storm.mp4": "A storm."}))
    path, scan = str(storm), commands.SubmitScan((str(storm),), "storm")
    export = queries.ExportRequest(1, "", ("json", "csv"), str(folder / "out"))
    content = content_hash(str(storm))
    lists: list[Any] = [
        queries.ListScans(), queries.ListTasks(1), queries.ListTasks(99), queries.ListModels(),
        queries.ListQueue(), queries.ListQueue("storm", unfolded=(1,), folded=(2,)),
        queries.ListResults("candidates", 1, sort="score", cut_offs=(("flash", 0.5),)),
        queries.ListResults(text="score>x"),
        queries.ListResults(scan=99), queries.ListMatrix(),
        queries.ListLogLines("WARNING"), queries.ListScans(last=queries.MOST_ROWS + 1),
    ]  # fmt: skip
    return [
        *lists,
        replace(scan, profile="stom"), commands.SubmitScan((str(folder / "none"),), "storm"),
        commands.ResumeScan(99), commands.ResumeScan(1), commands.PauseScan(99),
        commands.ContinueScan(99), commands.CancelScan(99), commands.EndScan(99),
        commands.MoveScan(99, 1), commands.RemoveScan(99),
        commands.MarkFrame("b2:0", 3), commands.CorrectFrame("b2:0", 3, "tags", "mast"),
        commands.DrawBox("b2:0", 3, 0.12, "bolt", (0.1, 0.2, 0.3, 0.4)),
        commands.DrawBox("b2:0", 3, 0.12, "", (0.1, 0.2, 0.3, 0.4)),
        commands.EraseBox("b2:0", 3, 99),
        commands.JudgeEvent("b2:0", "flash", 3, "right"), commands.JudgeEvent("b2:0", "cut", 3, ""),
        commands.WatchFolder(str(folder / "none"), "stom"), commands.EndWatch(str(folder)),
        commands.CheckBatches((path,), "stom"), commands.CheckBatches((path,), "quick", sizes=(0,)),
        commands.ChangeIndex("switch", "none"), commands.ChangeIndex("remove"),
        requests.GetIndexes(), requests.ExportIndex(str(folder / "index.npz")),
        commands.VerifyScan(99), commands.PullModel("siglip2-bas"), commands.PausePull("a"),
        commands.ContinuePull("a"), commands.CancelPull("a"), commands.RemoveModel("org/none"),
        requests.GetState(), requests.GetMachine(), requests.GetSamples(1e12),
        requests.GetJobs(), requests.GetJobs("scan"), requests.GetJob(1), requests.GetJob(99),
        requests.GetJobRows(1), requests.GetJobRows(99),
        requests.GetScans(), requests.GetTasks(1), requests.GetTasks(99),
        requests.GetInstant(path, WrittenTime(2.0)), requests.GetInstant("/none"),
        requests.FindEvent(path, WrittenTime(1.36)), requests.FindEvent(path, WrittenTime(6.0)),
        requests.FindEvent("/none", WrittenTime(1.0)),
        requests.GetStills(path, (2.0, 1.0), 320, (10, 10, 200, 100)),
        requests.GetStills(path, ()), requests.GetStills("/none", (1.0,)),
        requests.GetSeries(content, "flash", 10, 20), requests.GetSeries(content, "tag", 0, 9),
        requests.GetSeries("b2:none", "flash", 0, 9, 1),
        requests.GetDensity(content, 10), requests.GetDensity(content, 0),
        requests.GetSensitivity("flash", 0.61), requests.GetHistogram(1, "flash", 10),
        requests.GetHistogram(99), requests.GetRatios("flash"), requests.GetRatios("none"),
        requests.GetFiles(queries.ListResults("candidates", 1)),
        requests.GetFiles(queries.ListResults(scan=1, text="score>0.5 is:judged")),
        requests.GetFiles(queries.ListResults(scan=1, sort="score")),
        requests.GetFiles(queries.ListResults(scan=99)),
        requests.GetStill(path, WrittenTime(2.0), 640), requests.GetStill(path, longest_side=0),
        requests.ScoreScan(1, queries.ScoreRequest(truth, any_video=True)),
        requests.ScoreScan(99, queries.ScoreRequest(truth)),
        requests.ScoreJudgements(1), requests.ScoreJudgements(1, ("cut",)),
        requests.ScoreJudgements(99),
        requests.ScoreTexts(1, captions), requests.ScoreTexts(99, captions),
        requests.DiffRuns(1, 99), requests.DiffRuns(1, 1),
        requests.GetAnswerFacts(1), requests.GetAnswerFacts(99, rows=True),
        requests.GetStageOutput(1, "flash"), requests.GetStageOutput(1, "flahs"),
        requests.GetBugReport(1), requests.GetBugReport(99, names=True),
        requests.PlanScan(scan), requests.PlanScan(replace(scan, profile="stom")),
        requests.ExportResults(export), requests.ExportResults(replace(export, formats=("jsom",))),
        requests.BeginExport(replace(export, text="score>x")), requests.BeginExport(export),
        requests.GetExport(99),
        requests.ExportRows(queries.ListResults(), "csv", folder / "rows.csv"),
        requests.ExportRows(queries.ListScans(), "xls", folder / "rows.xls"),
        requests.Search((SearchTerm("text", "mast"),), text="tag:mast", every=True),
        requests.Search((SearchTerm("text", "mast"),)),
        requests.Search((SearchTerm("text", "rain", -1.0),)),
        requests.Search((SearchTerm("image", path, when=WrittenTime(1.0)),), last=9),
        requests.Search((SearchTerm("text", "mast"),), last=10**6),
        requests.GetModelMemory(), requests.GetModels(), requests.GetVerified(),
        requests.GetVerified("siglip2-base"), requests.GetModel("siglip2-base"),
        requests.GetModel("siglip2-bas"), requests.PromoteModel("org/none"),
        requests.UnpinModel("org/none"), requests.GetModelRefusals(("siglip2-base",)),
    ]  # fmt: skip


async def outcome(client: EngineClient, request: Request[Any]) -> Any:
    """Return the reply as its class and JSON, or the kind of error and its text."""
    try:
        return settled(request, await client.ask(request))
    except SightlineError as error:
        return type(error).__name__, str(error)


def settled(request: Request[Any], reply: Any) -> Any:
    """Return a reply without what differs from one moment to the next."""
    if isinstance(reply, EngineState):
        reply = replace(reply, machine=None, downloads=(), sequence=0)
    if isinstance(request, commands.PullModel):
        return type(reply)  # each is a job with a number of its own
    if type(reply).__name__ in ("MachineState", "ExportBegun"):
        return type(reply)
    return type(reply), json.loads(json.dumps(reply_to_json(request, reply)))


def test_every_request_declares_a_right_a_reply_and_has_a_handler() -> None:
    assert set(REQUESTS.values()) == set(HANDLERS)
    modules = Path(HANDLERS[commands.PauseScan].__code__.co_filename).parent.glob("*.py")
    assert {each.stem for each in modules} - {"__init__", "handler", "table"} == set(SUBJECTS)
    for name, request in REQUESTS.items():
        assert request.RIGHT in RIGHTS, name
        assert handler_of(request) is HANDLERS[request], name
        handler, streamed = HANDLERS[request], issubclass(request, Streamed)
        assert inspect.isasyncgenfunction(handler) == streamed, name
        hints = typing.get_type_hints(handler, localns={"SubmitScan": commands.SubmitScan})
        taken = hints["request" if "request" in hints else "_request"]
        assert request is taken or request in typing.get_args(taken), name
        given = part_type(request) if issubclass(request, Streamed) else reply_type(request)
        returned = hints["return"]
        assert given == (typing.get_args(returned)[0] if streamed else returned), name


def test_each_transport_gives_the_same_replies_and_errors(
    library: Path, storm: Path, tmp_path: Path
) -> None:
    every = asked(library, storm, tmp_path)
    assert {type(each) for each in every} == set(REQUESTS.values()) - {requests.StopEngine}

    async def run() -> None:
        async with served(library) as (local, remote):
            reader = LibraryClient(library)
            for request in every:
                wanted = await outcome(local, request)
                while any(each.state == "running" for each in local.now().downloads):
                    await asyncio.sleep(0.01)  # the same model is fetched once at a time
                assert await outcome(remote, request) == wanted, request
                found = await outcome(reader, request)
                if request.RIGHT not in LOCAL_RIGHTS:
                    assert found == ("UsageError", READ_ONLY), request
                elif not isinstance(request, requests.GetState):
                    assert found == wanted, request
            await reader.close()

    asyncio.run(run())


def test_requests_and_replies_survive_json(library: Path, storm: Path, tmp_path: Path) -> None:
    async def run() -> None:
        reader = LibraryClient(library)
        for request in asked(library, storm, tmp_path):
            body = json.loads(json.dumps(request_to_json(request)))
            assert request_from_json(body) == request
            if request.RIGHT in LOCAL_RIGHTS:
                with suppress(SightlineError):
                    reply = await reader.ask(request)
                    back = json.loads(json.dumps(reply_to_json(request, reply)))
                    again = decoded(reply_type(type(request)), back)
                    assert type(again) is type(reply), request
                    assert json.loads(json.dumps(reply_to_json(request, again))) == back, request
        await reader.close()

    asyncio.run(run())
    either = part_type(requests.ExportResults)
    for part in (ExportProgress("event", 1, 2), Piece("a", Path("/b"), "", 2, "copied")):
        assert decoded(either, json.loads(json.dumps(encoded(either, part)))) == part
    left_out = PassedOver(1, {"@eaDir": 2}, {".svg": 1}, {".svg": "why"})
    assert decoded(PassedOver, encoded(PassedOver, left_out)) == left_out


def test_what_is_none_of_ours_is_refused_by_name(library: Path) -> None:
    submit = {"type": "SubmitScan", "paths": ["/a"], "profile": "storm"}
    wrong: tuple[tuple[Any, str], ...] = (
        ({"type": "Format"}, "Format"), ({}, "type"), ([], "object"), ({"type": []}, "type"),
        ({"type": "GetState", "x": 1}, "GetState has no x"),
        ({"type": "GetTasks"}, "GetTasks lacks scan"),
        ({"type": "GetTasks", "scan": "1"}, "GetTasks.scan"),
        ({"type": "GetTasks", "scan": True}, "GetTasks.scan"),
        (submit | {"paths": "/a"}, "SubmitScan.paths"), (submit | {"paths": [1]}, "paths"),
        (submit | {"mode": "later"}, "SubmitScan.mode"), (submit | {"globs": None}, "globs"),
        ({"type": "StopEngine", "how": "soon"}, "StopEngine.how"),
        ({"type": "PlanScan", "scan": {"paths": []}}, "SubmitScan lacks profile"),
        ({"type": "GetInstant", "path": "/a", "when": 3}, "GetInstant.when"),
        ({"type": "ExportRows", "query": {"type": "Rm"}, "format": "csv", "path": "/a"}, "query"),
    )  # fmt: skip

    async def run() -> None:
        async with served(library) as (_, remote):
            for body, words in wrong:
                with pytest.raises(UsageError, match="does not know this request") as refused:
                    await remote._replied(10.0, {"ask": body})
                assert words in str(refused.value), body

    asyncio.run(run())


def test_a_connection_for_reading_may_do_nothing_else(
    library: Path, storm: Path, tmp_path: Path
) -> None:
    every = [*asked(library, storm, tmp_path), requests.StopEngine()]

    async def run() -> None:
        async with served(library) as (local, _):
            found = running(library)
            assert found is not None
            only = await RemoteClient.open(found, readonly=True)
            for request in every:
                refused = await outcome(only, request) == ("UsageError", READ_ONLY)
                assert refused == (request.RIGHT != "read"), request
            await only.close()
            assert local.now().scans == ()

    asyncio.run(run())


def test_an_engine_that_ends_takes_nothing_more_that_changes_anything(
    library: Path, storm: Path
) -> None:
    async def run() -> None:
        async with served(library) as (local, remote):
            reply = await remote.ask(requests.StopEngine("now"))
            assert type(reply) is reply_type(requests.StopEngine)
            assert len((await local.ask(requests.GetScans())).scans) == 1
            for client in (local,):
                with pytest.raises(UsageError, match=ENDING):
                    await client.ask(commands.SubmitScan((str(storm),), "storm"))

    asyncio.run(run())


def test_parts_come_one_by_one_and_a_viewer_may_leave(library: Path, storm: Path) -> None:
    still = requests.GetStill(str(storm), WrittenTime(2.0), 320)

    async def run() -> None:
        async with served(library) as (local, remote):
            for client in (local, remote, LibraryClient(library)):
                parts = [part async for part in client.stream(still)]
                assert b"".join(parts) == (await client.ask(still)).jpeg
                assert max(map(len, parts)) <= CHUNK_BYTES
                async with aclosing(client.stream(requests.GetTasks(1))) as few:
                    assert (await anext(few)).tasks
                assert (await client.ask(requests.GetScans())).scans
            await asyncio.sleep(0)
            async with asyncio.timeout(10):
                while remote._in_progress:
                    await asyncio.sleep(0.01)

    asyncio.run(run())


def test_former_lines_and_a_hello_of_another_protocol_are_told_what_to_do(library: Path) -> None:
    former: list[dict[str, Any]] = [
        {"id": 1, "do": "hello", "readonly": False}, {"id": 2, "do": "snapshot"},
        {"id": 3, "do": "stop", "how": "now"}, {"id": 4, "hello": {"protocol": PROTOCOL + 1}},
    ]  # fmt: skip

    async def run() -> None:
        async with served(library) as (_, remote):
            found = running(library)
            assert found is not None
            assert found.protocol == PROTOCOL == 4
            reader, writer = await connected(found, 5.0, LINE_BYTES)
            for body in former:
                writer.write(line(body))
                answer = json.loads(await reader.readline())
                assert answer["id"] == body["id"]
                assert answer["error"]["type"] == "EnvironmentFault"
                assert "the running engine is sightline" in answer["error"]["text"]
                assert "sightline engine stop" in answer["error"]["text"]
            writer.close()
            assert (await remote.snapshot()).scans == ()

    asyncio.run(run())
