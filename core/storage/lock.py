"""The lock of a library: its writer holds it, and it ends with the process."""

from __future__ import annotations

import fcntl
from pathlib import Path

LOCK = "engine.lock"
"""held by the writer of the library"""


def is_held(library: Path) -> bool:
    """Return whether an engine holds the library: its lock ends with it, however it ends."""
    try:
        with (library / LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
