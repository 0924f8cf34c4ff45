"""Heavy packages load only in the leaf that needs them, and our package names are ours alone."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
HEAVY = (
    "torch", "torchvision", "transformers", "open_clip", "decord", "qdrant_client", "ray", "av",
    "numpy", "PIL", "pydantic", "textual", "huggingface_hub",
)  # fmt: skip


@pytest.mark.parametrize("command", [["--help"], ["--version"]])
def test_help_and_version_load_no_heavy_package(command: list[str]) -> None:
    code = (
        "import sys; sys.argv = ['sightline', *sys.argv[1:]]\n"
        "from core.cli import main\n"
        "try: main.main()\n"
        "except SystemExit: pass\n"
        "print(*sorted(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *command], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert "sightline" in done.stdout
    assert not set(HEAVY) & set(done.stderr.split())


def test_an_engine_without_models_loads_nothing_that_serves_them() -> None:
    code = "import core.engine.jobs.scan, core.scans.scan_job, sys; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert "core.scans.measure" in done.stdout.split()
    models = {
        "core.models.residency",
        "core.inference.runner",
        "core.inference.session",
        "core.config.prompts",
    }
    assert not models & set(done.stdout.split())


def test_a_scan_loads_no_model_package() -> None:
    modules = "core.engine.engine, core.reports.exports, core.reports.instant, core.scans.scan_job"
    code = f"import {modules}, sys; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    models = {
        "torch",
        "torchvision",
        "transformers",
        "open_clip",
        "qdrant_client",
        "ray",
        "av",
        "PIL",
    }
    assert not models & set(done.stdout.split())


@pytest.mark.parametrize("name", ["core", "tui"])
def test_no_other_distribution_owns_our_names(name: str) -> None:
    assert set(packages_distributions().get(name, ["sightline"])) == {"sightline"}


def test_package_files_hold_a_docstring_only() -> None:
    for path in [*ROOT.glob("core/**/__init__.py"), *ROOT.glob("tui/**/__init__.py")]:
        lines = path.read_text(encoding="utf-8").strip().splitlines()
        assert len(lines) == 1, path
        assert lines[0].startswith('"""'), path
