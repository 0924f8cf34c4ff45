"""Where the engine logs: a file of the library, never the terminal."""

from __future__ import annotations

import logging
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

from .settings import log_file

MAX_LOG_BYTES = 5_000_000


class _QuietHandler(RotatingFileHandler):
    """A log file whose disk may be full or gone: that stops no work, and is said elsewhere."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        """Leave the record out."""

    def close(self) -> None:
        """Close the file, also where its last line cannot be written."""
        with suppress(OSError):
            super().close()


def log_to(folder: Path) -> None:
    """Send the engine's log to the library's file; nothing of it reaches the terminal."""
    logger = logging.getLogger("sightline")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler: logging.Handler = _QuietHandler(
            log_file(folder), maxBytes=MAX_LOG_BYTES, backupCount=1, encoding="utf-8", delay=True
        )
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)r"))
    former, logger.handlers = logger.handlers, [handler]
    for each in former:
        each.close()
