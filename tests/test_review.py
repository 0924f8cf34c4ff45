"""What the app asks for to show an event: curves, density, histogram, several pictures."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from core.config.spec import Spec
from core.errors import UnknownName, UsageError
from core.protocol.commands import JudgeEvent
from core.protocol.queries import ListResults
from core.protocol.requests.pictures import GetStills
from core.protocol.requests.review import (
    GetDensity,
    GetFiles,
    GetHistogram,
    GetRatios,
    GetSeries,
)
from core.records import Event
from core.screening.flash import FlashStage
from core.screening.flash_score import STROKE_RANGE, score, scores
from core.screening.stage import Series
from core.service.client import LocalClient
from core.storage.library import Library
from tests.storage.test_judgements import keep
from tests.tui.viewing import copied
from tests.workbench import InProcess, source

FRAMES = 200


@asynccontextmanager
async def engine(folder: Path) -> AsyncIterator[LocalClient]:
    client = await LocalClient.open(folder)
    try:
        yield client
    finally:
        await client.close()


@pytest.fixture
def library(scanned: InProcess, tmp_path: Path) -> Path:
    return copied(scanned.library, tmp_path / "library")


async def flashes(client: LocalClient) -> list[dict[str, Any]]:
    page = await client.ask(ListResults("candidates", 1, "kind:flash", last=100))
    return list(page.rows)


def test_a_series_has_the_score_of_each_frame_as_its_candidates_have_it(library: Path) -> None:
    async def run() -> None:
        async with engine(library) as client:
            rows = await flashes(client)
            content = rows[0]["content"]
            whole = await client.ask(GetSeries(content, "flash", 0, 10_000))
            assert whole.frames == tuple(range(FRAMES)) and whole.scan == 1
            assert whole.threshold == pytest.approx(0.5)
            assert {"mean", "energy", *STROKE_RANGE.names} <= set(whole.columns)
            assert all(len(values) == FRAMES for values in whole.values)
            for row in rows:
                if row["accepted"]:
                    assert whole.scores[row["frame"]] == pytest.approx(row["score"], abs=2e-4)
            above = [n for n, each in enumerate(whole.scores) if (each or 0) > 0.5]
            assert set(above) >= {row["frame"] for row in rows if row["accepted"]}
            # Any part says the same of its frames, also where it ends within a microbatch.
            for first, last in ((0, 1), (17, 83), (150, 10_000), (-5, 3), (60, 60), (500, 600)):
                part = await client.ask(GetSeries(content, "flash", first, last))
                wanted = range(max(first, 0), max(min(last, FRAMES), min(first, FRAMES)))
                assert part.frames == tuple(wanted)
                assert part.scores == tuple(whole.scores[n] for n in part.frames)
                assert part.values[0] == tuple(whole.values[0][n] for n in part.frames)
            for name in ("motion", "cut"):
                other = await client.ask(GetSeries(content, name, 0, 50))
                assert len(other.scores) == 50 and other.threshold is not None
            for wrong in (GetSeries("b2:none", "flash", 0, 9), GetSeries(content, "tag", 0, 9),
                          GetSeries(content, "flash", 0, 9, scan=99)):  # fmt: skip
                with pytest.raises(UnknownName):
                    await client.ask(wrong)

    asyncio.run(run())


def test_scores_of_a_part_are_those_of_the_whole_however_long_it_is() -> None:
    """The rolling median of a part takes the samples that it takes in the whole."""
    random = np.random.default_rng(5)
    stage = FlashStage()
    stage.open(source(9_000, rate=30.0), Spec(stages=("flash",)))
    columns = stage.columns
    values = random.random((9_000, len(columns)), np.float32)
    values[:, columns.index("frame_energy")] *= 4_000
    values[:, columns.index("energy")] *= 900
    track = Series(columns, np.arange(9_000), np.arange(9_000) / 30.0, values)
    whole = stage.frame_scores(track)
    assert whole is not None
    around, step = stage.rows_around()
    for start, end in ((0, 40), (333, 334), (1_234, 2_345), (8_990, 9_000), (100, 9_000)):
        first = max(start - around, 0) // step * step
        rows = slice(first, end + around)
        part = Series(columns, track.indices[rows], track.pts_seconds[rows], values[rows])
        found = stage.frame_scores(part)
        assert found is not None
        assert np.array_equal(found.scores[start - first : end - first], whole.scores[start:end])


def test_the_scores_of_frames_follow_the_formula_of_a_candidate() -> None:
    random = np.random.default_rng(3)
    strengths, energies = random.random(50) * 3 - 1, random.random(50) * 5
    ratios = random.random((50, 6)) * 3 - 1
    expected = [score(s, e, r) for s, e, r in zip(strengths, energies, ratios, strict=True)]
    assert scores(strengths, energies, ratios) == pytest.approx(np.array(expected, np.float32))


def test_the_ratio_furthest_below_its_floor_is_the_reason() -> None:
    """Frame 63 of general/cosmos_test_video_30s.mp4, as a scan kept its candidate's ratios.

    Five are under their floors; simultaneity comes first, attack is furthest (2.4 of its range).
    """
    ratios = {"simultaneity": 0.57068, "gain": 0.0, "brevity": 0.51772, "attack": 0.37291,
              "return": 0.13566, "continuity": 0.99206}  # fmt: skip
    assert tuple(ratios) == STROKE_RANGE.names
    assert STROKE_RANGE.reason(list(ratios.values())) == "brightens and fades slowly"


def test_density_counts_events_and_rejected_candidates_by_their_peaks(library: Path) -> None:
    async def run() -> None:
        async with engine(library) as client:
            rows = await flashes(client)
            page = await client.ask(ListResults("events", 1, "kind:flash", last=100))
            content = rows[0]["content"]
            for bins in (1, 8, 200):
                found = await client.ask(GetDensity(content, bins))
                assert found.seconds == pytest.approx(8.0) and found.scan == 1
                (flash,) = (each for each in found.kinds if each.kind == "flash")
                events, best = [0] * bins, [0.0] * bins
                for row in page.rows:
                    place = int(row["seconds"] / 8.0 * bins + 1e-9)
                    events[place] += 1
                    best[place] = max(best[place], row["score"])
                assert (list(flash.events), list(flash.scores)) == (events, best)
                assert sum(flash.rejected) == sum(not row["accepted"] for row in rows)
            for bins in (0, -1, 100_000):
                with pytest.raises(UsageError, match="at least 1"):
                    await client.ask(GetDensity(content, bins))
            with pytest.raises(UnknownName):
                await client.ask(GetDensity("b2:none"))

    asyncio.run(run())


def test_a_histogram_gives_the_count_of_every_cut_off(library: Path) -> None:
    async def run() -> None:
        async with engine(library) as client:
            events = (await client.ask(ListResults("events", 1, last=1000))).rows
            kinds = {row["kind"] for row in events}
            assert "flash" in kinds
            flash = [row for row in events if row["kind"] == "flash"]
            for row, judgement in zip(flash, ("right", "wrong", "unsure", "right"), strict=False):
                about = row["content"], "flash", row["frame"]
                await client.send(JudgeEvent(*about, judgement))  # type: ignore[arg-type]
            for kind in ("", *kinds):
                found = await client.ask(GetHistogram(1, kind))
                mine = [row for row in events if kind in ("", row["kind"])]
                assert found.bins == 100 and sum(found.events) == len(mine)
                for n in range(0, 100, 7):
                    text = f"kind:{kind} score>={n / 100}" if kind else f"score>={n / 100}"
                    left = await client.ask(ListResults("events", 1, text))
                    assert sum(found.events[n:]) == left.total
            one = await client.ask(GetHistogram(1, "flash"))
            assert [sum(each) for each in (one.right, one.wrong, one.unsure)] == [2, 1, 1]
            other = await client.ask(GetHistogram(1, "cut", 10))
            assert sum(other.right) == 0 and len(other.events) == 10
            with pytest.raises(UnknownName):
                await client.ask(GetHistogram(99))

    asyncio.run(run())


def test_every_step_of_a_hundredth_lies_in_its_own_part(tmp_path: Path) -> None:
    """0.29 * 100 is a little less than 29."""
    events = [Event(n, "flash", n, n, n, n * 1.0, n * 1.0, n * 1.0, n, n, n / 100, 1)
              for n in range(101)]  # fmt: skip
    folder = tmp_path / "library"
    library = Library(folder)
    scan = keep(library, "a", events)
    library.close()

    async def run() -> None:
        async with engine(folder) as client:
            found = await client.ask(GetHistogram(scan, "flash"))
            assert found.events == (*(1,) * 99, 2)

    asyncio.run(run())


def test_several_pictures_come_in_one_reply(library: Path, storm: Path) -> None:
    async def run() -> None:
        async with engine(library) as client:
            times = (2.84, 1.36, 2.8, 1.36)
            found = (await client.ask(GetStills(str(storm), times, 320))).jpegs
            assert len(found) == 4 and found[1] == found[3]
            images = [Image.open(io.BytesIO(jpeg)).convert("L") for jpeg in found]
            assert {max(image.size) for image in images} == {320}
            means = [np.asarray(image, float).mean() for image in images]
            assert means[0] > means[2] + 1  # a stroke at 2.84 s, none at 2.8 s
            with Library(library, writable=False).database.reading() as connection:
                (width, height), = connection.execute(
                    "SELECT json_extract(info, '$.width'), json_extract(info, '$.height') "
                    "FROM contents WHERE kind = 'video'"
                ).fetchall()  # fmt: skip
            crop = (width // 2, height // 4, width // 4, height // 4)
            whole = (await client.ask(GetStills(str(storm), (2.84,), 8000))).jpegs[0]
            (part,) = (await client.ask(GetStills(str(storm), (2.84,), 8000, crop))).jpegs
            left, right = Image.open(io.BytesIO(whole)), Image.open(io.BytesIO(part))
            x, y, w, h = crop
            assert right.size == (w, h)
            cut = np.asarray(left.crop((x, y, x + w, y + h)), float)
            assert np.abs(cut - np.asarray(right, float)).mean() < 3
            (small,) = (await client.ask(GetStills(str(storm), (2.84,), 40, crop))).jpegs
            assert max(Image.open(io.BytesIO(small)).size) == 40
            for wrong, words in (
                (GetStills(str(storm), ()), "at least 1 and at most 64 pictures"),
                (GetStills(str(storm), (1.0,) * 65), "at most 64"),
                (GetStills(str(storm), (1.0,), 0), "pixel"),
                (GetStills(str(storm), (float("nan"),)), "finite"),
                (GetStills(str(storm), (1.0,), 99, (width, 0, 5, 5)), "outside of the picture"),
                (GetStills("/none.mp4", (1.0,)), "is not in this library"),
            ):
                with pytest.raises(UsageError, match=words):
                    await client.ask(wrong)

    asyncio.run(run())


def test_files_count_the_rows_of_a_list_and_those_judged(library: Path) -> None:
    async def run() -> None:
        async with engine(library) as client:
            for listed in (
                ListResults("candidates", 1), ListResults("events", 1), ListResults("frames", 1),
                ListResults("candidates", 1, "kind:flash"), ListResults("events", descending=True),
                ListResults("events", 1, cut_offs=(("flash", 0.9),)),
            ):  # fmt: skip
                rows = (await client.ask(replace(listed, last=1000))).rows
                found = (await client.ask(GetFiles(listed))).files
                tasks = list(dict.fromkeys(row["task"] for row in rows))
                assert [each.task for each in found] == tasks
                for each in found:
                    own = [row for row in rows if row["task"] == each.task]
                    assert (each.rows, each.judged) == (len(own), 0)
                    assert (each.path, each.content) == (own[0]["path"], own[0]["content"])
            first = (await client.ask(ListResults("events", 1))).rows[0]
            await client.ask(JudgeEvent(first["content"], first["kind"], first["frame"], "wrong"))
            for words, rest in (("", 0), ("is:judged", 0), ("is:unjudged", 1)):
                files = (await client.ask(GetFiles(ListResults("events", 1, words)))).files
                said = {each.task: each.judged for each in files}
                assert said.get(first["task"], 0) == 1 - rest
            with pytest.raises(UsageError, match="order of sources"):
                await client.ask(GetFiles(ListResults("events", 1, sort="score")))

    asyncio.run(run())


def test_ratios_name_the_reason_each_of_them_gives(library: Path) -> None:
    async def run() -> None:
        async with engine(library) as client:
            groups = (await client.ask(GetRatios("flash"))).groups
            assert [each.name for each in groups[0]] == list(STROKE_RANGE.names)
            attack = groups[0][3]
            assert (attack.floor, attack.enough) == (0.78, 0.95)
            assert attack.reason == "brightens and fades slowly"
            assert {"fill", "steadiness"} <= {each.name for each in groups[1]}
            for stage in ("cut", "none"):
                assert (await client.ask(GetRatios(stage))).groups == ()

    asyncio.run(run())
