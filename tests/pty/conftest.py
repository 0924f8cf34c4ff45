"""The small app in a terminal, ended with the test."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.pty.harness import ANSWERS, Answer, Terminal, environment, spawn


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "state" / "app.log"


@pytest.fixture
def start(log: Path) -> Iterator[Callable[..., Terminal]]:
    """Start `small_app` in an environment with changes, and wait until it is drawn."""
    with ExitStack() as running:

        def begin(
            *args: str, size: tuple[int, int] = (80, 24), answers: Sequence[Answer] = ANSWERS,
            ready: bool = True, controlling: bool = True, **env: str | None,
        ) -> Terminal:  # fmt: skip
            argv = [sys.executable, "-m", "tests.pty.small_app", str(log), *args]
            shown = spawn(argv, environment(**env), size, answers, controlling=controlling)
            terminal = running.enter_context(shown)
            if ready:
                terminal.wait_for_text(f"size {size[0]}x{size[1]}")
            return terminal

        yield begin
