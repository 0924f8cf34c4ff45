"""Reading an answer from a connection: server-sent events or one JSON object, whichever comes.

The content type is not asked: some servers stream as `text/plain` or `application/json`. As in the
standard for server-sent events (WHATWG HTML, 9.2.6), a byte order mark, comments, unknown fields
and all three kinds of line ends are understood, and the data of an event may have several lines.
"""

from __future__ import annotations

import re
from typing import Any

from .error_text import is_page
from .faults import AnswerFailed, Denied
from .json_text import TooDeep, object_in, read_json
from .reply import Reply

MOST_BYTES = 16 * 2**20
_BOM = b"\xef\xbb\xbf"
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")
_LONGEST_FIELD = 6
_LINE_END = re.compile(rb"\r\n|\n|\r")


class AnswerReader:
    """Takes bytes as they come and fills a reply; `over` once nothing more is expected."""

    def __init__(self, reply: Reply) -> None:
        self.over = False
        self._reply = reply
        self._rest = bytearray()
        self._total = 0
        self._streamed: bool | None = None
        self._held = b""
        """data of an event that is not whole yet"""

    def feed(self, chunk: bytes) -> None:
        """Take in bytes. Raises Denied or AnswerFailed."""
        self._total += len(chunk)
        if self._total > MOST_BYTES:
            raise AnswerFailed(f"the answer is longer than {MOST_BYTES // 2**20} MiB")
        self._rest += chunk
        if self._streamed is None:
            self._decide()
        if self._streamed:
            *lines, rest = _LINE_END.split(bytes(self._rest))
            self._rest = bytearray(rest)
            for line in lines:
                self._take_line(line)

    def close(self) -> None:
        """Take in what is left. Raises Denied, AnswerFailed, or ValueError if it was cut off."""
        if self._streamed:
            self._take_line(bytes(self._rest))
        else:
            self._take_whole(bytes(self._rest))
        if not self._reply.ended:
            raise ValueError("the answer was cut off")

    def _decide(self) -> None:
        head = bytes(self._rest[:64]).removeprefix(_BOM).lstrip()
        if head.startswith(_FIELDS):
            self._rest = bytearray(bytes(self._rest).removeprefix(_BOM).lstrip())
            self._streamed = True
        elif len(head) >= _LONGEST_FIELD:
            self._streamed = False

    def _take_line(self, line: bytes) -> None:
        if self.over or not line.startswith(b"data:"):
            return
        data = line[len(b"data:") :].strip()
        if data == b"[DONE]":
            self._reply.ended = self.over = True
            return
        body = self._body(data) if data else None
        if body is not None:
            self._reply.take(body)

    def _body(self, data: bytes) -> dict[str, Any] | None:
        """Return the object in an event's data; None if it is not whole yet."""
        data = self._held + b"\n" + data if self._held else data
        try:
            found = read_json(data)
        except TooDeep:
            raise
        except ValueError:
            self._held = data
            return None
        self._held = b""
        if not isinstance(found, dict):
            raise AnswerFailed("a piece of the answer is not a JSON object")
        return found

    def _take_whole(self, data: bytes) -> None:
        if is_page(data):
            raise Denied(200, "a web page instead of an answer", "web_page")
        body = object_in(data)
        if body is None:
            read_json(data)
            raise AnswerFailed("the answer is not a JSON object")
        self._reply.take(body, whole=True)
        self._reply.first_token_seconds = None
        self._reply.ended = self.over = True
