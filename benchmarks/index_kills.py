"""Killed with SIGKILL at 50 random moments of indexing, and run again: nothing lost or twice.

A real `sightline index` of small pictures with a small trained embedder; every kill is followed by
`runs resume`, which is killed in turn.
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.measure import SIGHTLINE, run, table
from core.search.index import SearchIndex
from core.storage.library import Library
from core.synthetic import shapes

KILLS = 50
PICTURES = 400


def main() -> None:
    """Print how often indexing was killed, and whether database and index agree."""
    dice = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        pictures = _draw(scratch / "pictures")
        shapes.train(scratch / "model")
        library, rounds = scratch / "library", 0
        kills = lost = twice = strange = 0
        while kills < KILLS:
            kills += _kill_until_done(library, pictures, scratch / "model", dice, KILLS - kills)
            missing, more, foreign = _compared(library)
            lost, twice, strange = lost + missing, twice + more, strange + foreign
            rounds += 1
            if kills < KILLS:
                shutil.rmtree(library)
    table(
        ("figure", "value", "wanted"),
        [
            ("killed and resumed", kills, KILLS),
            ("folders indexed to the end meanwhile", rounds, ""),
            ("vectors of the library that are not in the index", lost, 0),
            ("frames that are in the index twice", twice, 0),
            ("points of the index that are not in the library", strange, 0),
        ],
    )


def _draw(folder: Path) -> Path:
    from PIL import Image

    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (PICTURES, 32, 32, 3), np.uint8)
    for number, each in enumerate(pixels):
        Image.fromarray(each).save(folder / f"{number}.png")
    return folder


def _kill_until_done(
    library: Path, pictures: Path, model: Path, dice: random.Random, most: int
) -> int:
    """Kill and resume until all is indexed, or often enough; return how often."""
    base = [*SIGHTLINE, "--library", str(library), "--quiet"]
    start = [*base, "index", str(pictures), "--stages", "embed", "--set", f"embed.model={model}",
             "--set", "run.batch_size=4", "--set", "models.batch_size=4"]  # fmt: skip
    resume, kills = [*base, "runs", "resume", "1"], 0
    command = start
    while kills < most:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(dice.uniform(2.0, 8.0))  # loading takes most of the first seconds
        if process.poll() is not None:
            return kills
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
        command = resume if _has_scan(library) else start
    run(command, codes=(0, 2))
    return kills


def _has_scan(library: Path) -> bool:
    if not (library / "library.db").is_file():
        return False
    kept = Library(library, writable=False)
    found = bool(kept.jobs.all())
    kept.close()
    return found


def _compared(library: Path) -> tuple[int, int, int]:
    """Return how many vectors are missing, how many frames are twice, how many points are more."""
    kept = Library(library)
    index = SearchIndex(kept, writable=True)
    try:
        (space,) = kept.index.spaces()
        with kept.database.reading() as connection:
            rows = connection.execute(
                "SELECT content, frame, part FROM annotations WHERE vector IS NOT NULL"
            ).fetchall()
        page = index.store.scroll(space.name, limit=1_000_000)
        found = [(p.payload["content"], p.payload["frame"], "") for p in page.points]
        wanted = {(str(content), int(frame), str(part)) for content, frame, part in rows}
        state = {point.point for point in kept.index.points(space.id)}
        strange = len(set(found) - wanted) + len({p.id for p in page.points} ^ state)
        return len(wanted - set(found)), len(found) - len(set(found)), strange
    finally:
        index.close()
        kept.close()


if __name__ == "__main__":
    main()
