"""Exports of 1,000, 10,000 and 60,000 pictures in each format: time, and growth against linear.

Medians of three runs of each count, in turn; arguments name the formats (default: all).

The library is made from a real scan of a few pictures: what was found in each is kept many times,
with a hash of its own for each picture; every tenth looks like the one before it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from benchmarks.measure import SIGHTLINE, run, table
from core.config.spec import Spec
from core.records import SourceInfo
from core.scans.measure import measure_settings
from core.scans.stored_spec import spec_of
from core.screening.dedupe import split
from core.screening.registry import width_of
from core.storage.export.built_in import BUILT_IN
from core.storage.library import Library
from core.storage.runs import TaskRow
from core.stores.results import Result
from core.stores.series import SeriesHeader, SeriesPart, picture_key, series_key

COUNTS = (1_000, 10_000, 60_000)
RUNS = 3
MOST_SECONDS = 10.0
MOST_GROWTH = 1.3
SEEDS = 8
AT_ONCE = 4_096


def main() -> None:
    """Print CPU seconds by format and number of pictures, and how they grow."""
    wanted = [name for name in sys.argv[1:] if name in BUILT_IN]
    with tempfile.TemporaryDirectory() as scratch:
        libraries = [make_pictures(Path(scratch) / str(count), count) for count in COUNTS]
        rows = [_row(name, libraries) for name in wanted or BUILT_IN]
    table(
        (
            "format", *(f"{count:,} pictures: CPU s" for count in COUNTS[:-1]),
            f"{COUNTS[-1]:,}: CPU s (<= {MOST_SECONDS:g})",
            "wall s", f"growth (<= {MOST_GROWTH:g})",
        ),
        rows,
    )  # fmt: skip


def _row(name: str, libraries: Sequence[Path]) -> tuple[object, ...]:
    # The counts take turns, so that a machine that drifts drifts for all of them.
    taken = [[_export(library, name) for library in libraries] for _ in range(RUNS)]
    cpu = [median(each[n][0] for each in taken) for n in range(len(libraries))]
    wall = median(each[-1][1] for each in taken)
    # What starting takes is no growth: the slopes between the counts are compared.
    slopes = [(cpu[n + 1] - cpu[n]) / (COUNTS[n + 1] - COUNTS[n]) for n in range(len(COUNTS) - 1)]
    row = (name, *cpu, wall, slopes[1] / max(slopes[0], 1e-9))
    print(*row, file=sys.stderr, flush=True)
    return row


def _export(library: Path, name: str) -> tuple[float, float]:
    """Return CPU and wall seconds of one command."""
    with tempfile.TemporaryDirectory() as out:
        done = run([*SIGHTLINE, "--library", str(library), "--quiet", "export", "1",
                    "--format", name, "--out", out])  # fmt: skip
    return done.cpu_seconds, done.wall_seconds


def make_pictures(folder: Path, count: int) -> Path:
    """Return a library whose scan 1 has so many pictures."""
    pictures, library = folder / "pictures", folder / "library"
    pictures.mkdir(parents=True)
    random = np.random.default_rng(0)
    for number in range(SEEDS):
        coarse = Image.fromarray(random.integers(0, 255, (6, 8, 3), np.uint8))
        coarse.resize((160, 120)).save(pictures / f"{number}.jpg")
    run([*SIGHTLINE, "--library", str(library), "--quiet", "scan", str(pictures),
         "--profile", "quick"])  # fmt: skip
    _multiply(library, count)
    return library


@dataclass(frozen=True, slots=True)
class _Seed:
    """A picture that was really scanned, with its series by stage."""

    task: TaskRow
    info: SourceInfo
    result: Result
    series: Mapping[str, SeriesPart]


def _multiply(folder: Path, count: int) -> None:
    library = Library(folder)
    try:
        spec = spec_of(library, 1)
        seeds, hashes = _seeds(library), _hashes(count)
        # One object of settings for all pictures of a stage, as a scan has.
        kinds = {name: _kind(spec, name, seeds[0]) for name in seeds[0].series}
        for start in range(0, count, AT_ONCE):
            _keep(library, seeds, kinds, hashes, range(start, min(start + AT_ONCE, count)))
    finally:
        library.close()


def _seeds(library: Library) -> list[_Seed]:
    tasks = library.runs.tasks(1)
    contents = [str(task.content) for task in tasks]
    results = library.results.of_contents(contents, library.runs.get(1).spec_hash)
    infos = library.results.infos(dict.fromkeys(contents, ""))
    return [
        _Seed(task, infos[content], results[content], _series(library, results[content]))
        for task, content in zip(tasks, contents, strict=True)
    ]


def _series(library: Library, result: Result) -> dict[str, SeriesPart]:
    return {
        stage: library.series.whole(key, width_of(stage)) for stage, key in result.tracks.items()
    }


def _kind(spec: Spec, stage: str, seed: _Seed) -> SeriesHeader:
    settings = measure_settings(spec, stage, seed.info)
    return SeriesHeader("", "", stage, int(seed.result.provenance["stages"][stage]), settings)


def _hashes(count: int) -> list[int]:
    drawn = np.random.default_rng(1).integers(0, 2**63, count, dtype=np.uint64)
    drawn[1::10] = drawn[::10][: len(drawn[1::10])] ^ np.uint64(0b1001)
    found: list[int] = drawn.tolist()
    return found


def _keep(
    library: Library, seeds: Sequence[_Seed], kinds: Mapping[str, SeriesHeader],
    hashes: Sequence[int], part: range,
) -> None:  # fmt: skip
    """Keep a part of the pictures through the library's own stores."""
    rows, probes, results, series = [], [], [], []
    for number in part:
        seed = seeds[number % len(seeds)]
        content = f"b2:{blake2b(str(number).encode(), digest_size=16).hexdigest()}"
        path = f"/pictures/{number // 500:04d}/IMG_{number:06d}.jpg"
        headers = _headers(kinds, content)
        values = np.array([split(hashes[number])], np.float32)
        of_stage = {**seed.series, "dedupe": replace(seed.series["dedupe"], values=values)}
        series += [(header, of_stage[stage]) for stage, header in headers.items()]
        tracks = {stage: header.key for stage, header in headers.items()}
        probes.append((replace(seed.info, content=content, path=path), 0))
        results.append(replace(seed.result, content=content, tracks=tracks))
        rows.append(replace(seed.task, number=number + 1, path=path, content=content))
    library.results.remember(probes)
    library.series.keep_whole(series)
    library.results.keep(results)
    library.runs.add_tasks(1, rows)


def _headers(kinds: Mapping[str, SeriesHeader], content: str) -> dict[str, SeriesHeader]:
    return {
        stage: replace(
            kind, content=content,
            key=picture_key(content, series_key(content, stage, kind.version, kind.settings)),
        )
        for stage, kind in kinds.items()
    }  # fmt: skip


if __name__ == "__main__":
    main()
