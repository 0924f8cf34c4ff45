"""A Qdrant server that refuses, fails or is away: one clear line each, and never the key."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.config import user_settings
from core.errors import DiskFull, IndexFault, ProfileError, UsageError
from core.search.server_address import checked, chosen_server
from core.search.stores.protocol import Query
from core.search.stores.server import ServerStore
from tests.search.qdrant_server import QdrantStandIn
from tests.search.test_stores import SPACE, WHERE, points

SECRET = "a-key-that-nobody-may-see"


@contextmanager
def connected(url: str, key: str = SECRET, timeout: float = 30.0) -> Iterator[ServerStore]:
    store = ServerStore(checked(url, key, timeout))
    try:
        yield store
    finally:
        store.close()


def test_refusals_are_one_line_each() -> None:
    """What the server says comes with what to do; a request that may succeed is sent again."""
    server = QdrantStandIn(SECRET)
    with server.serving() as url, connected(url) as store:
        store.create(WHERE, SPACE.dimension)
        cases = [
            ([(507, "out of storage")], DiskFull, "no space left.*index update"),
            ([(500, "No space left on device (os error 28)")], DiskFull, "no space left"),
            ([(503, "starting")] * 4, IndexFault, r"cannot answer now \(HTTP 503\)"),
            ([(400, "Wrong input: bad")], IndexFault, "HTTP 400.*Wrong input"),
        ]
        for troubles, kind, words in cases:
            server.troubles = list(troubles)
            with pytest.raises(kind, match=words) as failure:
                store.upsert(WHERE, points(3))
            assert SECRET not in str(failure.value) and "\n" not in str(failure.value)
            assert not server.troubles
        server.troubles = [(503, "starting"), (429, "too many")]
        store.upsert(WHERE, points(3))
        assert store.count(WHERE) == 3
        with (
            connected(url, "another") as stranger,
            pytest.raises(IndexFault, match=r"refuses the key \(HTTP 401\); check QDRANT_API_KEY"),
        ):
            stranger.count(WHERE)


def test_slow_away_and_no_qdrant(tmp_path: Path) -> None:
    """A time limit, a closed port, and a server of another kind."""
    server = QdrantStandIn()
    with server.serving() as url, connected(url, "", timeout=1) as store:
        store.create(WHERE, SPACE.dimension)
        server.delay, before = 1.5, len(server.requests)
        with pytest.raises(IndexFault, match=r"did not answer within 1 s.*search\.timeout"):
            store.query(WHERE, Query(points(1)[0].vector))
        assert len(server.requests) == before + 1
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with (
        connected(f"http://127.0.0.1:{port}") as store,
        pytest.raises(IndexFault, match=r"cannot be reached.*QDRANT_URL"),
    ):
        store.count(WHERE)


def test_a_certificate_nobody_trusts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A self-signed certificate is refused, and accepted once it is named."""
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-keyout", key, "-out", certificate, "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    with QdrantStandIn(SECRET).serving((certificate, key)) as url:
        with connected(url) as store, pytest.raises(IndexFault, match=r"trusted.*SSL_CERT_FILE"):
            store.count(WHERE)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        with connected(url) as store:
            store.create(WHERE, SPACE.dimension)
            store.upsert(WHERE, points(3))
            assert store.count(WHERE) == 3


def test_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment goes before the settings; what cannot be an address is refused."""
    monkeypatch.setenv("SIGHTLINE_CONFIG", str(tmp_path))
    assert chosen_server({}) is None
    assert chosen_server({"QDRANT_URL": " "}) is None
    found = chosen_server({"QDRANT_URL": "https://x.cloud.qdrant.io", "QDRANT_API_KEY": SECRET})
    assert found is not None and found.url == "https://x.cloud.qdrant.io:6333"
    assert found.key == SECRET and SECRET not in repr(found)
    user_settings.settings_file().write_text('[search]\nurl = "http://localhost"\ntimeout = 5\n')
    found = chosen_server({})
    assert found is not None and found.url == "http://localhost:6333"
    assert found.timeout_seconds == 5
    for url, key, words in (
        ("qdrant.example:6333", "", "is no address"),
        ("ftp://qdrant.example", "", "is no address"),
        ("http://", "", "is no address"),
        ("http://[::1", "", "is no address"),
        (f"https://me:{SECRET}@qdrant.example", "", "no password.*QDRANT_API_KEY"),
        ("http://qdrant.example", SECRET, "not sent to qdrant.example over plain http"),
        ("http://10.0.0.7:6333", SECRET, "over plain http"),
    ):
        with pytest.raises(UsageError, match=words) as failure:
            checked(url, key)
        assert SECRET not in str(failure.value)
    assert checked("http://[::1]:7000", SECRET).url == "http://[::1]:7000"
    assert checked("http://qdrant.example", "").key == ""
    for text, words in (
        ("ur = 'x'", r"unknown setting 'search.ur'; did you mean 'url'"),
        ("url = 1", "search.url must be text"),
        ("timeout = 0", "search.timeout must be seconds"),
        ("timeout = true", "search.timeout must be seconds"),
    ):
        user_settings.settings_file().write_text(f"[search]\n{text}\n")
        with pytest.raises(ProfileError, match=words):
            chosen_server({})
