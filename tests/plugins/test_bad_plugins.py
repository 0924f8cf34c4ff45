"""Plugins that are wrong: each is named in one line, and stops nothing that does not use it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.config import user_settings
from core.config.spec import Spec
from core.errors import PluginFault, ProfileError, UnknownName
from core.judge.score import score
from core.judge.truth import TrueEvent
from core.models.protocols import Loading
from core.models.registry import KINDS, family_of, load
from core.plugins import installed, loading
from core.plugins.registry import RESERVED, Registry
from core.service import plugins as service
from core.storage.export.document import Summary
from core.storage.export.table import FORMATS, check_formats, write_scan
from tests.workbench import InProcess

FORMAT = "from core.storage.export.format import Format\n"
Make = Callable[..., None]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Install a distribution with entry points, as an installer leaves it on the disk."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("SIGHTLINE_CONFIG", str(tmp_path / "config"))
    monkeypatch.setattr(loading, "_outcomes", {})
    monkeypatch.setattr(loading, "_loaded", {})
    modules = set(sys.modules)

    def install(name: str, code: str, entries: str, *, enabled: bool = True) -> None:
        module = name.replace("-", "_")
        (site / f"{module}.py").write_text(code)
        info = site / f"{module}-2.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.0\n")
        (info / "entry_points.txt").write_text(entries)
        importlib.invalidate_caches()
        installed._described.cache_clear()
        if enabled:
            user_settings.set_enabled_plugins((*installed.enabled_names(), name))

    yield install
    installed._described.cache_clear()
    for each in set(sys.modules) - modules:
        if each.startswith("bad_"):
            del sys.modules[each]


def export(name: str, attribute: str = "FORMAT", module: str = "bad_one") -> str:
    return f"[sightline.exports]\n{name} = {module}:{attribute}\n"


BROKEN = {
    "raise ImportError('no\\x1b[31m such\\nthing')": "ImportError: no\ufffd[31m such thing",
    "raise SystemExit(3)": "SystemExit: 3",
    "def f(:": "SyntaxError: ",
    "OTHER = 1": "AttributeError: module 'bad_one' has no attribute 'FORMAT'",
    "FORMAT = 1": "it is not a core.storage.export.format.Format",
    FORMAT + "FORMAT = Format('y', '.x', 'source', '', print)": "its name is 'y'",
    FORMAT + "FORMAT = Format('x', '.csv', 'source', '', print)": "it writes .csv, as 'csv' does",
    FORMAT + "FORMAT = Format('x', '/../x', 'source', '', print)": "its suffix must be",
    FORMAT + "FORMAT = Format('x', '.x', 'file', '', print)": "'per' must be source, scan",
}


def test_a_broken_format_is_named_in_one_line_and_stops_no_other(make: Make) -> None:
    for number, (code, reason) in enumerate(BROKEN.items()):
        name = f"bad-format-{number}"
        module = name.replace("-", "_")
        make(name, code, export("x", module=module))
        expected = reason.replace("bad_one", module)
        with pytest.raises(PluginFault) as error:
            check_formats(["x"])
        said = str(error.value)
        assert said.startswith(f"plugin {name} 2.0: export format 'x' cannot be used: {expected}")
        assert said.endswith(f"; without it: sightline plugins disable {name}")
        assert "\n" not in said and "\x1b" not in said
        check_formats(["csv", "json", "html"])
        assert dict(FORMATS.items()).keys() == set(FORMATS.built_in)
        assert service.disable(name) == name


FAMILY = "class Family:\n    kind = {kind!r}\n    model_types = {types!r}\n"


def test_a_broken_model_family_is_named_when_it_is_asked_for(make: Make) -> None:
    wrong = {
        "Family = 1": "it is not a class that takes a Loading",
        FAMILY.format(kind="oracle", types=()): "its attribute 'kind' must be one of embedder",
        FAMILY.format(kind="vlm", types="abc"): "its attribute 'model_types' must be a tuple",
        FAMILY.format(kind="vlm", types=("clip",)): "its model type 'clip' is loaded by 'clip'",
    }
    for number, (code, reason) in enumerate(wrong.items()):
        name = f"bad-family-{number}"
        make(name, code, f"[sightline.models]\nodd = {name.replace('-', '_')}:Family\n")
        for use in (lambda: KINDS["odd"], lambda: load(Loading("m", "odd", None, "local-0"))):
            with pytest.raises(PluginFault, match=f"model family 'odd' cannot be used: {reason}"):
                use()
        assert family_of({"model_type": "clip"}) == "clip"
        assert family_of({"model_type": "odd"}) is None
        assert KINDS["clip"] == "embedder"
        service.disable(name)


def test_names_that_are_taken_are_refused_and_the_others_stay(make: Make) -> None:
    code = FORMAT + "FORMAT = Format('new', '.new', 'source', '', print)"
    make("bad-first", code, export("csv", module="bad_first") + "new = bad_first:FORMAT\n")
    make("bad-second", code, export("new", module="bad_second"))
    make("bad-third", code, "[sightline.exports]\n" + "a/b = bad_third:FORMAT\n")
    assert FORMATS.names() == (*FORMATS.built_in, "new")
    assert FORMATS.load("csv").suffix == ".csv"
    assert FORMATS.load("new").suffix == ".new"
    reasons = {entry.distribution: reason for entry, reason in FORMATS.refused().items()}
    assert "'csv' cannot be used: sightline has one of that name" in reasons["bad-first"]
    assert "plugin bad-first provides one of that name too" in reasons["bad-second"]
    assert "a name is of a-z" in reasons["bad-third"]
    assert "bad_second" not in sys.modules and "bad_third" not in sys.modules


def test_settings_that_clash_with_a_section_of_a_profile_are_refused(make: Make) -> None:
    stages: Registry[Any] = Registry("stage", installed.STAGES, {"flash": "core.version:none"})
    make("bad-sections", "", "[sightline.stages]\nsampling = bad_sections:X\nvlm = bad_sections:X\n"
         "flash = bad_sections:X\nfog = bad_sections:X\n")  # fmt: skip
    assert stages.names() == ("flash", "fog")
    assert sorted(entry.name for entry in stages.refused()) == ["flash", "sampling", "vlm"]
    assert set(Spec.model_fields) <= RESERVED[installed.STAGES]


def test_what_is_not_enabled_or_gone_is_not_there(make: Make) -> None:
    make("bad-waiting", "raise RuntimeError('imported')", export("x"), enabled=False)
    with pytest.raises(UnknownName, match=r"unknown export format 'x'; known: json"):
        check_formats(["x"])
    user_settings.set_enabled_plugins(["not-there"])
    with pytest.raises(UnknownName, match="plugin not-there: it is not installed"):
        check_formats(["x"])
    views = {each.name: each for each in service.plugins()}
    assert views["not-there"].trouble == "it is not installed"
    assert views["bad-waiting"].provides[0].trouble == "" and not views["bad-waiting"].enabled
    assert "bad_waiting" not in sys.modules
    service.disable("not-there")
    with pytest.raises(UnknownName, match="'not-there' is not enabled; none is enabled"):
        service.disable("not-there")
    with pytest.raises(UnknownName, match="did you mean 'bad-waiting'"):
        service.enable("bad-wating")


def test_a_group_without_a_registry_and_unreadable_entry_points_are_named(make: Make) -> None:
    make("bad-kind", "", "[sightline.sources]\ns3 = bad_kind:X\n")
    make("bad-text", "", "[sightline.exports]\nno equals sign\n")
    views = {each.name: each for each in service.plugins()}
    assert "its entry points cannot be read" in views["bad-text"].trouble
    assert FORMATS.names() == FORMATS.built_in
    (provided,) = views["bad-kind"].provides
    assert (provided.kind, provided.name) == ("source", "s3")


def test_a_format_that_raises_while_it_writes_is_named(make: Make, tmp_path: Path) -> None:
    code = FORMAT + "FORMAT = Format('x', '.x', 'scan', '', lambda: 1 / 0)"
    make("bad-writer", code, export("x", module="bad_writer"))
    summary = Summary(1, "quick", "0", "done", ())
    with pytest.raises(PluginFault, match=r"bad-writer 2.0: .*'x'.*ZeroDivisionError"):
        write_scan(summary, [], tmp_path / "out", ["x"])


def test_the_settings_file_keeps_its_comments_and_is_checked(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "config" / "settings.toml"
    file.parent.mkdir()
    file.write_text("# mine\nquiet = true  # at night\n\n[keys]\npreset = 'vim'\n")
    make("bad-kept", FORMAT + "FORMAT = Format('x', '.x', 'source', '', print)",
         export("x", module="bad_kept"), enabled=False)  # fmt: skip
    service.enable("bad-kept")
    service.enable("Bad.Kept")
    text = file.read_text()
    assert text.startswith("# mine\nquiet = true  # at night\n\n[keys]\npreset = 'vim'\n")
    assert text.count("bad-kept") == 1 and user_settings.load().quiet
    assert FORMATS.names()[-1] == "x"
    service.disable("bad-kept")
    assert FORMATS.names() == FORMATS.built_in
    for wrong in ("plugins = 3", "[plugins]\nenabled = 'x'", "[plugins]\nenabeld = []"):
        file.write_text(wrong)
        with pytest.raises(ProfileError, match=r"settings\.toml"):
            FORMATS.names()


def test_the_commands_say_it_in_one_line(make: Make, inside: InProcess) -> None:
    inside.config.mkdir(exist_ok=True)
    inside.env["SIGHTLINE_CONFIG"] = str(inside.config)
    make("bad-said", "raise OSError('broken')", export("x", module="bad_said"), enabled=False)
    enabled = inside("plugins", "enable", "bad-said")
    assert enabled.code == 1
    assert enabled.err.count("\n") == 1 and "OSError: broken" in enabled.err
    listed = inside("plugins", "list")
    assert listed.code == 0
    assert listed.out.splitlines()[1].split() == [
        "bad-said", "2.0", "yes", "export", "format", "x"
    ]  # fmt: skip
    refused = inside("scan", ".", "--out", "out", "--format", "x")
    assert refused.code == 4 and refused.err.count("bad-said 2.0") == 1
    assert inside("scan", ".", "--out", "out", "--format", "csv").code == 3  # nothing to scan
    assert inside("profiles", "validate").code == 0
    assert inside("plugins", "disable", "bad-said").code == 0
    assert inside("plugins", "disable", "bad-said").code == 2


def test_a_score_names_the_plugin_of_a_metric(make: Make) -> None:
    code = (
        "from core.judge.metrics.metric import Metric\n"
        "METRIC = Metric('missed', 'misses', lambda s: len(s.misses), lambda s: 'missed')\n"
    )
    make("bad-metric", code, "[sightline.metrics]\nmissed = bad_metric:METRIC\n")
    *built_in, missed = score([], [TrueEvent("flash", 1.0, 2.0, 1.5)]).metrics
    assert (missed.name, missed.value, missed.plugin, missed.version) == (
        "missed", 1.0, "bad-metric", "2.0",
    )  # fmt: skip
    assert {(each.plugin, each.version) for each in built_in} == {("", "")}
