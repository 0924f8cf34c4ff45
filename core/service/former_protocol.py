"""Ending an engine of the former protocol (3), as versions before 0.1.0's last change spoke it.

Its lines were `{"id": 1, "do": "hello"}` and `{"id": 2, "do": "stop", "how": "now"}`, answered with
`{"id": 2, "ok": true}` or `{"id": 2, "error": {...}}`; it closes the connection when it ends.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from ..errors import EngineBusy
from ..text import clean
from .discovery import Listening
from .remote import connected
from .wire import LINE_BYTES, line


async def stop_former(found: Listening, how: str, seconds: float, limit: float | None) -> None:
    """End an engine; return once it closed the connection, within `limit` seconds.

    Raises EngineGone, or EngineBusy if it refuses, or does not answer or end in time.
    """
    reader, writer = await connected(found, seconds, LINE_BYTES)
    try:
        async with asyncio.timeout(seconds):
            writer.write(line({"id": 1, "do": "hello", "readonly": False}))
            _check(await reader.readline())
        async with asyncio.timeout(limit):
            writer.write(line({"id": 2, "do": "stop", "how": how}))
            while raw := await reader.readline():
                _check(raw)
    except TimeoutError as error:
        raise EngineBusy(f"the engine (process {found.pid}) does not end in time") from error
    except OSError:
        return  # it closed the connection
    finally:
        writer.close()


def _check(raw: bytes) -> None:
    """Raise EngineBusy for an answer that refuses what was asked."""
    try:
        body: Any = json.loads(raw or b"{}")
    except ValueError:
        body = {}
    if isinstance(body, dict) and "error" in body:
        raise EngineBusy(f"the engine refuses: {clean(str(body['error']), limit=500)}")
