"""Queries over 100,000 vectors of 512 dimensions: the index's store against numpy's product.

Vectors are drawn in clusters, as those of frames lie. Both sides answer the same queries in turn,
in one process, ten at a time, with as many threads as the machine has cores; figures are medians
of CPU time.
`SIGHTLINE_BENCH_VECTORS` is how many vectors there are (1000000 takes 5 GiB of memory).
"""

from __future__ import annotations

import gc
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks.measure import table
from core.search.stores.edge import EdgeStore
from core.search.stores.protocol import Filter, OneOf, Point, Query, Range

VECTORS = int(os.environ.get("SIGHTLINE_BENCH_VECTORS", "100000"))
DIMENSION, CLUSTERS, FRAMES_OF_A_VIDEO = 512, 2000, 600
QUERIES, BLOCK, LIMIT, STEP = 60, 10, 10, 2000
NAME = "bench"


def main() -> None:
    """Print what a query takes, filtered and not, and what the store takes."""
    vectors, queries = drawn(VECTORS)
    with tempfile.TemporaryDirectory() as folder:
        before = _memory()
        store = EdgeStore(Path(folder))
        inserting = _cpu(lambda: _fill(store, vectors))
        store.flush(NAME)
        held = _memory() - before
        disk = sum(each.stat().st_blocks * 512 for each in Path(folder).rglob("*"))
        found, sides = _compare(store, vectors, queries)
        store.close()
        opening = _cpu(lambda: _open_and_ask(Path(folder), queries[0]))
    product = median(sides["product"])
    table(
        ("figure", "value", "wanted"),
        [
            (f"numpy float32 product, {len(vectors)} vectors, CPU ms", product * 1e3, ""),
            ("calibrated query / product", median(sides["calibrated"]) / product, "<= 1.0"),
            ("cosine query / product", median(sides["cosine"]) / product, "<= 1.0"),
            ("the same, 100 hits", median(sides["hundred"]) / product, ""),
            ("filter to one video / product", median(sides["video"]) / product, "<= 0.05"),
            ("half-range filter / unfiltered",
             median(sides["half"]) / median(sides["calibrated"]), "<= 1.1"),
            ("recall of the first 10", found, ">= 0.99"),
            ("disk, MB", disk / 1e6, ""),
            ("memory, MB", held / 1e6, ""),
            ("inserted per CPU second", len(vectors) / inserting, ""),
            ("opening and one query, CPU s", opening, ""),
        ],
    )  # fmt: skip
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def drawn(count: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return float32 (count, DIMENSION) and (QUERIES, DIMENSION), of unit length."""
    random = np.random.default_rng(0)
    centre = random.standard_normal(DIMENSION).astype(np.float32)
    centres = random.standard_normal((CLUSTERS, DIMENSION)).astype(np.float32)
    rows = np.empty((count, DIMENSION), np.float32)
    for start in range(0, count, 50_000):
        part = rows[start : start + 50_000]
        own = centres[random.integers(0, CLUSTERS, len(part))]
        part[:] = centre + own + 0.6 * random.standard_normal(part.shape).astype(np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    chosen = centres[random.integers(0, CLUSTERS, QUERIES)]
    asked = chosen + 0.8 * random.standard_normal(chosen.shape).astype(np.float32)
    return rows, asked / np.linalg.norm(asked, axis=1, keepdims=True)


def _points(vectors: NDArray[np.float32]) -> Iterator[list[Point]]:
    spreads = np.random.default_rng(1).uniform(0.04, 0.06, len(vectors))
    for start in range(0, len(vectors), STEP):
        yield [
            Point(UUID(int=row), vectors[row], _payload(row), 0.1, float(spreads[row]))
            for row in range(start, min(start + STEP, len(vectors)))
        ]


def _payload(row: int) -> dict[str, Any]:
    video = row // FRAMES_OF_A_VIDEO
    return {
        "content": f"b2:{video:032x}", "kind": "video", "part": "frame", "model": "bench",
        "path": [f"/films/2024/{video}.mp4"], "folder": ["/", "/films", "/films/2024"],
        "frame": row % FRAMES_OF_A_VIDEO, "seconds": float(row % FRAMES_OF_A_VIDEO),
        "date": 1.7e9 + row, "tag": ["rain", "sky"] if row % 3 else ["car"],
    }  # fmt: skip


def _fill(store: EdgeStore, vectors: NDArray[np.float32]) -> None:
    store.create(NAME, DIMENSION)
    for part in _points(vectors):
        store.upsert(NAME, part)


def _compare(
    store: EdgeStore, vectors: NDArray[np.float32], queries: NDArray[np.float32]
) -> tuple[float, dict[str, list[float]]]:
    """Return the recall of cosine queries, and the CPU seconds of each kind of query."""
    video = Filter((OneOf("content", (_payload(len(vectors) // 2)["content"],)),))
    half = Filter((Range("seconds", lt=FRAMES_OF_A_VIDEO / 2),))
    kinds: dict[str, Callable[[NDArray[np.float32]], Query]] = {
        "calibrated": lambda vector: Query(vector, LIMIT, scores="calibrated"),
        "cosine": lambda vector: Query(vector, LIMIT),
        "hundred": lambda vector: Query(vector, 100, scores="calibrated"),
        "video": lambda vector: Query(vector, LIMIT, filter=video, scores="calibrated"),
        "half": lambda vector: Query(vector, LIMIT, filter=half, scores="calibrated"),
    }

    def searched(name: str, vector: NDArray[np.float32]) -> list[int]:
        if name == "product":
            return _product(vectors, vector)
        return [hit.id.int for hit in store.query(NAME, kinds[name](vector))]

    sides: dict[str, list[float]] = {name: [] for name in ("product", *kinds)}
    for start in range(0, len(queries), BLOCK):
        for name, taken in sides.items():
            # The threads of numpy's BLAS run on for a while after a product: a query that is not
            # counted comes between two kinds.
            searched(name, queries[start])
            part = queries[start : start + BLOCK]
            taken += [_cpu(partial(searched, name, each)) for each in part]
    right = sum(
        len(set(_product(vectors, each)) & set(searched("cosine", each))) for each in queries
    )
    return right / (LIMIT * len(queries)), sides


def _product(vectors: NDArray[np.float32], vector: NDArray[np.float32]) -> list[int]:
    scores = vectors @ vector
    return [int(each) for each in np.argpartition(-scores, LIMIT)[:LIMIT]]


def _open_and_ask(folder: Path, vector: NDArray[np.float32]) -> None:
    store = EdgeStore(folder)
    store.query(NAME, Query(vector, LIMIT, scores="calibrated"))
    store.close()


def _cpu(work: Callable[[], object]) -> float:
    """Return the CPU seconds of all threads of this process."""
    began = time.process_time()
    work()
    return time.process_time() - began


def _memory() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)
