"""Where the engine logs: a file of the library, never the terminal."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path

from ..config.user_settings import log_file
from ..system import private_files as private

MAX_LOG_BYTES = 5_000_000


class _LogFile(RotatingFileHandler):
    """A log only the user can read; never one that a link leads to, or that is another user's."""

    def _open(self) -> TextIOWrapper:
        path, flags = Path(self.baseFilename), os.O_WRONLY | os.O_CREAT | os.O_APPEND
        with suppress(FileNotFoundError):
            if os.lstat(path).st_nlink > 1:  # a backup's, or another file of the user's
                os.replace(path, path.with_name(f"{path.name}.1"))
        handle = private.open_file(path, flags)
        return open(handle, "a", encoding=self.encoding, errors=self.errors)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 the name is logging's
        """Do nothing: a log that cannot be written is no reason to disturb the terminal."""

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
        private.make_folder(folder)
        if not private.is_ours(folder):
            raise PermissionError  # reported where the library is opened
        handler: logging.Handler = _LogFile(
            log_file(folder), maxBytes=MAX_LOG_BYTES, backupCount=1, encoding="utf-8", delay=True
        )
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)r"))
    former, logger.handlers = logger.handlers, [handler]
    for each in former:
        each.close()
