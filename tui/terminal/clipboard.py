"""Copying: to the terminal's clipboard by OSC 52, and always to a file as well.

No terminal says whether it took the text, and stock tmux drops both forms, so the file is what a
user can count on.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path

from core.service.local import write_private
from core.text import clean, clean_path

# xterm and tmux take sequences of up to 100,000 bytes; base64 makes four bytes of three.
MAX_BYTES = 74_994
FILE_NAME = "clipboard.txt"


def copy(app_write: Callable[[str], None], text: str, state_folder: Path) -> str:
    """Copy `text`; return one line that says where it is now.

    Args:
        app_write: sends an escape sequence to the terminal (`SafeApp.send_to_terminal`).
        text: any text; control characters other than line ends and tabs are taken out, for what
            is pasted into a shell would be obeyed.
        state_folder: gets `clipboard.txt`, mode 0600.
    """
    data = _harmless(text).encode("utf-8", "replace")
    kept = _kept(state_folder / FILE_NAME, data)
    if len(data) > MAX_BYTES:
        return f"Too long for the terminal's clipboard ({len(data):,} bytes); {kept}"
    for sequence in sequences(data, tmux=bool(os.environ.get("TMUX"))):
        app_write(sequence)
    return f"Copied {len(data):,} bytes if the terminal allows it; {kept}"


def sequences(data: bytes, *, tmux: bool) -> list[str]:
    """Return OSC 52 for `data`: raw, and wrapped for tmux, whose settings decide which passes."""
    raw = f"\x1b]52;c;{base64.b64encode(data).decode('ascii')}\x07"
    wrapped = "\x1bPtmux;" + raw.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return [raw, wrapped] if tmux else [raw]


def _harmless(text: str) -> str:
    return "\n".join("\t".join(map(_plain, line.split("\t"))) for line in text.splitlines())


def _plain(piece: str) -> str:
    return piece if piece.isascii() and piece.isprintable() else clean(piece, limit=len(piece) + 1)


def _kept(path: Path, data: bytes) -> str:
    """Write the file whole or not at all, and say where."""
    try:
        write_private(path, data)
    except OSError as error:
        return f"not in a file: {clean(error.strerror or str(error))}"
    return f"in {clean_path(str(path))}"
