"""How a result came to be: written once, never guessed later."""

from __future__ import annotations

import platform
from typing import Any

from ..version import package_version, sightline_version

PACKAGES = ("av", "decord", "numpy", "pillow", "pillow-heif")


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
        "packages": {name: found for name in PACKAGES if (found := package_version(name))},
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
