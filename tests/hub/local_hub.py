"""A hub over HTTP with two ports, the hub's and a store's it redirects to, and faults on demand.

It speaks what the clients of the real one ask for: a model's commit, its listing with large-file
checksums, and files with ranges. It counts the bytes it hands to the network.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

CHUNK = 1 << 16
LARGE_BYTES = 4096
"""files from this size on are large files: known by SHA-256 and served by the store"""


@dataclass
class Stored:
    """One file as the hub has it; a wrong `etag` or `path` is a lie it tells."""

    path: str
    body: bytes
    etag: str = ""

    @property
    def large(self) -> bool:
        return len(self.body) >= LARGE_BYTES

    @property
    def checksum(self) -> str:
        if self.etag:
            return self.etag
        if self.large:
            return hashlib.sha256(self.body).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(self.body) + self.body).hexdigest()


@dataclass
class Faults:
    """What goes wrong, and for how long; all off at first."""

    cut_after_bytes: int | None = None
    """break the connection once, so many bytes into the next large file"""
    cuts: int = 0
    """how many connections are broken that way"""
    bytes_per_second: float = 0.0
    """0 for as fast as it goes"""
    ignore_ranges: bool = False
    too_many: int = 0
    """answers of 429 still to be given"""
    retry_after: str = "0"
    broken: int = 0
    """answers of 503 still to be given"""
    rate_limit: str = ""
    """the RateLimit header of an answer of 429, instead of Retry-After"""
    down: bool = False
    """answer 503 to everything"""
    gated: bool = False
    gate: tuple[int, str] = (403, "")
    """status and X-Error-Message of a gated model, as the hub words them for each reason"""
    refusal: tuple[int, str] | None = None
    """status and X-Error-Message of every answer about a model, without an X-Error-Code"""
    private: bool = False
    corrupt: bool = False
    """hand out other bytes than the checksum promises"""
    instead: bytes | None = None
    """hand out this for every large file, as a mirror does that knows no large files"""
    silent: bool = False
    """accept a request for a large file and say nothing"""


@dataclass
class Repository:
    """Commits of one model, by branch."""

    branches: dict[str, str] = field(default_factory=dict)
    commits: dict[str, list[Stored]] = field(default_factory=dict)
    stale: bool = False
    """name the commit of a branch although nothing of it is left"""


@dataclass
class Seen:
    """One request that came in."""

    method: str
    path: str
    range: str | None
    authorization: str | None
    store: bool


class LocalHub:
    """Runs while the `with` block does; `url` goes into HF_ENDPOINT."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.faults = Faults()
        self.requests: list[Seen] = []
        self.served_bytes = 0
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self._hub = _Server(self, store=False)
        self._store = _Server(self, store=True)
        self.url = f"http://127.0.0.1:{self._hub.server_port}"
        # Another name for the same machine: to a client it is another host.
        self.store_url = f"http://localhost:{self._store.server_port}"

    def __enter__(self) -> LocalHub:
        for server in (self._hub, self._store):
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        for server in (self._hub, self._store):
            server.shutdown()
            server.server_close()

    def add(self, repo: str, files: dict[str, bytes] | list[Stored], branch: str = "main") -> str:
        """Put a commit on a branch and return it."""
        stored = (
            [Stored(path, body) for path, body in files.items()] if isinstance(files, dict)
            else files
        )  # fmt: skip
        report = repr([(one.path, one.checksum) for one in stored]).encode()
        commit = hashlib.sha1(report).hexdigest()
        repository = self.repositories.setdefault(repo, Repository())
        repository.commits[commit] = stored
        repository.branches[branch] = commit
        return commit

    def squash(self, repo: str, commit: str) -> None:
        """Forget a commit, as a rewritten history does; its branch stays where it is."""
        del self.repositories[repo].commits[commit]

    def asked_for(self, path: str) -> list[Seen]:
        """Return the requests for a file's bytes at the store."""
        return [seen for seen in self.requests if seen.store and seen.path.endswith(path)]

    def wait_served(self, count: int, seconds: float = 20) -> None:
        """Wait until so many bytes went out."""
        end = time.monotonic() + seconds
        while self.served_bytes < count:
            assert time.monotonic() < end, f"only {self.served_bytes} bytes were asked for"
            time.sleep(0.005)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, hub: LocalHub, *, store: bool) -> None:
        self.hub = hub
        self.store = store
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that are killed break connections; that is what this is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    routes: ClassVar[dict[str, str]] = {
        r"/api/models/([^/]+/[^/]+)": "_info",
        r"/api/models/([^/]+/[^/]+)/revision/([^/]+)": "_info",
        r"/api/models/([^/]+/[^/]+)/tree/([^/]+)(?:/.*)?": "_tree",
        r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)": "_resolve",
        r"/stored/([0-9a-f]+)/.+": "_stored",
    }

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        hub = self.server.hub
        path = urlsplit(self.path).path
        with hub.lock:
            hub.requests.append(
                Seen(self.command, unquote(path), self.headers.get("Range"),
                     self.headers.get("Authorization"), self.server.store)
            )  # fmt: skip
        if self._refused():
            return
        for pattern, name in self.routes.items():
            if found := re.fullmatch(pattern, path):
                getattr(self, name)(*(unquote(part) if part else part for part in found.groups()))
                return
        self._say(404, {"error": "no such route"})

    def _refused(self) -> bool:
        faults = self.server.hub.faults
        with self.server.hub.lock:
            if faults.too_many > 0:
                faults.too_many -= 1
                limit = {"RateLimit": faults.rate_limit} if faults.rate_limit else {
                    "Retry-After": faults.retry_after
                }  # fmt: skip
                return self._say(429, {}, limit)
            if faults.broken > 0 or faults.down:
                faults.broken -= 1
                return self._say(503, {})
        if faults.refusal is not None:
            return self._say(faults.refusal[0], {}, {"X-Error-Message": faults.refusal[1]})
        if faults.private:
            return self._say(401, {}, {"X-Error-Code": "RepoNotFound"})
        return False

    def _repository(self, name: str) -> Repository | None:
        found = self.server.hub.repositories.get(name)
        if found is None:
            self._say(401, {}, {"X-Error-Code": "RepoNotFound"})
        return found

    def _at(self, repository: Repository, revision: str) -> str | None:
        full = repository.branches.get(revision, revision)
        found = [commit for commit in repository.commits if commit.startswith(full)]
        if len(found) != 1:
            self._say(404, {}, {"X-Error-Code": "RevisionNotFound"})
            return None
        return found[0]

    def _info(self, name: str, revision: str | None = None) -> None:
        repository = self._repository(name)
        if repository and repository.stale:
            self._say(200, {"id": name, "sha": repository.branches[revision or "main"]})
            return
        commit = self._at(repository, revision or "main") if repository else None
        if repository and commit:
            siblings = [{"rfilename": file.path} for file in repository.commits[commit]]
            self._say(200, {"id": name, "modelId": name, "sha": commit, "private": False,
                            "tags": [], "downloads": 0, "siblings": siblings})  # fmt: skip

    def _tree(self, name: str, revision: str) -> None:
        repository = self._repository(name)
        commit = self._at(repository, revision) if repository else None
        if repository and commit:
            self._say(200, [_entry(file) for file in repository.commits[commit]])

    def _resolve(self, name: str, revision: str, path: str) -> None:
        repository = self._repository(name)
        commit = self._at(repository, revision) if repository else None
        if not repository or not commit:
            return
        headers = {"X-Repo-Commit": commit}
        if self.server.hub.faults.gated:
            status, text = self.server.hub.faults.gate
            more = {"X-Error-Code": "GatedRepo", "X-Error-Message": text}
            self._say(status, {}, headers | more)
            return
        file = next((one for one in repository.commits[commit] if one.path == path), None)
        if file is None:
            self._say(404, {}, headers | {"X-Error-Code": "EntryNotFound"})
        elif file.large:
            stored = hashlib.sha256(file.body).hexdigest()
            self._say(302, {}, headers | {
                "Location": f"{self.server.hub.store_url}/stored/{stored}/{path}",
                "X-Linked-Etag": f'"{file.checksum}"',
                "X-Linked-Size": str(len(file.body)),
            })  # fmt: skip
        else:
            self._send(file.body, headers | {"ETag": f'"{file.checksum}"'})

    def _stored(self, digest: str) -> None:
        if self.server.hub.faults.silent:
            self.server.hub.closing.wait(20)
            return
        for repository in self.server.hub.repositories.values():
            for files in repository.commits.values():
                for file in files:
                    if hashlib.sha256(file.body).hexdigest() == digest:
                        instead = self.server.hub.faults.instead
                        body = file.body if instead is None else instead
                        self._send(body, {"ETag": f'"{digest}"'}, store=True)
                        return
        self._say(404, {})

    def _send(self, body: bytes, headers: dict[str, str], *, store: bool = False) -> None:
        hub, start = self.server.hub, 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
        if asked and not hub.faults.ignore_ranges:
            start = int(asked[1])
            if start >= len(body):
                self._say(416, {}, {"Content-Range": f"bytes */{len(body)}"})
                return
            headers = headers | {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
        self.send_response(206 if "Content-Range" in headers else 200)
        for name, value in (headers | {"Accept-Ranges": "bytes"}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        if self.command == "HEAD":
            return
        rest = body[start:]
        if store and hub.faults.corrupt:
            rest = bytes(byte ^ 1 for byte in rest[:64]) + rest[64:]
        for piece in self._pieces(rest, store):
            self.wfile.write(piece)
            with hub.lock:
                hub.served_bytes += len(piece)

    def _pieces(self, body: bytes, store: bool) -> Iterator[bytes]:
        hub, sent = self.server.hub, 0
        began = time.monotonic()
        for at in range(0, len(body), CHUNK):
            if store and self._cut(sent):
                self.close_connection = True
                self.connection.close()
                raise ConnectionAbortedError
            piece = body[at : at + CHUNK]
            sent += len(piece)
            yield piece
            if store and hub.faults.bytes_per_second:
                ahead = sent / hub.faults.bytes_per_second - (time.monotonic() - began)
                if ahead > 0 and hub.closing.wait(ahead):
                    raise ConnectionAbortedError

    def _cut(self, sent: int) -> bool:
        faults = self.server.hub.faults
        with self.server.hub.lock:
            due = faults.cuts > 0 and faults.cut_after_bytes is not None
            if due and sent >= (faults.cut_after_bytes or 0):
                faults.cuts -= 1
                return True
        return False

    def _say(self, status: int, body: Any, headers: dict[str, str] | None = None) -> bool:
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)
        return True


def _entry(file: Stored) -> dict[str, Any]:
    pointer = hashlib.sha1(file.path.encode()).hexdigest()
    body: dict[str, Any] = {
        "type": "file", "path": file.path, "size": len(file.body),
        "oid": pointer if file.large else file.checksum,
    }  # fmt: skip
    if file.large:
        body["lfs"] = {"oid": file.checksum, "size": len(file.body), "pointerSize": 134}
    return body
