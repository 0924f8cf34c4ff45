"""SIGKILL while vectors are stored and indexed: after the next run, database and index agree."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.search.library import add_source, agreement, embed, indexer_of, opened, vectors

KILLS = 4
STEP = 40


def work(folder: Path) -> None:
    """Add, replace and forget vectors, and index them, until killed."""
    with opened(folder) as (library, index), indexer_of(index) as indexer:
        with library.database.reading() as connection:
            step = connection.execute("SELECT count(*) FROM contents").fetchone()[0]
        while True:
            content = f"b2:{step}"
            add_source(library, f"/{step}.mp4", content)
            embed(library, content, vectors(STEP, seed=step))
            if step % 3 == 2:
                library.annotations.forget(f"b2:{step - 2}")
                embed(library, f"b2:{step - 1}", vectors(STEP, seed=10_000 + step))
            indexer.update()
            step += 1
            print(step, flush=True)


@pytest.fixture(autouse=True)
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_CONFIG", str(tmp_path / "config"))
    monkeypatch.delenv("QDRANT_URL", raising=False)


def killed_after(folder: Path, steps: int, milliseconds: float) -> None:
    """Run `work` in a process of its own and kill it some time after some steps."""
    code = f"from tests.search.test_index_kill import work, Path; work(Path({str(folder)!r}))"
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert child.stdout is not None
    for _ in range(steps):
        assert child.stdout.readline(), "the process ended by itself"
    threading.Event().wait(milliseconds / 1000)  # a random moment within a step
    child.send_signal(signal.SIGKILL)
    child.stdout.close()
    child.wait(30)


def test_database_and_index_agree_after_kills(tmp_path: Path) -> None:
    """Nothing twice, nothing missing, nothing that is not in the library."""
    folder, random_moment = tmp_path / "lib", random.Random(7)
    for _ in range(KILLS):
        killed_after(folder, random_moment.randint(1, 4), random_moment.uniform(0, 60))
        with opened(folder) as (library, index), indexer_of(index) as indexer:
            indexer.update(thorough=True)
            assert library.index.count_pending() == 0
            assert library.index.orphans(1) == []
            agreement(library, index)
            space = library.index.spaces()[0]
            with library.database.reading() as connection:
                kept = connection.execute("SELECT count(*) FROM annotations").fetchone()[0]
            assert library.index.count(space.id) == kept > 0


def test_a_kill_between_store_and_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the store has and the database does not know yet is taken down; ids are the same."""
    with opened(tmp_path / "lib") as (library, index), indexer_of(index) as indexer:
        add_source(library, "/a.mp4", "b2:a")
        embed(library, "b2:a", vectors(5))
        for method in ("keep_points", "drop_points"):
            with monkeypatch.context() as broken:
                broken.setattr(type(library.index), method, _killed)
                if method == "drop_points":
                    library.annotations.forget("b2:a")
                with pytest.raises(KeyboardInterrupt):
                    indexer.update()
            indexer.update(thorough=True)
            agreement(library, index)
        assert index.store.count(library.index.spaces()[0].name) == 0


def _killed(*_: object) -> None:
    raise KeyboardInterrupt
