"""The same scan over stores in memory and over a library: the same rows in both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.config.profiles import resolve
from core.config.spec import Spec
from core.models.residency import Residency
from core.pipeline.channel import Cancelled
from core.protocol.messages import BatchDone, Message
from core.records import SourceInfo
from core.scans.plan import Source, plan
from core.scans.resolve_models import open_session, resolve_models
from core.scans.scan_job import ScanJob
from core.storage.library import Library
from core.storage.runs import TaskRow
from core.stores.answers import Annotation
from core.stores.results import Result
from core.stores.series import (
    SeriesHeader,
    SeriesPart,
    SeriesState,
    picture_key,
    series_key,
)
from tests.memory_stores import MemoryStores
from tests.models.vlm.faulty_server import FaultyServer
from tests.tiny.shelf import tiny_model

VERDICT = '{"verdict": "yes", "kind": "bolt", "frames": [2], "confidence": 0.5, "reason": "bright"}'
Rows = dict[str, Any]


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    made = FaultyServer()
    made.text = VERDICT
    yield made
    made.close()


def settings(server: FaultyServer) -> Spec:
    wanted = {
        "stages": ["flash", "dedupe", "quality", "tag", "detect", "segment", "embed", "caption",
                   "verify"],
        "run.batch_size": 64, "sampling.fps": 1.0, "models.batch_size": 4, "run.parallel": 1,
        "embed.model": str(tiny_model("clip")), "detect.model": str(tiny_model("grounding_dino")),
        "detect.labels": ["cat", "tree"], "detect.threshold": 0.35,
        "segment.model": str(tiny_model("sam2")), "vlm.model": f"{server.url}#tiny",
        "output.thumbnails": True,
    }  # fmt: skip
    return resolve("quick", wanted)


def scan_in_two_goes(stores: Library | MemoryStores, spec: Spec, sources: list[Source]) -> None:
    """Cancel a scan after its first microbatch, resume it, and do its first source once more."""
    resolved = resolve_models(spec, lambda _note: None)
    residency = Residency(stores.footprints)

    def run(scan: int, part: list[Source], *, redo: bool = False, cut: bool = False) -> None:
        session = open_session(stores, residency, resolved, lambda _note: None, redo=redo)

        def emit(message: Message) -> None:
            if cut and isinstance(message, BatchDone):
                job.control.cancel()

        job = ScanJob(stores, scan, "mine", resolved.spec, emit, redo=redo, session=session)
        job.run(part)

    try:
        with suppress(Cancelled):
            run(1, sources, cut=True)
        run(1, sources)
        run(2, sources[:1], redo=True)
    finally:
        residency.close()


def test_the_rows_are_those_of_a_library(
    tmp_path: Path, storm: Path, pictures: Path, broken: Path, server: FaultyServer
) -> None:
    spec = settings(server)
    images = [pictures / name for name in ("one.png", "one-small.png", "other-2.png", "flat.png")]
    planned = plan(None, spec, [str(path) for path in (storm, *images, broken)], (), "default")
    sources = list(planned.sources)
    memory = MemoryStores()
    scan_in_two_goes(memory, spec, sources)
    asked_of_memory = len(server.asked())
    with closing(Library(tmp_path / "library")) as library:
        for _ in (1, 2):
            library.runs.create("mine", {}, "hash", {}, [])
        scan_in_two_goes(library, spec, sources)
        kept = rows_of_library(library)
    rows = rows_of_memory(memory)
    assert rows.keys() == kept.keys()
    for what, expected in kept.items():
        assert rows[what] == expected, what
        assert len(expected) >= 2 or what == "samplings", what
    stages = {stage for stage, *_ in rows["answers"]}
    assert stages == {"tag", "detect", "segment", "embed", "caption", "verify"}
    assert len(server.asked()) == 2 * asked_of_memory


# Rows of either, as plain values


def rows_of_library(library: Library) -> Rows:
    with library.database.reading() as connection:

        def select(text: str) -> list[Any]:
            return connection.execute(text).fetchall()

        tracks = select("SELECT key, content, stage, version, settings FROM tracks")
        chunks = select("SELECT track, first FROM chunks")
        pictures = select(
            "SELECT contents.content, stage, version, settings FROM picture_series "
            "JOIN contents ON contents.id = picture_series.content "
            "JOIN measurings ON measurings.id = measuring"
        )
        results = select("SELECT content, spec_hash FROM results")
        contents = select("SELECT content FROM contents")
        paths = select("SELECT path, content, size, mtime_ns, failure FROM paths")
        asked = {number: (stage, key) for number, stage, key in
                 select("SELECT id, stage, key FROM asked")}  # fmt: skip
        answers = select("SELECT asked, content, frame, part, id FROM annotations")
        samplings = select("SELECT key, content FROM sampled")
    headers = [
        SeriesHeader(key, content, stage, version, json.loads(settings))
        for key, content, stage, version, settings in tracks
    ]
    for content, stage, version, settings in pictures:
        measured_with = json.loads(settings)
        key = picture_key(content, series_key(content, stage, version, measured_with))
        headers.append(SeriesHeader(key, content, stage, version, measured_with))
        chunks.append((key, 0))
    by_id = {
        note.id: note
        for content, spec_hash in results
        for note in library.annotations.of_result(content, spec_hash)
    }
    frames = library.folder / "frames"
    return {
        "series": [_series(header, library.series.state(header.key)) for header in sorted(
            headers, key=lambda each: each.key)],
        "parts": [(key, _part(library.series.part_holding(key, first)))
                  for key, first in sorted(chunks)],
        "results": sorted(_result(library.results.get(*key)) for key in results),
        "infos": sorted(_info(library.results.info(content, "")) for (content,) in contents),
        "paths": sorted((path.decode(), *rest) for path, *rest in paths),
        "answers": sorted(
            (*asked[number], content, frame, part, *_answer(by_id[id_]))
            for number, content, frame, part, id_ in answers
        ),
        "samplings": sorted((key, content, *_sampled(library, key)) for key, content in samplings),
        "frames": sorted(path.read_bytes() for path in frames.rglob("*.jpg")),
        "thumbnails": sorted(p.read_bytes() for p in (library.folder / "pictures").rglob("*.jpg")),
        "tasks": sorted(_task(row) for scan in (1, 2) for row in library.runs.tasks(scan)),
    }  # fmt: skip


def rows_of_memory(memory: MemoryStores) -> Rows:
    series, answers = memory.series, memory.annotations
    asked = {key.id: (key.stage, key.key) for key in answers.keys.values()}
    return {
        "series": [_series(header, series.state(key)) for key, header in sorted(
            series.headers.items())],
        "parts": [
            (key, _part(part))
            for key, parts in sorted(series.parts.items())
            for _, part in sorted(parts.items())
        ],
        "results": sorted(map(_result, memory.results.results.values())),
        "infos": sorted(map(_info, memory.results.infos.values())),
        "paths": sorted((path, *rest) for path, rest in memory.results.paths.items()),
        "answers": sorted(
            (*asked[number], *key, *_answer(note)) for (number, *key), note in answers.rows.items()
        ),
        "samplings": sorted(
            (key, content, *_sampled(memory, key))
            for key, (content, _, _) in answers.samplings.items()
        ),
        "frames": sorted(memory.frames.kept.values()),
        "thumbnails": sorted(memory.thumbnails.kept.values()),
        "tasks": sorted(map(_task, memory.runs.rows.values())),
    }  # fmt: skip


def _series(header: SeriesHeader, state: SeriesState) -> str:
    return json.dumps([asdict(header), asdict(state)], sort_keys=True)


def _part(part: SeriesPart | None) -> tuple[Any, ...]:
    assert part is not None
    values = np.ascontiguousarray(part.values, "<f4").tobytes()
    return part.first, part.indices.tolist(), part.pts_seconds.tolist(), values, part.mark


def _result(result: Result | None) -> str:
    assert result is not None
    return json.dumps(
        asdict(replace(result, annotations=(), tracks=dict(result.tracks))), sort_keys=True
    )


def _info(info: SourceInfo) -> str:
    return json.dumps(asdict(info), sort_keys=True)


def _answer(note: Annotation) -> tuple[Any, ...]:
    """Return seconds, body and vector, without how long answering took."""
    body = dict(note.body)
    if "facts" in body:
        body["facts"] = {k: v for k, v in body["facts"].items() if "second" not in k}
    vector = b"" if note.vector is None else note.vector.astype("<f4").tobytes()
    return note.seconds, json.dumps(body, sort_keys=True), vector


def _sampled(stores: Library | MemoryStores, key: str) -> tuple[Any, ...]:
    numbers, seconds, ended = stores.annotations.sampled(key)
    return numbers.tolist(), seconds.tolist(), json.dumps(ended, sort_keys=True)


def _task(row: TaskRow) -> tuple[Any, ...]:
    values = asdict(replace(row, seconds=0.0))
    return tuple(str(value) for value in values.values())
