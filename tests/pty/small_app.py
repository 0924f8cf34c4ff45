"""A tiny app shown through `tui.terminal.tty.run`, for the tests of the terminal layer.

    python -m tests.pty.small_app LOG [no-mouse]

The function keys do what the tests need; `KEYS` names what each of them sends.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.terminal.probe import TerminalFacts, probe
from tui.terminal.tty import run

if TYPE_CHECKING:
    from tui.terminal.safe_app import SafeApp

# What xterm sends for the function keys, and what the app then does.
KEYS = {
    "crash": "\x1bOP",
    "crash in a worker": "\x1bOQ",
    "interrupt": "\x1bOR",
    "tell": "\x1bOS",
    "noise": "\x1b[15~",
    "tick": "\x1b[17~",
    "busy": "\x1b[18~",
    "stuck": "\x1b[19~",
    "suspend": "\x1b[20~",
    "quit": "\x1b[21~",
    "copy": "\x1b[23~",
    "no mouse": "\x1b[24~",
}


def make(facts: TerminalFacts) -> SafeApp[Any]:
    """Import and make the app, which a test may want to take long."""
    time.sleep(float(os.environ.get("MAKING_SECONDS", "0")))
    from tests.pty.small_screen import Small

    return Small(facts, Path(sys.argv[1]).parent)


def main() -> int:
    """Ask the terminal and show the app."""
    facts = probe(float(os.environ.get("PROBE_SECONDS", "1.0")))
    return run(make, log=Path(sys.argv[1]), facts=facts, mouse="no-mouse" not in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
