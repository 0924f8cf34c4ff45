"""Talking to the hub over HTTP: bounded waits, retries, and a connection that can be cut.

huggingface_hub 2.4 asks for listings without a time limit and sleeps for as long as Retry-After
says (read in its `_pagination.py` and `_http.py`), and neither can be woken; an engine must be
able to stop. So its two read-only routes are asked here directly.
"""

from __future__ import annotations

import json
import random
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote
from weakref import WeakSet

from ..errors import DownloadFailed
from ..network import routes as network
from .control import Control, checkpoint, sleep
from .environment import shown, token
from .faults import HubRequest, NoSuchFile, TransientFault, gave_up, refusal, unreachable
from .file_faults import json_object
from .waiting import WaitNotice

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

MOST_PAGES = 200
MOST_ANSWER_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class HubTimeouts:
    """How long faults are put up with."""

    retries: int = 5
    """in a row, without a single byte in between"""
    first_wait_seconds: float = 0.5
    """doubled with each fault in a row"""
    longest_wait_seconds: float = 60.0
    """of the doubled waits"""
    longest_told_seconds: float = 300.0
    """a hub that asks for more is not waited for; the real one counts requests over 300 s"""
    connect_seconds: float = 10.0
    read_seconds: float = 30.0


class Wire:
    """A connection to the hub for one thread; `cut()` may be called by any."""

    def __init__(
        self, hub: str, control: Control, patience: HubTimeouts, notice: WaitNotice | None = None
    ) -> None:
        import httpx

        from ..version import sightline_version

        self.hub = hub
        self._control = control
        self._patience = patience
        self._notice = notice or WaitNotice()
        self._token = token()
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._client = network.client(
            hub,
            follow_redirects=True,
            timeout=httpx.Timeout(patience.read_seconds, connect=patience.connect_seconds),
            headers={
                "User-Agent": f"sightline/{sightline_version()}",
                "Accept-Encoding": "identity",
            },
        )

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._client.close()

    def cut(self) -> None:
        """Break whatever connection is open, which wakes the thread that waits for it."""
        for open_socket in list(self._sockets):
            with suppress(OSError, ValueError):
                # The plain method even for TLS: its own would wait for the other side.
                socket.socket.shutdown(open_socket, socket.SHUT_RDWR)

    def _drop(self) -> None:
        """Close what is open: httpcore 1.0 forgets the socket of a proxy that refuses."""
        for open_socket in list(self._sockets):
            with suppress(OSError, ValueError):
                open_socket.close()

    def asked(self, repo: str, revision: str = "", path: str = "") -> HubRequest:
        """Return what is being asked for, for messages."""
        return HubRequest(shown(self.hub), repo, revision, path, self._token is not None)

    def commit(self, repo: str, revision: str = "") -> str:
        """Return the full commit of a revision, or of the default branch.

        Raises ModelMissing, DownloadFailed or Interrupted.
        """
        from .layout import is_commit

        path = f"/api/models/{repo}"
        path += f"/revision/{quote(revision, safe='')}" if revision else ""
        body, _ = self._json(path, self.asked(repo, revision))
        commit = body.get("sha") if isinstance(body, dict) else None
        if not isinstance(commit, str) or not is_commit(commit):
            raise DownloadFailed(f"{repo}: the hub names no commit; is HF_ENDPOINT right?")
        return commit

    def tree(self, repo: str, commit: str) -> list[Any]:
        """Return the entries of a commit's listing, all pages of it.

        Raises ModelMissing, DownloadFailed or Interrupted.
        """
        entries: list[Any] = []
        path = f"/api/models/{repo}/tree/{commit}?recursive=true"
        for _ in range(MOST_PAGES):
            body, following = self._json(path, self.asked(repo, commit))
            entries += body if isinstance(body, list) else []
            if following is None:
                return entries
            path = following
        raise DownloadFailed(f"{repo}: its listing does not end")

    def json_file(self, repo: str, commit: str, path: str) -> dict[str, Any] | None:
        """Return a JSON file, or None if there is none. Raises ModelRefused for what is no JSON."""
        body = self.small_file(repo, commit, path)
        return None if body is None else json_object(repo, path, body)

    def small_file(self, repo: str, commit: str, path: str) -> bytes | None:
        """Return the bytes of a small file, or None if there is none.

        Raises ModelMissing, DownloadFailed or Interrupted.
        """
        try:
            body, _ = self._body(self.file_path(repo, commit, path), self.asked(repo, commit, path))
        except NoSuchFile:
            return None
        return body

    @staticmethod
    def file_path(repo: str, commit: str, path: str) -> str:
        """Return the route of a file's bytes."""
        return f"/{repo}/resolve/{commit}/{quote(path)}"

    @contextmanager
    def stream(self, path: str, asked: HubRequest, start: int = 0) -> Iterator[httpx.Response]:
        """Open a file's bytes from `start` on. Raises TransientFault, or what `refusal` says.

        A status of 416 is given back, since it means that there is nothing behind `start`.
        """
        import httpx

        ranged = {"Range": f"bytes={start}-"} if start else {}
        try:
            with self._client.stream(
                "GET", self._url(path), headers=self._headers(path) | ranged,
                extensions={"trace": self._trace},
            ) as response:  # fmt: skip
                if response.status_code >= 400 and response.status_code != 416:
                    raise refusal(response.status_code, response.headers, asked)
                yield response
        except httpx.TooManyRedirects as error:
            raise DownloadFailed(f"{asked.repo}: the hub redirects in a loop") from error
        except httpx.InvalidURL as error:
            raise DownloadFailed(f"{asked.repo}: the hub gives an invalid address") from error
        except (httpx.HTTPError, httpx.StreamError) as error:
            self._drop()
            raise TransientFault(unreachable(error, asked)) from error

    def with_retries(
        self, attempt: Callable[[], T], asked: HubRequest, *, got: Callable[[], int] = lambda: 0
    ) -> T:
        """Call until it succeeds, waiting longer after each fault in a row.

        `got` counts bytes; whenever it grew, the faults before are forgotten. Raises what
        `attempt` raises, DownloadFailed after too many faults, Interrupted when cancelled.
        """
        faults = 0
        while True:
            before = got()
            try:
                return attempt()
            except TransientFault as fault:
                # A connection that was cut to stop is no fault.
                checkpoint(self._control)
                faults = 1 if got() > before else faults + 1
                if faults > self._patience.retries:
                    raise gave_up(str(fault), asked, kept=bool(asked.path)) from fault
                sleep(self._control, self._wait(fault, faults, asked))

    def _wait(self, fault: TransientFault, faults: int, asked: HubRequest) -> float:
        patience = self._patience
        if fault.wait_seconds is None:
            wait = patience.first_wait_seconds * 2 ** (faults - 1)
            return float(min(patience.longest_wait_seconds, wait) * random.uniform(0.8, 1.2))  # noqa: S311
        if fault.wait_seconds > patience.longest_told_seconds:
            reason = f"{fault}; it asks to wait {fault.wait_seconds:.0f} s"
            raise gave_up(reason, asked, kept=True) from fault
        self._notice.say(asked.repo, str(fault), fault.wait_seconds)
        return fault.wait_seconds

    def _json(self, path: str, asked: HubRequest) -> tuple[Any, str | None]:
        """Return a JSON answer, and the address of the next page if there is one."""
        body, following = self._body(path, asked)
        try:
            return json.loads(body), following
        except (ValueError, RecursionError) as error:
            raise DownloadFailed(f"{asked.repo}: the hub's answer is not JSON") from error

    def _body(self, path: str, asked: HubRequest) -> tuple[bytes, str | None]:
        """Return an answer of limited size, and the address of the next page if there is one."""

        def once() -> tuple[bytes, str | None]:
            with self.stream(path, asked) as response:
                text = bytearray()
                for piece in response.iter_bytes():
                    checkpoint(self._control)
                    text += piece
                    if len(text) > MOST_ANSWER_BYTES:
                        raise DownloadFailed(f"{asked.repo}: the hub's answer does not end")
                return bytes(text), response.links.get("next", {}).get("url")

        return self.with_retries(once, asked)

    def _url(self, path: str) -> str:
        return path if path.startswith(("http://", "https://")) else self.hub + path

    def _headers(self, path: str) -> dict[str, str]:
        """The token goes to the hub alone; httpx itself drops it when led to another host."""
        ours = self._url(path).startswith(self.hub + "/")
        return {"Authorization": f"Bearer {self._token}"} if self._token and ours else {}

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        """Remember sockets as they are opened, so that `cut()` can reach them."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            opened = info["return_value"].get_extra_info("socket")
            if isinstance(opened, socket.socket):
                self._sockets.add(opened)
                # httpcore 1.0 waits without a limit for what a SOCKS proxy says first.
                limit = struct.pack("ll", int(self._patience.read_seconds) + 1, 0)
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
