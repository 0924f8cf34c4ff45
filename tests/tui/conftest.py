"""A library with results that only readers share, and one of one's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui.viewing import copied, end_engine
from tests.workbench import Cli


@pytest.fixture(scope="session")
def found(
    storm: Path, pictures: Path, broken: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A library with one finished scan of the storm, the pictures and a broken file. Read it."""
    cli = Cli(tmp_path_factory.mktemp("found"))
    cli("scan", storm, pictures, broken, "--profile", "quick", "--no-ui")
    before = os.environ.get("SIGHTLINE_CONFIG")
    os.environ["SIGHTLINE_CONFIG"] = str(cli.config)
    yield cli.library
    end_engine(cli.library)
    if before is None:
        os.environ.pop("SIGHTLINE_CONFIG", None)


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings, profiles and working folder of the test's own."""
    monkeypatch.setenv("SIGHTLINE_CONFIG", str(tmp_path / "config"))
    monkeypatch.delenv("SIGHTLINE_LIBRARY", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Path]:
    """An empty library whose engine ends with the test."""
    folder = tmp_path / "library"
    yield folder
    end_engine(folder)


@pytest.fixture
def own(found: Path, library: Path) -> Path:
    """The library with results, as a copy to write to."""
    return copied(found, library)
