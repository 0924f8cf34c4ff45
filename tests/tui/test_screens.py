"""What holds for every screen: any size, every key, nothing raw."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.viewing import Viewer, look, wishes
from tui import actions
from tui.screens.table import SCREEN_CLASSES

SIZES = [(20, 5), (40, 10), (80, 24), (160, 48)]
LEAVES = {"app.detach", "app.quit", "app.interrupt"}


@pytest.mark.parametrize("size", SIZES)
def test_every_screen_opens_at_every_size(found: Path, size: tuple[int, int]) -> None:
    async def run(viewer: Viewer) -> None:
        for number, name in enumerate(SCREEN_CLASSES, 1):
            await viewer.go(str(number), name)
            assert "? keys" in viewer.screen
            for action in actions.actions_here(name):
                if action.when:
                    assert callable(getattr(viewer.room, action.when))
            for item in actions.footer_items(name, viewer.app.keymap, 999, hidden=viewer.room.hidden()):
                assert viewer.room.handler(item.action) is not None

    look(wishes(found), run, size)
