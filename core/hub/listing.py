"""What files a model needs, out of all that lie in its repository."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..errors import ModelRefused
from ..text import clean, counted, nearest
from .layout import is_etag, safe_path
from .whole import SHARD

MOST_FILES = 20_000

_TEXTS = re.compile(
    r"[^/]+\.(json|txt|model|jinja|tiktoken)"
    r"|(additional_)?chat_templates/[^/]+\.jinja"
)
_OPEN_CLIP_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors")
_FOREIGN_INDEX = re.compile(r".*\.(bin|pt|pth|h5|msgpack|onnx)\.index\.json")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a repository. `etag` is its SHA-256 (`large`) or its git blob's SHA-1."""

    path: str
    size_bytes: int
    etag: str
    large: bool


def listing(repo: str, entries: Iterable[Any]) -> list[RemoteFile]:
    """Return a repository's files out of the hub's listing. Raises ModelRefused.

    One name that would lead out of the snapshot, or one checksum that is none, refuses it all.
    """
    files = [
        _file(repo, entry)
        for entry in entries
        if isinstance(entry, dict) and entry.get("type") == "file"
    ]
    if len(files) > MOST_FILES:
        raise ModelRefused(
            f"{clean(repo)} lists {counted(len(files), 'file')}, more than any model needs"
        )
    return files


def needed(
    repo: str, files: Iterable[RemoteFile], family: str, *, weights: str = "", code: bool = False
) -> list[RemoteFile]:
    """Return what the model needs, the smallest first. Raises ModelRefused if it has no weights.

    Weights are safetensors; a file in any other format comes only if `weights` names it. `code`
    adds the repository's Python files.
    """
    by_path = {file.path: file for file in files}
    chosen = _named(repo, by_path, weights) if weights else _usual(repo, by_path, family)
    chosen |= {path for path in by_path if _is_text(path, chosen)}
    if code:
        chosen |= {path for path in by_path if path.endswith(".py") and "/" not in path}
    return sorted((by_path[path] for path in chosen), key=lambda file: (file.size_bytes, file.path))


def _file(repo: str, entry: dict[str, Any]) -> RemoteFile:
    path = safe_path(repo, str(entry.get("path", "")))
    lfs = entry.get("lfs")
    large = isinstance(lfs, dict)
    stored = lfs if isinstance(lfs, dict) else entry
    etag = str(stored.get("oid", "")).removeprefix("sha256:")
    size = stored.get("size")
    if not is_etag(etag) or (len(etag) == 64) != large:
        raise ModelRefused(f"{clean(repo)}: the hub gives no checksum for '{clean(path)}'")
    if not isinstance(size, int) or size < 0:
        raise ModelRefused(f"{clean(repo)}: the hub gives no size for '{clean(path)}'")
    return RemoteFile(path, size, etag, large)


def _named(repo: str, files: dict[str, RemoteFile], weights: str) -> set[str]:
    if weights not in files:
        hint = nearest(weights, list(files))
        raise ModelRefused(f"{clean(repo)} has no file '{clean(weights, limit=120)}'{hint}")
    return {weights}


def _usual(repo: str, files: dict[str, RemoteFile], family: str) -> set[str]:
    if family == "open_clip":
        found = {name for name in _OPEN_CLIP_WEIGHTS[::-1] if name in files}
        found = {_OPEN_CLIP_WEIGHTS[0]} if _OPEN_CLIP_WEIGHTS[0] in found else found
    elif "model.safetensors" in files:
        found = {"model.safetensors"}
    else:
        found = {path for path in files if SHARD.fullmatch(path)}
    if not found:
        raise ModelRefused(_no_safetensors(repo, files))
    return found


def _no_safetensors(repo: str, files: dict[str, RemoteFile]) -> str:
    other = sorted(p for p in files if p.endswith((".bin", ".pt", ".pth", ".pkl", ".ckpt")))
    single = sorted(p for p in files if p.endswith(".safetensors") and "/" not in p)
    if single:
        return (
            f"{clean(repo)} has no model.safetensors; name one of its weights with --weights: "
            f"{clean(', '.join(single), limit=200)}"
        )
    offered = f" (only {clean(', '.join(other), limit=120)}, a pickle)" if other else ""
    return (
        f"{clean(repo)} has no safetensors weights{offered}; pickles are never loaded, so look for "
        "a conversion of it to safetensors"
    )


def _is_text(path: str, weights: set[str]) -> bool:
    if path.endswith(".index.json"):
        # An index of shards that are not taken would make the folder look half-downloaded.
        sharded = any(SHARD.fullmatch(name) for name in weights)
        return sharded and path.endswith(".safetensors.index.json") and "/" not in path
    return _TEXTS.fullmatch(path) is not None and not _FOREIGN_INDEX.fullmatch(path)
