"""Proxies and certificates out of the environment: used, or named in the line that says why not."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.errors import DownloadFailed, EnvironmentFault, ModelMissing
from core.hub.hub import Hub
from core.models.endpoint.model import Endpoint
from core.models.protocols import Loading
from core.network import routes as network
from core.network.routes import CERTIFICATES, PROXIES, Routes
from tests.hub.conftest import QUICK, hub, local_hub, model_files
from tests.hub.local_hub import LocalHub
from tests.hub.test_pulling import REPO, pulled

__all__ = ["hub", "local_hub"]
SECRET = "hunter2"
Serve = Callable[[socket.socket], None]


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, *CERTIFICATES):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@contextlib.contextmanager
def listening(serve: Serve) -> Iterator[str]:
    """A server on this machine; yields HOST:PORT."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    link, _ = server.accept()
                    threading.Thread(target=serve, args=(link,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def forward(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)


def socks(asked: list[str], local: int) -> Serve:
    """A SOCKS 5 proxy (RFC 1928, 1929) that leads every name to a port of this machine."""

    def serve(link: socket.socket) -> None:
        methods = link.recv(2)[1]
        if 2 in link.recv(methods):
            link.sendall(b"\x05\x02")
            name = link.recv(link.recv(2)[1])
            word = link.recv(link.recv(1)[0])
            asked.append(f"{name.decode()}:{word.decode()}")
            link.sendall(b"\x01\x00")
        else:
            link.sendall(b"\x05\x00")
        kind = link.recv(4)[3]
        host = link.recv(link.recv(1)[0]).decode() if kind == 3 else socket.inet_ntoa(link.recv(4))
        port = int.from_bytes(link.recv(2), "big")
        asked.append(host)
        link.sendall(b"\x05\x00\x00\x01" + bytes(6))
        with socket.create_connection(("127.0.0.1", local or port)) as other:
            back = threading.Thread(target=forward, args=(other, link), daemon=True)
            back.start()
            forward(link, other)
            back.join(5)
        link.close()

    return serve


def test_models_come_through_a_socks_proxy_and_not_where_an_exception_is_made(
    local_hub: LocalHub, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = local_hub.add(REPO, model_files(1, 0.01))
    asked: list[str] = []
    with listening(socks(asked, 0)) as address:
        for scheme in ("socks5", "socks5h"):
            monkeypatch.setenv("ALL_PROXY", f"{scheme}://me:{SECRET}@{address}")
            monkeypatch.setenv("NO_PROXY", "elsewhere.org")
            assert hub.resolve(REPO, "edge").revision == commit
            assert asked[:2] == [f"me:{SECRET}", "127.0.0.1"]
            asked.clear()
        assert pulled(hub).revision == commit
        assert "localhost" in asked, "where files lie is reached through it too"
        asked.clear()
        for entry in ("127.0.0.0/8", "127.0.0.1", "*", "x.org, 127.0.0.1"):
            monkeypatch.setenv("NO_PROXY", entry)
            hub.resolve(REPO, "edge")
        assert asked == []


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x05", b"\x05\xff", b""])
def test_a_proxy_that_speaks_something_else_is_named(
    local_hub: LocalHub, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    def serve(link: socket.socket) -> None:
        link.recv(100)
        link.sendall(answer)
        link.close()

    with listening(serve) as address:
        monkeypatch.setenv("ALL_PROXY", f"socks5h://me:{SECRET}@{address}")
        with pytest.raises(DownloadFailed, match="ALL_PROXY") as raised:
            Hub(patience=QUICK).resolve(REPO)
    assert f"(socks5h://{address})" in str(raised.value) and SECRET not in str(raised.value)


def test_a_socks_proxy_that_says_nothing_is_not_waited_for_forever(
    local_hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    gate = threading.Event()

    def serve(link: socket.socket) -> None:
        with link:
            gate.wait(20)

    with listening(serve) as address:
        monkeypatch.setenv("ALL_PROXY", f"socks5h://{address}")
        with pytest.raises(DownloadFailed, match="ALL_PROXY"):
            Hub(patience=replace(QUICK, retries=0, read_seconds=0.1)).resolve(REPO)
        gate.set()


def test_every_fault_of_the_environment_is_one_line_that_names_its_variable(
    local_hub: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    garbage, empty = tmp_path / "garbage.pem", tmp_path / "empty.pem"
    garbage.write_bytes(b"\x00\xff no certificate")
    empty.touch()
    faults = [
        *((name, str(tmp_path / "none.pem")) for name in CERTIFICATES),
        *((name, str(bad)) for name in CERTIFICATES for bad in (garbage, empty)),
        ("SSL_CERT_FILE", "a\x1b[31m.pem"), ("SSL_CERT_DIR", str(garbage)),
        *((name, f"{url}") for name in ("ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy")
          for url in (f"socks4://u:{SECRET}@127.0.0.1:9", f"ftp://u:{SECRET}@h:1", "http://",
                      f"http://u:{SECRET}@h:99999", f"http://u:{SECRET}@[::1", "http://h:port",
                      "://", f"socks5h://u:{SECRET}@", f"u:{SECRET}@", "http://h:0")),
        *((name, entry) for name in ("NO_PROXY", "no_proxy")
          for entry in ("localhost,[::1", "10.0.0.0/99", "::1/129", "::zz", "a b", "x\x1b[31m")),
        *(("HF_ENDPOINT", url) for url in ("garbage", "https://", f"https://u:{SECRET}@h:port",
                                           "https://[::1", "https://exa mple", "file:///etc",
                                           f"https://u:{SECRET}@h:99999", "http://h:0")),
    ]  # fmt: skip
    for name, value in faults:
        with monkeypatch.context() as patched:
            patched.setenv(name, value)
            with pytest.raises(EnvironmentFault) as raised:
                Hub(patience=QUICK).resolve(REPO)
            said = str(raised.value)
            assert said.startswith(name), (name, value, said)
            assert SECRET not in said and "\n" not in said and "\x1b" not in said


def test_a_proxy_nobody_listens_at_is_named_and_so_is_what_else_is_set(
    local_hub: LocalHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.2:9")
    monkeypatch.setenv("NO_PROXY", "localhost,::1/128,[::1]")
    monkeypatch.setenv("ALL_PROXY", f"socks5h://u:{SECRET}@127.0.0.1:9")
    with pytest.raises(DownloadFailed) as raised:
        Hub(patience=QUICK).resolve("laion-vit-b32", "edge")
    said = str(raised.value)
    assert raised.value.exit_code == 4 and "\n" not in said and SECRET not in said
    assert "through the proxy in ALL_PROXY (socks5h://127.0.0.1:9)" in said
    assert "set in the environment: NO_PROXY" in said


def test_exceptions_are_understood_as_curl_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    cases = {
        "localhost,::1/128,[::1]": (["localhost", "[::1]", "x.localhost"], ["huggingface.co"]),
        "huggingface.co": (["huggingface.co", "cdn.huggingface.co"], ["nothuggingface.co"]),
        ".huggingface.co": (["cdn.huggingface.co", "huggingface.co"], ["huggingface.com"]),
        "*.co": (["huggingface.co"], ["huggingface.com"]),
        "10.0.0.0/8,fe80::/10": (["10.1.2.3", "[fe80::1]"], ["11.1.2.3", "[fd00::1]", "ten.org"]),
        "host.org:8443,[::2]:443": (["host.org:8443", "[::2]"], ["host.org", "[::2]:8443"]),
        " , ,": ([], ["huggingface.co"]),
        "*": (["anything.org"], []),
    }
    for entries, (direct, proxied) in cases.items():
        monkeypatch.setenv("NO_PROXY", entries)
        routes = Routes.read()
        for host in direct:
            assert routes.proxy_for(f"https://{host}/x") is None, (entries, host)
        for host in proxied:
            proxy = routes.proxy_for(f"https://{host}/x")
            assert proxy and proxy.shown == "http://proxy.example:3128", (entries, host)
        assert routes.proxy_for("http://plain.org/") is None


def test_a_folder_of_certificates_serves_as_a_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import certifi

    for name in CERTIFICATES:
        with monkeypatch.context() as patched:
            patched.setenv(name, str(tmp_path))
            assert network.certificates().cert_store_stats()["x509"] == 0
            if name != "SSL_CERT_DIR":
                patched.setenv(name, certifi.where())
                assert network.certificates().cert_store_stats()["x509"] > 50


def test_endpoints_are_reached_the_same_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def made(url: str) -> Endpoint:
        options = {"url": url, "tries": 1, "timeout_seconds": 5.0}
        return Endpoint(Loading("tiny", "endpoint", None, "endpoint", options=options))

    monkeypatch.setenv("SIGHTLINE_ENDPOINT_KEY", "")
    monkeypatch.setenv("HTTP_PROXY", f"http://u:{SECRET}@127.0.0.1:9")
    with pytest.raises(ModelMissing, match="HTTP_PROXY") as raised:
        made("http://vlm.example/v1")
    assert SECRET not in str(raised.value)
    with pytest.raises(ModelMissing, match=r"127.0.0.1:9/v1 \(ConnectError") as raised:
        made("http://127.0.0.1:9/v1")
    assert "PROXY" not in str(raised.value), "no proxy is asked on the way to this machine"
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(EnvironmentFault, match=r"^SSL_CERT_FILE"):
        made("https://vlm.example/v1")
