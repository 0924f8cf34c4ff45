"""What a loaded model's processor does to pictures, in words for the compatibility matrix."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..text import clean

_NAMES = ("do_resize", "do_center_crop", "do_pad", "do_image_splitting")
_SIDES = ("shortest_edge", "longest_edge", "height", "width", "max_height", "max_width")
_SAID = ("resized", "middle cut out", "padded", "split into tiles")


def processor_facts(model: Any) -> dict[str, str]:
    """Return what the processor of a loaded model does; empty for an endpoint.

    `digest` is that of the identity of results: two versions of transformers whose processors have
    the same digest prepare a picture alike, as far as their settings say.
    """
    loaded = getattr(model, "_loaded", None)
    if loaded is None:
        return {}
    processor = loaded.processor
    images = getattr(processor, "image_processor", None)
    video = getattr(processor, "video_processor", None)
    facts = {
        "class": clean(type(images or processor).__name__, limit=80),
        "backend": clean(str(getattr(images, "backend", "") or ""), limit=40),
        "size": _size(images if images is not None else model),
        "does": ", ".join(_does(images)),
        "video": clean(type(video).__name__, limit=80) if video is not None else "no",
        "digest": model.identity.preprocessing,
    }
    return {name: value for name, value in facts.items() if value}


def saved_with(folder: Path | None) -> str:
    """Return the version of transformers a checkpoint says it was saved with, or ""."""
    if folder is None:
        return ""
    try:
        body = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    found = body.get("transformers_version") if isinstance(body, dict) else None
    return clean(str(found), limit=40) if found else ""


def _does(images: Any) -> list[str]:
    """Return the steps that are switched on."""
    return [said for name, said in zip(_NAMES, _SAID, strict=True) if getattr(images, name, False)]


def _size(images: Any) -> str:
    size: Any = getattr(images, "size", None)
    values = ((name, size.get(name)) for name in _SIDES) if hasattr(size, "get") else ()
    shown = " ".join(f"{name}={value}" for name, value in values if value)
    side = getattr(images, "side", None)
    return clean(shown or (f"side={side}" if side else ""), limit=120)
