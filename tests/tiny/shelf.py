"""Where built checkpoints stand: made once, and again only when a builder or a package changes."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

_MODULES = ("embedders", "detectors", "segmenters", "vlm")
_PACKAGES = ("torch", "transformers", "tokenizers", "open_clip_torch", "safetensors")


@cache
def tiny_model(name: str) -> Path:
    """Return the folder of the tiny checkpoint `name`, building it if it is not there.

    Nobody may write into it: it is shared by all test runs of this user. Copy it to change it.
    """
    return _filled(_shelf() / name, lambda place: builders()[name](place))


@cache
def builders() -> dict[str, Callable[[Path], None]]:
    """Return every builder there is by name."""
    found: dict[str, Callable[[Path], None]] = {}
    for module in _MODULES:
        found |= import_module(f"tests.tiny.{module}").BUILDERS
    return found


@cache
def shapes_model() -> Path:
    """Return the folder of the embedder of coloured shapes, training it if it is not there.

    That takes about a minute the first time; its family is `core.synthetic.shapes.FAMILY`.
    """
    from core.synthetic import shapes

    def make(place: Path) -> None:
        shapes.train(place)

    return _filled(_shelf(Path(shapes.__file__)) / "shapes", make)


@cache
def _shelf(*sources: Path) -> Path:
    digest = hashlib.sha256()
    for source in sources or sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    for package in _PACKAGES:
        digest.update(f"{package}={version(package)}\n".encode())
    user = os.getuid() if hasattr(os, "getuid") else 0
    shelf = Path(tempfile.gettempdir()) / f"sightline-tiny-{user}" / digest.hexdigest()[:16]
    shelf.mkdir(parents=True, exist_ok=True, mode=0o700)
    return shelf


def _filled(folder: Path, make: Callable[[Path], None]) -> Path:
    """Return a folder, made by the first who asks; whoever else asks meanwhile waits for it."""
    if not folder.is_dir():
        with FileLock(folder.with_name(f"{folder.name}.lock")):
            if not folder.is_dir():
                _fill(make, folder)
    return folder


def _fill(make: Callable[[Path], None], folder: Path) -> None:
    import torch

    fresh = Path(tempfile.mkdtemp(dir=folder.parent, prefix="making-"))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        make(fresh)
    fresh.rename(folder)
