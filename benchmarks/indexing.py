"""What indexing costs a scan that embeds, and how queries fare meanwhile.

The same scan of JPEGs through ViT-B/32 (random weights) with and without `run.index`, in turn, each
in a library that knows the model's background sentences already; those are timed apart, since they
are embedded once for a library and a model. Then queries in the engine's process, idle and while
vectors are being indexed.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from benchmarks.embedding import ARCHITECTURE, BATCH, jpegs, saved_model
from benchmarks.measure import SIGHTLINE, in_turn, medians, run, table
from benchmarks.vectors import NAME, STEP, drawn
from core.search.stores.edge import EdgeStore
from core.search.stores.protocol import Point, Query

PICTURES = int(os.environ.get("SIGHTLINE_BENCH_PICTURES", "400"))
RUNS = int(os.environ.get("SIGHTLINE_BENCH_RUNS", "3"))
IDLE, MORE = 20_000, 20_000
"""vectors before queries, and those that are added beside them"""


def main() -> None:
    """Print the share of embedding speed that indexing leaves, and the time of queries beside."""
    folder, pictures = saved_model(ARCHITECTURE), jpegs(PICTURES)
    one = next(iter(sorted(pictures.glob("*.jpg"))))
    with tempfile.TemporaryDirectory() as scratch:
        sides = [_scan(f"{scratch}/{name}", folder, name) for name in ("plain", "index")]
        first = [run([*side, str(one)]) for side in sides]
        again = [[*side, str(pictures), "--redo"] for side in sides]
        plain, index = (medians(runs) for runs in in_turn(again, RUNS))
    idle, beside = _queries()
    table(
        ("figure", "value", "wanted"),
        [
            (f"embedding alone, {PICTURES} pictures, wall s (CPU s)",
             f"{plain.wall_seconds:.1f} ({plain.cpu_seconds:.1f})", ""),
            ("with indexing, wall s (CPU s)",
             f"{index.wall_seconds:.1f} ({index.cpu_seconds:.1f})", ""),
            ("share of embedding speed, wall", plain.wall_seconds / index.wall_seconds, ">= 0.90"),
            ("the same, CPU", plain.cpu_seconds / index.cpu_seconds, ">= 0.90"),
            ("background sentences, once for a model, CPU s",
             first[1].cpu_seconds - first[0].cpu_seconds, ""),
            (f"query over {IDLE} vectors, p95, idle, ms", idle * 1e3, ""),
            ("p95 while vectors are added / idle", beside / idle, "<= 2"),
        ],
    )  # fmt: skip
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def _scan(library: str, model: Path, name: str) -> list[str]:
    settings = [f"embed.model={model}", f"models.batch_size={BATCH}", "sampling.mode=fps",
                f"run.index={'true' if name == 'index' else 'false'}"]  # fmt: skip
    sets = [part for each in settings for part in ("--set", each)]
    return [*SIGHTLINE, "--library", library, "--quiet", "scan", "--stages", "embed", *sets]


def _queries() -> tuple[float, float]:
    """Return the 95th percentile in seconds of queries, idle and while a thread adds vectors.

    Vectors are added as fast as a scan of 500 frames per second makes them.
    """
    vectors, asked = drawn(IDLE + MORE)
    with tempfile.TemporaryDirectory() as folder:
        store = EdgeStore(Path(folder))
        store.create(NAME, vectors.shape[1])
        for start in range(0, IDLE, STEP):
            _add(store, vectors, start, start + STEP)
        idle = _percentile(store, asked)
        ended = threading.Event()

        def add() -> None:
            for start in range(IDLE, IDLE + MORE, 512):
                _add(store, vectors, start, min(start + 512, len(vectors)))
                if ended.wait(1.0):
                    return

        thread = threading.Thread(target=add)
        thread.start()
        beside = _percentile(store, asked)
        ended.set()
        thread.join()
        store.close()
    return idle, beside


def _add(store: EdgeStore, vectors: NDArray[np.float32], start: int, end: int) -> None:
    store.upsert(NAME, [Point(UUID(int=row), vectors[row], {"frame": row}) for row in
                        range(start, end)])  # fmt: skip


def _percentile(store: EdgeStore, asked: NDArray[np.float32]) -> float:
    taken = []
    for _ in range(5):
        for vector in asked:
            began = time.perf_counter()
            store.query(NAME, Query(vector, scores="calibrated"))
            taken.append(time.perf_counter() - began)
    return float(np.percentile(taken, 95))
