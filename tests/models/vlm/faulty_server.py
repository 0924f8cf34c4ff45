"""An OpenAI-compatible server that misbehaves on demand."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal


@dataclass
class Turn:
    """What to do with one request; `status` 0 breaks the connection instead."""

    status: int = 200
    said: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    wait_seconds: float = 0.0
    cut: bool = False
    """break off in the middle of the answer"""
    raw: bytes | None = None
    """send this body instead, as it is"""
    kind: str = "application/json"
    """the content type of `raw`"""
    end: Literal["close", "open", "half", "reset"] = "close"
    """what becomes of the connection after `raw`: `open` sends nothing more, `half` ends the
    sending side without the end of the body, `reset` breaks it"""


Decide = Callable[[dict[str, Any], int], Turn]
"""given a request's body and how many came before it"""
PROBE_TOKENS = 1
"""the first request of an endpoint asks for one token"""


class FaultyServer:
    """Answers "seen N", N being the length of the prompt; `decide` says what goes wrong first."""

    def __init__(self) -> None:
        self.names: list[str] | None = ["tiny", "other/model"]
        self.decide: Decide = lambda body, number: Turn()
        self.at_load: Callable[[dict[str, Any]], Turn] = lambda body: Turn()
        """decides about probes, which `bodies`, `keys` and `times` do not contain"""
        self.probes: list[dict[str, Any]] = []
        self.listed = 0
        self.text = ""
        self.finish = "stop"
        self.streams = True
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.times: list[float] = []
        self.under_way = self.most_under_way = 0
        self.lock = threading.Lock()
        self.closing = threading.Event()
        handler = type("Handler", (_Handler,), {"faulty": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()

    def asked(self) -> list[dict[str, Any]]:
        """Return the requests that asked a question of the tests."""
        return list(self.bodies)

    def close(self) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    faulty: FaultyServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Stay silent."""

    def do_GET(self) -> None:
        self.faulty.listed += 1
        rows = [{"id": name} for name in self.faulty.names or ()]
        status = 200 if self.faulty.names is not None else 404
        self._reply(status, json.dumps({"object": "list", "data": rows}).encode())

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        faulty = self.faulty
        if body.get("max_tokens", body.get("max_completion_tokens")) == PROBE_TOKENS:
            faulty.probes.append(body)
            self._take_turn(faulty.at_load(body), body)
            return
        with faulty.lock:
            number = len(faulty.bodies)
            faulty.bodies.append(body)
            faulty.keys.append(self.headers.get("authorization"))
            faulty.times.append(time.monotonic())
            faulty.under_way += 1
            faulty.most_under_way = max(faulty.most_under_way, faulty.under_way)
        try:
            self._take_turn(faulty.decide(body, number), body)
        finally:
            with faulty.lock:
                faulty.under_way -= 1

    def _take_turn(self, turn: Turn, body: dict[str, Any]) -> None:
        self.faulty.closing.wait(turn.wait_seconds)
        if turn.raw is not None:
            self._raw(turn, turn.raw)
        elif turn.status == 0:
            self._reset()
        elif turn.status != 200:
            said = json.dumps({"error": {"message": turn.said, "type": "x"}}).encode()
            self._reply(turn.status, said, turn.headers)
        elif body.get("stream") and self.faulty.streams:
            self._stream(body, turn.cut)
        else:
            self._whole(body, turn.cut)

    def _raw(self, turn: Turn, body: bytes) -> None:
        """Send a body of unknown length, in two pieces."""
        self.close_connection = True
        self.send_response(turn.status)
        self.send_header("content-type", turn.kind)
        self.send_header("transfer-encoding", "chunked")
        # Unannounced, the close could break the next question instead, which is then asked again.
        self.send_header("connection", "close")
        for name, value in turn.headers.items():
            self.send_header(name, value)
        self.end_headers()
        middle = len(body) // 2
        with suppress(ConnectionError):  # who asked need not read all of it
            for part in (body[:middle], body[middle:]):
                if part:
                    self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            self.wfile.flush()
            self._end(turn)

    def _end(self, turn: Turn) -> None:
        if turn.end == "close":
            self.wfile.write(b"0\r\n\r\n")
        elif turn.end == "open":
            self.faulty.closing.wait(30)
        elif turn.end == "half":
            self.connection.shutdown(socket.SHUT_WR)
        else:
            self._reset()

    def _text(self, body: dict[str, Any]) -> str:
        content = body["messages"][-1]["content"]
        words = content if isinstance(content, str) else content[-1]["text"]
        return self.faulty.text or f"seen {len(words)}"

    def _whole(self, body: dict[str, Any], cut: bool) -> None:
        choice = {"message": {"content": self._text(body)}, "finish_reason": self.faulty.finish}
        usage = {"prompt_tokens": 11, "completion_tokens": 2}
        said = json.dumps({"choices": [choice], "usage": usage}, ensure_ascii=False).encode()
        self._reply(200, said[: len(said) // 2] if cut else said)

    def _stream(self, body: dict[str, Any], cut: bool) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("connection", "close")
        self.end_headers()
        text = self._text(body)
        self._piece({"choices": [{"delta": {"role": "assistant"}}]})
        self._piece({"choices": [{"delta": {"content": text[:3]}}]})
        if not cut:
            self._piece({"choices": [{"delta": {"content": text[3:]}}]})
            self._piece({"choices": [{"delta": {}, "finish_reason": self.faulty.finish}]})
            if body.get("stream_options", {}).get("include_usage"):
                self._piece({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 2}})
            self.wfile.write(b"data: [DONE]\r\n\r\n")
        self.close_connection = True

    def _piece(self, piece: dict[str, Any]) -> None:
        data = json.dumps(piece, ensure_ascii=False).encode()
        self.wfile.write(b"data: " + data + b"\r\n\r\n")

    def _reply(self, status: int, said: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(said)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(said)

    def _reset(self) -> None:
        """Break the connection as a crashed server does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
        self.wfile = self.rfile = _Nowhere()  # type: ignore[assignment]


class _Nowhere:
    closed = False

    def flush(self) -> None:
        """There is nobody to flush to."""

    def close(self) -> None:
        self.closed = True
