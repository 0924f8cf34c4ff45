"""Duplicates and maps of large libraries: CPU seconds, and growth with the number of pictures.

Files of one byte, and rows as a scan with `dedupe` and `embed` keeps them, so that reading the
library, `stat` of each file, comparing and grouping are measured; hashes and vectors are drawn:
5 % of the pictures are near another one. Run it as
`OPENBLAS_NUM_THREADS=1 python -m benchmarks duplicates`: on a loaded machine, threads of BLAS wait
busily for each other.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection

import numpy as np

from benchmarks.measure import table

COUNTS = (10_000, 60_000)
DIMENSION = 512
TOPICS = 40
_IDENTITY = {"model": "m", "revision": "r", "preprocessing": "p", "dtype": "float32"}


def main() -> None:
    """Print CPU seconds and peak memory of each kind of duplicates, and of a map."""
    rows: list[list[object]] = []
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as folder:
            _draw(Path(folder), count)
            rows += [[count, *row] for row in _measured(Path(folder))]
    table(["pictures", "what", "found", "CPU s"], rows)


def _measured(folder: Path) -> Iterator[tuple[str, int, str]]:
    from core.protocol.requests.duplicates import CopyKind, FindDuplicates
    from core.protocol.requests.maps import GetMap
    from core.reports.atlas.build import map_parts
    from core.reports.copies.find import DuplicateFinder
    from core.storage.library import Library

    kinds: tuple[CopyKind, ...] = ("bytes", "near", "alike")
    with closing(Library(folder / "library", writable=False)) as library:
        for kind in kinds:
            began = time.process_time()
            found = list(DuplicateFinder(library, FindDuplicates(kinds=(kind,))).parts())
            yield kind, len(found) - 1, f"{time.process_time() - began:.2f}"
        began = time.process_time()
        groups = list(map_parts(library, GetMap()))[-1].groups
        yield "map (groups)", len(groups), f"{time.process_time() - began:.2f}"


def _draw(folder: Path, count: int) -> None:
    from core.storage.library import Library

    draw = np.random.default_rng(0)
    hashes = draw.integers(0, 2**63, count, np.uint64)
    near = count // 20
    hashes[:near] = hashes[near : 2 * near] ^ (np.uint64(1) << np.uint64(9))
    centres = draw.normal(size=(TOPICS, DIMENSION))
    (folder / "files").mkdir()
    with (
        closing(Library(folder / "library")) as library,
        library.database.transaction() as connection,
    ):
        connection.execute("INSERT INTO measurings VALUES (1, 'dedupe', 3, '{}')")
        connection.execute(
            "INSERT INTO asked VALUES (1, 'k', 'embed', ?)",
            (json.dumps({"identity": _IDENTITY}),),
        )
        for number, value in enumerate(hashes.tolist()):
            vector = centres[number % TOPICS] + draw.normal(size=DIMENSION)
            _add(connection, folder / "files" / f"{number:06d}.jpg", number, value, vector)


def _add(connection: Connection, path: Path, number: int, value: int, vector: np.ndarray) -> None:
    from core.screening.dedupe import split

    path.write_bytes(b"x")
    status = path.stat()
    content = f"b2:{number:032x}"
    info = json.dumps({"width": 4000, "height": 3000, "metadata": {"exif": {"Make": "Canon"}}})
    connection.execute(
        "INSERT INTO contents (content, kind, info, id) VALUES (?, 'picture', ?, ?)",
        (content, info, number + 1),
    )
    connection.execute(
        "INSERT INTO paths VALUES (?, ?, ?, ?, '')",
        (os.fsencode(path), content, status.st_size, status.st_mtime_ns),
    )
    connection.execute(
        "INSERT INTO picture_series VALUES (?, 1, ?)",
        (number + 1, np.array(split(value), "<f4").tobytes()),
    )
    unit = (vector / np.linalg.norm(vector)).astype("<f4")
    connection.execute(
        "INSERT INTO annotations (asked, content, frame, part, seconds, body, vector, made) "
        "VALUES (1, ?, 0, '', 0, '{}', ?, '')",
        (content, unit.tobytes()),
    )


if __name__ == "__main__":
    main()
