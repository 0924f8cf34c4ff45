"""How the reader process and the engine talk: one JSON header and raw bytes per message.

No pickle crosses this line: the reader handles hostile files and is not trusted.
"""

from __future__ import annotations

import json
import os
import select
import struct
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

_HEAD = struct.Struct("<II")
MAX_HEADER_BYTES = 4 * 1024 * 1024
MAX_PAYLOAD_BYTES = 1024 * 1024 * 1024


class WireClosed(Exception):
    """The other side is gone."""


class WireStalled(Exception):
    """The other side said nothing within the time limit."""


def send(fd: int, header: dict[str, Any], payload: memoryview | bytes = b"") -> None:
    """Write one message. Raises WireClosed."""
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    body = memoryview(payload).cast("B") if len(payload) else memoryview(b"")
    _write_all(fd, _HEAD.pack(len(text), body.nbytes) + text)
    if body.nbytes:
        _write_all(fd, body)


def receive(fd: int, stall_seconds: float | None) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    """Read one message: its header and its payload as uint8. Raises WireClosed, WireStalled."""
    deadline = None if stall_seconds is None else time.monotonic() + stall_seconds
    head = bytearray(_HEAD.size)
    _read_all(fd, memoryview(head), deadline)
    header_bytes, payload_bytes = _HEAD.unpack(head)
    if header_bytes > MAX_HEADER_BYTES or payload_bytes > MAX_PAYLOAD_BYTES:
        raise WireClosed
    text = bytearray(header_bytes)
    _read_all(fd, memoryview(text), deadline)
    payload = np.empty(payload_bytes, np.uint8)
    if payload_bytes:
        _read_all(fd, payload.data, deadline)
    return _header(bytes(text)), payload


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text.decode("utf-8", "surrogatepass"))
    except ValueError as error:
        raise WireClosed from error
    if not isinstance(header, dict):
        raise WireClosed
    return header


def _write_all(fd: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view.nbytes:
        try:
            view = view[os.write(fd, view) :]
        except OSError as error:
            raise WireClosed from error


def _read_all(fd: int, view: memoryview, deadline: float | None) -> None:
    while view.nbytes:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                raise WireStalled
        try:
            count = os.readv(fd, [view])
        except OSError as error:
            raise WireClosed from error
        if count == 0:
            raise WireClosed
        view = view[count:]
