"""Where the engine logs: a file of the library, never the terminal."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from .settings import log_file

MAX_LOG_BYTES = 5_000_000


def log_to(folder: Path) -> None:
    """Send the engine's log to the library's file; nothing of it reaches the terminal."""
    logger = logging.getLogger("sightline")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = RotatingFileHandler(
            log_file(folder), maxBytes=MAX_LOG_BYTES, backupCount=1, encoding="utf-8", delay=True
        )
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)r"))
    for former in logger.handlers:
        former.close()
    logger.handlers = [handler]
