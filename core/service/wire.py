"""The lines that cross the socket of an engine: one JSON object each, protocol 4.

A client sends, each with a number of its own (`id`):

    {"id": 1, "hello": {"protocol": 4, "readonly": false}}
    {"id": 2, "ask": {"type": "GetTasks", "scan": 3}}
    {"id": 3, "events": 17}                    messages from number 17 on, instead of those before
    {"id": 4, "ping": true}
    {"id": 2, "taken": 1}                      so many parts of the streamed reply 2 were taken
    {"id": 2, "cancel": true}                  the rest of it is not wanted

The engine answers with the same `id`: `ok` with the reply, `error`, or for a streamed reply a
`part` for each part and then `end`. Beside these, `{"event": [number, message]}` and, before it
closes the connection on purpose, `{"ended": true}`. At most `WINDOW` parts of a reply are in
flight.

Protocol 3 had `{"id": 1, "do": "hello"}`; such a line is answered with an error in its own form,
which is the same.
"""

from __future__ import annotations

import json
from typing import Any

from ..errors import EnvironmentFault, SightlineError
from ..text import clean

PROTOCOL = 4
"""raise it whenever an app and an engine of different versions would misunderstand each other"""
FORMER_PROTOCOL = 3
WINDOW = 8
"""parts of a streamed reply that were sent and not taken yet"""
MOST_IN_PROGRESS = 32
LINE_BYTES = 64 * 1024 * 1024
"""the longest line: about 500,000 paths"""


def line(body: dict[str, Any]) -> bytes:
    """Return an object as a line."""
    return json.dumps(body, default=str).encode() + b"\n"


def not_understood(version: str) -> EnvironmentFault:
    """Return why client and engine of different protocols cannot communicate."""
    return EnvironmentFault(
        f"the running engine is sightline {clean(version)}, which is incompatible with "
        "this version; let it finish, or run: sightline engine stop"
    )


def error_body(error: SightlineError) -> dict[str, str]:
    """Return an error as it is sent."""
    return {"type": type(error).__name__, "text": str(error)}
