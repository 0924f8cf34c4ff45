"""Sources named by paths and URLs: what is there wins, files of this machine are read, no other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.errors import UsageError
from core.protocol.addresses import absolute, path_of, scheme_of
from core.sources.content import content_hash
from core.sources.find import find
from core.sources.locator import SCHEMES, FoundFile, Missing, find_one, locate
from core.text import file_uri
from tests.workbench import InProcess

ODD = ("file:a.mp4", "a b%20c.mp4", "q?x#y.mp4", "ümlaut\N{SNOWMAN}.mp4", "not-utf8-\udcff.mp4")


def found(*addresses: str) -> list[str]:
    return [each.path for each in find(addresses) if isinstance(each, FoundFile)]


def test_a_file_url_names_what_its_path_names(tmp_path: Path) -> None:
    for name in ODD:
        path = tmp_path / name
        path.write_bytes(name.encode("utf-8", "surrogateescape"))
        url = file_uri(str(path))
        assert found(url) == found(str(path)) == [str(path)], name
        for written in (url, url.replace("file://", "FILE://localhost"), url.replace("//", "", 1)):
            assert absolute(written) == str(path), written
        locator = locate(url)
        status = os.stat(path)
        assert locator.version() == (status.st_size, status.st_mtime_ns)
        assert locator.content() == content_hash(str(path))
        assert locator.local_path() == str(path)
        with locator.open() as file:
            assert file.read() == path.read_bytes()
    assert found(file_uri(str(tmp_path))) == found(str(tmp_path))
    assert len(found(str(tmp_path))) == len(ODD)


def test_what_is_there_is_a_path_whatever_it_looks_like(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for text in ("s3://bucket/x.mp4", "file:///y.mp4", "file:/z.mp4", "http://h/v.mp4"):
        there = tmp_path / os.path.normpath(text)
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(b"x")
        assert scheme_of(text) == ""
        assert absolute(text) == str(there)
        assert found(text) == [str(there)]
        there.unlink()
        assert found(text) == []
    Path("dead.mp4").symlink_to("nowhere.mp4")
    assert absolute("dead.mp4") == str(tmp_path / "dead.mp4")


def test_other_schemes_and_machines_are_refused_in_one_line(tmp_path: Path) -> None:
    touched = tmp_path / "there.mp4"
    touched.write_bytes(b"x")
    reasons = {
        "s3://bucket/x.mp4": "unknown source scheme 's3'; known: file; copy it to this machine",
        "HTTP://h/x.mp4": "unknown source scheme 'http'; known: file",
        "files:///x": "unknown source scheme 'files'; did you mean 'file'?; known: file",
        "file://nas/x.mp4": "names another machine",
        "file://x.mp4": "names another machine",
        "file:///x%00.mp4": "null character",
        "file:///gone.mp4": "No such file",
    }
    for address, reason in reasons.items():
        item = find_one(absolute(address))
        assert isinstance(item, Missing) and reason in item.reason, address
        assert "\n" not in item.reason
        both = list(find([address, str(touched)]))
        assert [type(each) for each in both] == [Missing, FoundFile], address
    with pytest.raises(UsageError, match="known: file"):
        locate("gs://x")
    assert SCHEMES.names() == ("file",)
    for plain in ("C://x", "x", "://x", "a:b", "12:/x", "-://x"):
        assert scheme_of(plain) == ""
    assert path_of("file://nas") is None


def test_a_refused_address_ends_as_a_missing_path_does(inside: InProcess, storm: Path) -> None:
    ran = inside("scan", "s3://bucket/x.mp4", "--no-ui")
    gone = inside("scan", "gone.mp4", "--no-ui")
    assert ran.code == gone.code == 3
    assert ran.err.splitlines()[-1].startswith(
        "sightline: nothing to scan: s3://bucket/x.mp4: unknown source scheme 's3'; known: file"
    )
    planned = inside("scan", "s3://bucket/x.mp4", file_uri(str(storm)), "--dry-run")
    assert planned.code == 1 and f"would read  {storm}" in planned.out
    watched = inside("watch", "s3://bucket/x", "--no-ui")
    assert watched.code == 2 and len(watched.err.splitlines()) == 1
