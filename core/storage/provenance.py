"""How a result came to be: written once, never guessed later."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("av", "decord", "numpy", "pillow", "pillow-heif")


def sightline_version() -> str:
    """Return the installed version of sightline."""
    return _version("sightline") or "0+unknown"


def provenance(
    spec: dict[str, Any], stages: dict[str, int], ended: dict[str, Any]
) -> dict[str, Any]:
    """Return what a result depends on: settings, stage versions, reader, packages, platform."""
    return {
        "sightline": sightline_version(),
        "spec": spec,
        "stages": stages,
        "reader": ended.get("reader", "pillow"),
        "reader_reason": ended.get("why", ""),
        "device": "cpu",
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
