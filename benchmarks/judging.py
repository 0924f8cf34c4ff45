"""Judging in a library of a million events with 10,000 judgements: lists, filters, cut-off counts.

Each figure is the median and the greatest CPU time of a request to an engine in this process; the
library is read through a connection of its own, as the app's engine reads it.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.long_list import EACH, ROWS, SOURCES, make_long_list
from benchmarks.measure import CACHE, SIGHTLINE, run, table
from core.protocol.commands import JudgeEvent
from core.protocol.queries import ListResults
from core.protocol.requests.review import GetDensity, GetHistogram
from core.protocol.requests.scores import ScoreJudgements
from core.service.client import LocalClient
from core.storage.library import Library
from core.synthetic.storm import demo_scene, write

JUDGED = 10_000
TURNS = 20
IN_ONE_FILE = 100_000
Row = tuple[str, str, str]


def main() -> None:
    """Print every figure beside what is wanted."""
    clip = CACHE / "kill-demo.mp4"
    if not clip.is_file():
        CACHE.mkdir(parents=True, exist_ok=True)
        write(demo_scene(), clip)
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "library"
        run([*SIGHTLINE, "--library", str(library), "--quiet", "scan", str(clip), "--profile",
             "storm"])  # fmt: skip
        make_long_list(library)
        _judge_many(library)
        rows = asyncio.run(_asked(library))
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "library"
        run([*SIGHTLINE, "--library", str(library), "--quiet", "scan", str(clip), "--profile",
             "storm"])  # fmt: skip
        make_long_list(library, 1, IN_ONE_FILE)
        rows += asyncio.run(_one_file(library))
    table(("figure, CPU s", f"median, greatest of {TURNS}", "wanted"), rows)
    print(f"{ROWS} events of {SOURCES} videos, {JUDGED} judged; load {os.getloadavg()[0]:.1f}")


def _judge_many(folder: Path) -> None:
    """Judge events in all videos: as many as are wanted, spread evenly, by the library's own way.

    The judgements are written at once, and every result is matched as one that was just kept.
    """
    from core.storage.judgements import match_result

    each = JUDGED // SOURCES
    library = Library(folder)
    with library.database.transaction() as connection:
        connection.execute(
            "INSERT INTO judgements SELECT content, kind, json_extract(body, '$.peak_frame'), "
            "peak_seconds, CASE number % 3 WHEN 0 THEN 'wrong' ELSE 'right' END, '' FROM moments "
            "WHERE content LIKE 'b2:bench-%' AND (number - 1) % ? = 0",
            (EACH // each,),
        )
        for content, spec_hash in connection.execute(
            "SELECT DISTINCT content, spec_hash FROM moments WHERE content LIKE 'b2:bench-%'"
        ).fetchall():
            match_result(connection, content, spec_hash)
    library.close()


async def _asked(folder: Path) -> list[Row]:
    client = await LocalClient.open(folder)
    plain = ListResults("events", 1)
    best = ListResults("events", 1, sort="score", descending=True)
    left = ListResults("events", 1, "is:unjudged")
    left_by_score = ListResults("events", 1, "is:unjudged", "score", descending=True)
    try:
        await client.ask(plain)
        rows = [
            await _figure("list opened", client, lambda n: plain, "<= 0.3", again=True),
            await _figure("a page of it", client, _page(plain), "<= 0.1"),
            await _figure("cut-off count (histogram)", client,
                          lambda n: GetHistogram(1, "flash"), "<= 0.1"),
            await _figure("score by judgements", client, lambda n: ScoreJudgements(1), ""),
        ]  # fmt: skip
        row = (await client.ask(ListResults("events", 1, first=500, last=501))).rows[0]
        rows += [
            await _after("a judgement", client, row, None, ""),
            await _after("page after a judgement", client, row, plain, "<= 0.1"),
            await _after("page by score after a judgement", client, row, best, "<= 0.1"),
            await _after("cut-off count after a judgement", client, row,
                         GetHistogram(1, "flash"), "<= 0.1"),
            await _after("page of is:unjudged after a judgement", client, row, left, "<= 0.1"),
            await _after("the same by score", client, row, left_by_score, "<= 0.1"),
            await _after("page of is:right after a judgement", client, row,
                         ListResults("events", 1, "is:right"), "<= 0.1"),
        ]  # fmt: skip
    finally:
        await client.close()
    return rows


async def _one_file(folder: Path) -> list[Row]:
    client = await LocalClient.open(folder)
    try:
        row = (await client.ask(ListResults("events", 1, first=500, last=501))).rows[0]
        name = f"one video of {IN_ONE_FILE} events: "
        return [
            await _after(f"{name}a judgement", client, row, None, ""),
            await _figure(f"{name}density", client, lambda n: GetDensity(row["content"], 100), ""),
        ]
    finally:
        await client.close()


def _page(query: ListResults) -> Callable[[int], Any]:
    from dataclasses import replace

    return lambda n: replace(query, first=n * ROWS // TURNS, last=n * ROWS // TURNS + 100)


async def _figure(
    name: str, client: LocalClient, request: Callable[[int], Any], wanted: str, *,
    again: bool = False,
) -> Row:  # fmt: skip
    taken = []
    for turn in range(TURNS):
        if again:  # as by an engine that has read nothing yet
            client.context.library.listings._kept.clear()
        began = time.process_time()
        await client.ask(request(turn))
        taken.append(time.process_time() - began)
    return name, f"{median(taken):.3f}, {max(taken):.3f}", wanted


async def _after(
    name: str, client: LocalClient, row: dict[str, Any], request: Any, wanted: str
) -> Row:
    """Measure a request after each of several judgements; without one, the judgements."""
    taken = []
    if request is not None:
        await client.ask(request)
    for turn in range(TURNS):
        began = time.process_time()
        said = ("right", "wrong", "unsure", "")[turn % 4]
        await client.send(JudgeEvent(row["content"], row["kind"], row["frame"], said))  # type: ignore[arg-type]
        judged = time.process_time()
        if request is not None:
            await client.ask(request)
        taken.append((time.process_time() if request is not None else judged)
                     - (judged if request is not None else began))  # fmt: skip
    return name, f"{median(taken):.3f}, {max(taken):.3f}", wanted


if __name__ == "__main__":
    main()
