"""Adding a name is one file and one line of its registry: then it is found wherever names are."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click
import pytest

from core.cli.main import cli
from core.cli.reference import pages
from core.judge.metrics import registry as metrics
from core.judge.score import TrueEvent, score
from core.models import registry as families
from core.models.registry import KINDS, family_of
from core.plugins.installed import GROUPS
from core.service.plugins import REGISTRIES
from core.storage.export import built_in
from core.storage.export.table import FORMATS
from tests.workbench import InProcess

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "one_file", raising=False)
    return tmp_path / "one_file.py"


def test_an_export_format_is_one_file_and_one_line(
    file: Path, monkeypatch: pytest.MonkeyPatch, scanned: InProcess
) -> None:
    file.write_text(
        "from core.storage.export.format import Format\n"
        "def render(document, beside):\n"
        "    return {'.count.txt': str(len(document.moments))}\n"
        "FORMAT = Format('count', '.count.txt', 'source', 'how many events', render)\n"
    )
    monkeypatch.setitem(built_in.BUILT_IN, "count", "one_file:FORMAT")
    command = cli.get_command(click.Context(cli), "export")
    assert command is not None
    assert " count," in re.sub(
        r"\s+", " ", command.get_help(click.Context(command, help_option_names=["-h", "--help"]))
    )
    assert " count," in re.sub(r"\s+", " ", pages()["cli.md"])
    done = scanned("export", "1", "--format", "count", "--out", file.parent / "out")
    assert done.code == 0, done.err
    assert int((file.parent / "out" / "storm.mp4.count.txt").read_text()) > 0
    refused = scanned("export", "1", "--format", "cuont", "--out", file.parent / "out")
    assert "did you mean 'count'" in refused.err and FORMATS.names()[-1] == "count"


def test_a_metric_is_one_file_and_one_line(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text(
        "from core.judge.metrics.metric import Metric\n"
        "METRIC = Metric('missed', 'misses', lambda s: len(s.misses), lambda s: 'missed them')\n"
    )
    monkeypatch.setitem(metrics.BUILT_IN, "missed", "one_file:METRIC")
    found = score([], [TrueEvent("flash", 1.0, 2.0, 1.5)]).metrics[-1]
    assert (found.name, found.value, found.line) == ("missed", 1, "missed them")


def test_a_model_family_is_one_file_and_one_line(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("class Family:\n    kind = 'detector'\n    model_types = ('odd',)\n")
    monkeypatch.setitem(families.BUILT_IN, "odd", "one_file:Family")
    assert KINDS["odd"] == "detector" and "odd" in KINDS
    assert family_of({"model_type": "odd"}) == "odd"


def test_plugins_list_knows_every_registry() -> None:
    """One that is missing there would be called a group that this version does not take."""
    used = set()
    for path in ROOT.glob("core/**/*.py"):
        text = path.read_text(encoding="utf-8")
        if "Registry(" in text and path.parent.name != "plugins":
            used |= {group for group in GROUPS if f'"{group}"' in text}
            names = {"MODELS", "METRICS", "EXPORTS", "STAGES", "SOURCES"}
            used |= {f"sightline.{n.lower()}" for n in names
                     if re.search(rf"import .*\b{n}\b", text) and "plugins.installed" in text
                     and "= Registry(" in text}  # fmt: skip
    assert used == set(REGISTRIES)
