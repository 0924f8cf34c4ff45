"""A scan that a server's state stops in the middle of a batch keeps the answers of that batch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.models.vlm.faulty_server import FaultyServer, Turn
from tests.models.vlm.server_cases import error
from tests.workbench import InProcess, texture

KEY = error(401, "Invalid API Key")


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    made = FaultyServer()
    made.text = "A street."
    yield made
    made.close()


@pytest.mark.parametrize("batch", [5, 2])
def test_answers_before_a_stop_are_kept(
    inside: InProcess, server: FaultyServer, batch: int
) -> None:
    folder = inside.home / "pictures"
    folder.mkdir()
    for number in range(5):
        texture(number).save(folder / f"{number}.png")
    sets = (f"vlm.model={server.url}#tiny", f"vlm.batch_size={batch}", "vlm.concurrency=1")
    given = [part for each in sets for part in ("--set", each)]
    scan: list[str | Path] = ["scan", folder, "--stages", "caption", *given]
    server.decide = lambda body, number: KEY if number == 3 else Turn()
    stopped = inside(*scan)
    assert stopped.code == 4 and "rejects the key" in stopped.err
    asked = len(server.asked())
    server.decide = lambda body, number: Turn()
    assert inside("runs", "resume", "1").code == 0
    assert len(server.asked()) == asked + 5 - (asked - 1), "nothing is asked twice"
