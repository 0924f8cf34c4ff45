"""How a result came to be: written once, never guessed later."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

from ..config.spec import tagged_hash
from ..plugins import loading
from ..plugins.installed import MODELS, STAGES
from ..version import package_version, sightline_version

PACKAGES = ("av", "decord", "numpy", "pillow", "pillow-heif")
MODEL_PACKAGES = ("torch", "torchvision", "transformers", "open_clip_torch")
MOST_WORDS = 100
"""longer lists are named by their hash, as in the key of the answers"""


def provenance(
    spec: dict[str, Any],
    stages: dict[str, int],
    ended: dict[str, Any],
    asked: dict[str, dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Return what a result depends on: settings, stage versions, reader, packages, platform.

    `asked` says by stage which model was asked, how, and where. `plugins` has name and version of
    each plugin whose stage or model family took part.
    """
    models = asked or {}
    devices = sorted({str(each["device"]) for each in models.values()}) or ["cpu"]
    families = [str(each.get("family", "")) for each in models.values()]
    plugins = loading.provenance({STAGES: [*stages, *models], MODELS: families})
    names = PACKAGES + (MODEL_PACKAGES if models else ())
    return {
        "sightline": sightline_version(),
        "spec": shortened(spec),
        "stages": stages,
        "reader": ended.get("reader", "pillow"),
        "reader_reason": ended.get("why", ""),
        **{name: ended[name] for name in ("decoder", "fallback") if name in ended},
        "models": models,
        "device": " ".join(devices),
        **({"plugins": plugins} if plugins else {}),
        "packages": {name: found for name in names if (found := package_version(name))},
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def shortened(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with long lists of words as their number and hash.

    A scan keeps the words themselves; every exported picture would repeat them.
    """
    return {name: _short(value) for name, value in spec.items()}


def _short(value: Any) -> Any:
    if isinstance(value, Mapping):
        return shortened(value)
    if isinstance(value, list | tuple) and len(value) > MOST_WORDS:
        return {"words": len(value), "hash": tagged_hash("vocabulary", [*value])}
    return value
