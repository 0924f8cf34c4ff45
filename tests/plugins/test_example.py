"""The example plugin, installed as a user would install it: into an environment of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.sharing import once
from tests.workbench import Cli, Ran

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = ROOT / "tests" / "plugin_example"
PIP = ("install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation")


@pytest.fixture(scope="module")
def environment(shared: Path) -> Path:
    """A virtual environment with sightline, what it needs, and the example plugin."""
    return once(shared / "plugin-environment", _install)


def _install(folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    # Instead of installing gigabytes anew: `addsitedir` also follows the editable install there.
    ours = sysconfig.get_paths()["purelib"]
    (site,) = folder.glob("lib/python3*/site-packages")
    (site / "sightline.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    source = folder / "source"
    subprocess.run(["cp", "-r", EXAMPLE, source], check=True)  # building writes into the folder
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", *PIP, "--prefix", folder, source], check=True)


class Installed(Cli):
    """`sightline` of that environment."""

    def __init__(self, home: Path, environment: Path) -> None:
        super().__init__(home)
        self.python = environment / "bin" / "python"

    def __call__(self, *args: str | Path, stdin: bytes = b"", **env: Any) -> Ran:
        command = [str(self.python), "-m", "tui.entry", *(str(each) for each in args)]
        done = subprocess.run(
            command, input=stdin, capture_output=True, cwd=self.home, env={**self.env, **env},
            timeout=900, check=False,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def sightline(tmp_path: Path, environment: Path) -> Installed:
    return Installed(tmp_path, environment)


def plugin(sightline: Installed) -> dict[str, Any]:
    (found,) = sightline("plugins", "list", "--json").json()
    return found


def test_the_example_is_enabled_used_and_disabled(sightline: Installed) -> None:
    picture = sightline.home / "red.png"
    Image.new("RGB", (64, 48), (200, 0, 0)).save(picture)
    model = sightline.home / "colours"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "mean_colour"}')
    (model / "model.safetensors").write_bytes(b"")
    scan = ("scan", picture, "--no-ui", "--stages", "level,embed", "--set", f"embed.model={model}",
            "--out", sightline.home / "out", "--format", "json", "--format", "sentences",
            "--format", "vectors")  # fmt: skip

    assert plugin(sightline) == {
        "type": "Plugin", "name": "sightline-example", "version": "1.2.0", "enabled": False,
        "provides": [
            {"kind": "stage", "name": "level", "trouble": ""},
            {"kind": "model family", "name": "mean_colour", "trouble": ""},
            {"kind": "export format", "name": "sentences", "trouble": ""},
        ],
        "trouble": "",
    }  # fmt: skip
    refused = sightline(*scan)
    assert refused.code == 2
    assert "'level'" in refused.err

    enabled = sightline("plugins", "enable", "Sightline_Example")
    assert enabled.code == 0, enabled.err
    assert enabled.out == (
        "enabled sightline-example 1.2.0: stage level, model family mean_colour, "
        "export format sentences\n"
    )
    assert plugin(sightline)["enabled"] is True
    done = sightline(*scan)
    assert done.code == 0, done.err
    body = json.loads((sightline.home / "out" / "red.png.json").read_text())
    assert body["provenance"]["plugins"] == {"sightline-example": "1.2.0"}
    assert body["provenance"]["models"]["embed"]["family"] == "mean_colour"
    assert (sightline.home / "out" / "red.png.sentences.txt").read_text() == ""

    assert sightline("plugins", "disable", "sightline-example").out == (
        "disabled sightline-example\n"
    )
    assert plugin(sightline)["enabled"] is False
    assert "'level'" in sightline(*scan).err
    # What was measured with it is read without it.
    again = sightline(
        "export", "1", "--out", sightline.home / "again", "--format", "json", "--format", "vectors"
    )
    assert again.code == 0, again.err
    assert json.loads((sightline.home / "again" / "red.png.json").read_text()) == body


def test_nothing_of_a_plugin_is_imported_before_it_is_enabled(sightline: Installed) -> None:
    code = (
        "import sys; from core.cli.main import _run\n"
        "for line in sys.stdin.read().splitlines():\n"
        "    sys.argv = ['sightline', *line.split()]; assert _run(None) == 0, line\n"
        "print('imported', *(m for m in sys.modules if m.startswith('sightline_')))"
    )
    lines = "--help\nexport --help\nprofiles list\nplugins list"
    done = subprocess.run(
        [sightline.python, "-c", code], input=lines, capture_output=True, text=True, cwd=ROOT,
        env=sightline.env, check=True,
    )  # fmt: skip
    assert done.stdout.endswith("imported\n"), done.stdout
