"""What `small_app` shows, and everything bad it can do."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
import threading
import time
from pathlib import Path

from textual import constants
from textual.app import ComposeResult
from textual.widgets import Input, Label

from core.errors import LibraryDamaged
from tui.terminal.clipboard import copy
from tui.terminal.probe import TerminalFacts
from tui.terminal.safe_app import SafeApp

SECRET = "hunter2"
COPIED = "cam1.mp4@00:22:14\té\x1b]52;c;!\x07\nsecond line"


class Small(SafeApp[None]):
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { layout: vertical; background: blue; }
    Input { border: none; height: 1; }
    #ticks { width: 100%; max-height: 40; }
    """

    def __init__(self, facts: TerminalFacts, folder: Path) -> None:
        super().__init__()
        self.facts = facts
        self.folder = folder
        self.count = 0

    def compose(self) -> ComposeResult:
        facts = self.facts
        yield Label("ready", id="state", markup=False)
        yield Label(f"{facts.image} {facts.cell_pixels} {facts.colour}", markup=False)
        yield Label(f"{constants.MAX_FPS} fps, {constants.TEXTUAL_ANIMATIONS}", markup=False)
        yield Label("café ██", markup=False)
        yield Label("", id="size", markup=False)
        typed = Input(id="typed")
        typed.cursor_blink = False
        yield typed
        yield Label("", id="ticks", markup=False)

    def tell(self, name: str, text: str) -> None:
        self.query_one(f"#{name}", Label).update(text)

    def on_resize(self) -> None:
        self.call_after_refresh(self.tell_size)

    def tell_size(self) -> None:
        self.tell("size", f"size {self.size.width}x{self.size.height}")

    def tick(self) -> None:
        """Change the whole screen, so that a stalled link fills up soon."""
        self.count += 1
        self.tell("ticks", f"{self.count} " + "ab " * 2000)
        if self.link and self.link.speed and (speed := self.link.speed.bytes_per_second):
            self.tell("state", f"speed {speed:.0f}")

    async def key_f1(self) -> None:
        password = SECRET
        raise RuntimeError(f"it broke\x1b[31m, with {len(password)} letters")

    def key_f2(self) -> None:
        async def work() -> None:
            raise ValueError("the worker broke")

        self.run_worker(work())

    def key_f3(self) -> None:
        raise KeyboardInterrupt

    def key_f4(self) -> None:
        raise LibraryDamaged("library.db cannot be read: restore it from a copy")

    def key_f5(self) -> None:
        threading.Thread(target=noise).start()
        self.tell("state", "noisy")

    def key_f6(self) -> None:
        self.set_interval(0.05, self.tick)

    def key_f7(self) -> None:
        asyncio.get_running_loop().run_in_executor(None, time.sleep, 30)
        self.run_worker(lambda: time.sleep(30), thread=True)
        self.tell("state", "busy")

    def key_f8(self) -> None:
        self.tell("state", "stuck")
        self.set_timer(0.1, lambda: time.sleep(30))

    def key_f9(self) -> None:
        print("printed by Python")
        with self.suspend():
            os.system("echo outside; sleep 1")

    def key_f10(self) -> None:
        self.exit(return_code=3)

    def key_f11(self) -> None:
        self.tell("state", copy(self.send_to_terminal, COPIED, self.folder))

    def key_f12(self) -> None:
        self.set_mouse(False)
        self.tell("state", "mouse off")

    def key_escape(self) -> None:
        self.tell("state", "escaped")


def noise() -> None:
    """Write past Textual in every way there is."""
    os.write(1, b"noise on one \x1b[2J\n")
    os.write(2, b"noise on two \x1b[2J\n")
    library = ctypes.CDLL(None)
    library.printf(b"noise from C\n")
    library.fflush(None)
    library.perror(b"noise from perror")
    if sys.__stderr__ is not None:
        sys.__stderr__.write("noise from an old handler\n")
    raise OSError("noise from a thread")
