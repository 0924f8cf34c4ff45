"""Exact moments: clips in which something is in view from one frame to another."""

from __future__ import annotations

import os
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from core.config.screening_settings import Limits, Sampling
from core.errors import SourceError
from core.protocol.requests.search import Search
from core.protocol.search_terms import parse_query
from core.records import ColourBatch, SourceInfo
from core.reports.searching import Searches
from core.search.background import sentences
from core.search.index import SearchIndex
from core.search.indexing import Indexer
from core.search.stores.exact import ExactStore
from core.sources.reader import Reader
from core.storage.library import Library
from core.storage.runs import TaskRow
from core.stores.answers import Annotation, AnswerKey
from core.stores.results import Result
from tests.search.concepts import IDENTITY, SPACE, Concepts, FakeModels, colour_of, vector_of
from tests.workbench import x264

EVERY = 12
"""frames between two that are indexed"""
SHADE = (40, 40, 60)
RED = (220, 20, 20)
STRETCHES = [(first, first + length) for first in (2, 5, 11, 16) for length in (13, 18, 22, 29, 35)]


def draw(path: Path, red: tuple[int, int], *, varying: bool = False) -> None:
    """Write 64 frames, red from the first to before the last of `red`."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.pix_fmt, stream.height, stream.width = "yuv420p", 48, 64
        stream.options = x264({"crf": "20", "preset": "ultrafast", "g": "25"})
        stream.codec_context.time_base = Fraction(1, 1000)
        at = 0
        for number in range(64):
            colour = RED if red[0] <= number < red[1] else SHADE
            pixels: NDArray[np.uint8] = np.full((48, 64, 3), colour, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = at, Fraction(1, 1000)
            container.mux(stream.encode(frame))
            at += 40 + (number * 37 % 90 if varying else 0)
        container.mux(stream.encode(None))


def indexed(library: Library, path: Path, reader: Reader) -> list[tuple[int, float]]:
    """Index every 12th frame of a clip by its colour; return number and time of all frames."""
    info = reader.probe(str(path)).info
    frames: list[tuple[int, float]] = []
    answers: list[tuple[str, Annotation]] = []
    for item in reader.colour(str(path), Sampling(mode="every"), 50, 64):
        if not isinstance(item, ColourBatch):
            continue
        for number, seconds, rgb in zip(item.indices, item.pts_seconds, item.rgb, strict=True):
            if int(number) % EVERY == 0:
                vector = vector_of(colour_of(rgb))
                answers.append(
                    (info.content, Annotation("embed", int(number), float(seconds), "", {}, vector))
                )
            frames.append((int(number), float(seconds)))
    _keep(library, info, answers)
    return frames


def _keep(library: Library, info: SourceInfo, answers: list[tuple[str, Annotation]]) -> None:
    status = os.stat(info.path)
    library.results.remember([(info, status.st_mtime_ns)])
    key = library.annotations.register(AnswerKey("embed", {"version": 1, **asdict(IDENTITY)}))
    kept = library.annotations.keep(key, answers)
    task = TaskRow(0, 1, info.path, "video", info.content, "done", "", 64, 0, 1.0)
    library.runs.create("index", {"stages": ["embed"]}, "spec", {"paths": []}, [task])
    numbers = tuple(each.id for each in kept)
    library.results.keep([Result(info.content, "spec", 64, "", (), {}, {}, (), (), numbers)])


def searches_of(library: Library) -> Searches:
    indexer = Indexer(library.index, library.index_facts, ExactStore())
    indexer.set_background(SPACE, lambda _texts: Concepts().embed_texts(sentences()))
    indexer.update()
    searches = Searches(library, SearchIndex(library, writable=False))
    searches._models = FakeModels()
    return searches


def test_moments_end_within_a_frame_in_twenty_clips(tmp_path: Path) -> None:
    library, reader = Library(tmp_path / "library"), Reader(Limits())
    truth = {}
    for number, red in enumerate(STRETCHES):
        path = tmp_path / f"{number}.mp4"
        draw(path, red, varying=number == 7)
        truth[str(path)] = red, indexed(library, path, reader)
    reader.close()
    searches = searches_of(library)
    try:
        reply = searches.search(Search(parse_query("crimson"), exact=True, last=100))
        rough = searches.search(Search(parse_query("crimson"), last=100))
    finally:
        searches.close()
        library.close()
    shown = {path for path, ((first, end), _) in truth.items()
             if any(first <= n < end for n in range(0, 64, EVERY))}  # fmt: skip
    assert {row["path"] for row in reply.rows} == shown and len(shown) == 20
    for row in reply.rows:
        (first, end), frames = truth[row["path"]]
        assert abs(row["start_frame"] - first) <= 1 and abs(row["end_frame"] - (end - 1)) <= 1
        times = dict(frames)
        assert row["start_seconds"] == pytest.approx(times[row["start_frame"]], abs=1e-6)
        assert row["end_seconds"] == pytest.approx(times[row["end_frame"]], abs=1e-6)
        assert first <= row["frame"] < end
    assert any(row["start_frame"] % EVERY for row in reply.rows)
    assert not any(row["start_frame"] % EVERY for row in rough.rows)


def test_a_clip_that_is_gone_or_damaged_keeps_the_ends_of_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, reader = Library(tmp_path / "library"), Reader(Limits())
    path = tmp_path / "clip.mp4"
    draw(path, (17, 40))
    indexed(library, path, reader)
    reader.close()
    searches = searches_of(library)
    request = Search(parse_query("crimson"), exact=True)
    try:

        def fails(*_args: object, **_more: object) -> None:
            raise SourceError("damaged")

        monkeypatch.setattr(Reader, "colour", fails)
        damaged = searches.search(request)
        path.unlink()
        library.remarks.mark("b2:0", 1, on=True)  # else the reply is known
        gone = searches.search(request)
    finally:
        searches.close()
        library.close()
    assert any("cannot be read again: damaged" in note for note in damaged.notes)
    assert damaged.rows[0]["start_frame"] % EVERY == 0
    assert gone.rows[0]["gone"] and gone.rows[0]["start_frame"] % EVERY == 0
