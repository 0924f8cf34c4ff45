"""What files a model needs, out of all that lie in its repository."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ModelRefused
from ..models.weight_order import is_index
from ..text import clean, counted, nearest
from . import whole
from .contents import Contents, contents, without_processor, without_tokenizer
from .layout import is_etag, safe_path
from .weight_files import INDEX, ReadJson, named_files, weight_files

MOST_FILES = 20_000
MOST_TEXT_BYTES = 2**20
"""a larger text is a log or a record of training, unless it is a tokenizer's"""

_TEXTS = re.compile(
    r"[^/]+\.(json|txt|model|jinja|tiktoken)"
    r"|(additional_)?chat_templates/[^/]+\.jinja"
)
_INDEX = re.compile(r"\.index\.([\w-]+\.)?json$")
_ESSENTIAL = frozenset(
    {*whole.CONFIGS, *whole.PROCESSORS, *whole.TOKENIZERS, INDEX, "tokenizer_config.json"}
)
_ANY_SIZE = _ESSENTIAL | {"merges.txt", "added_tokens.json", "tekken.json"}


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
    repo: str, files: Iterable[RemoteFile], family: str, read: ReadJson, *, weights: str = "",
    code: bool = False,
) -> list[RemoteFile]:  # fmt: skip
    """Return what the model needs, the smallest first.

    Weights are safetensors; a file in any other format comes only if `weights` names it. `code`
    adds the repository's Python files. `read` returns a JSON file of the repository. Raises
    ModelRefused for what cannot be loaded, with what it is.
    """
    by_path = {file.path: file for file in files}
    chosen = (
        _named(repo, by_path, weights, read) if weights else _usual(repo, by_path, family, read)
    )
    refuse_without_parts(repo, by_path, family)
    chosen |= {path for path, file in by_path.items() if _is_text(file, by_path)}
    if code:
        chosen |= {path for path in by_path if path.endswith(".py") and "/" not in path}
    refuse_empty(repo, by_path, chosen)
    return sorted((by_path[path] for path in chosen), key=lambda file: (file.size_bytes, file.path))


def refuse_without_parts(repo: str, names: Collection[str], family: str) -> None:
    """Raise ModelRefused if a family's models cannot be loaded without a file that is not there."""
    what = None
    configs = whole.CONFIGS[:1] if family == "open_clip" else whole.CONFIGS
    if not any(name in names for name in configs):
        what = Contents(f"has no {configs[-1]}", "it is not a model that sightline can load")
    elif whole.needs_processor(family) and not any(n in names for n in whole.PROCESSORS):
        what = without_processor(" or ".join(whole.PROCESSORS))
    elif whole.needs_tokenizer(family) and not _has_tokenizer(names):
        what = without_tokenizer(names)
    if what is not None:
        raise ModelRefused(f"{clean(repo)} {what.text}")


def refuse_empty(repo: str, files: Mapping[str, RemoteFile], chosen: Iterable[str]) -> None:
    """Raise ModelRefused if one of the files that a model cannot do without has no bytes."""
    for path in sorted(chosen):
        if files[path].size_bytes == 0 and (path in _ESSENTIAL or path.endswith(".safetensors")):
            raise ModelRefused(
                f"{clean(repo)}: '{clean(path)}' has 0 bytes in the repository; its upload failed, "
                "so choose another commit or repository"
            )


def _has_tokenizer(names: Collection[str]) -> bool:
    there = any(name in names for name in whole.TOKENIZERS)
    return there or any(name.endswith(".tiktoken") for name in names)


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


def _named(repo: str, files: Mapping[str, RemoteFile], weights: str, read: ReadJson) -> set[str]:
    if weights not in files:
        hint = nearest(weights, list(files))
        raise ModelRefused(f"{clean(repo)} has no file '{clean(weights, limit=120)}'{hint}")
    if not is_index(weights):
        return {weights}
    found = named_files(files, weights, read)
    if not found.files:
        raise ModelRefused(f"{clean(repo)} {contents(files, found, read).text}")
    return set(found.files)


def _usual(repo: str, files: Mapping[str, RemoteFile], family: str, read: ReadJson) -> set[str]:
    found = weight_files(files, family, read)
    if not found.files:
        raise ModelRefused(f"{clean(repo)} {contents(files, found, read).text}")
    return set(found.files)


def _is_text(file: RemoteFile, names: Collection[str]) -> bool:
    """Return whether a file is one of the texts that loaders read: configuration, tokenizer."""
    path = file.path
    if _INDEX.search(path):
        return False  # that of the weights was chosen with them; others look half-downloaded
    if path == "tekken.json" and "tokenizer.json" in names:
        return False  # the same tokenizer again, in Mistral's own format
    known = path in _ANY_SIZE or path.endswith((".model", ".tiktoken", ".jinja"))
    small = file.size_bytes <= MOST_TEXT_BYTES
    return _TEXTS.fullmatch(path) is not None and (known or small)
