"""What is wrong with a file of a repository by its bytes: a pointer, nothing, or no JSON."""

from __future__ import annotations

import codecs
import json
from typing import Any

from ..errors import ModelRefused
from ..text import clean, counted

POINTER = b"version https://git-lfs.github.com/spec/"
BYTE_ORDER_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
POINTER_BYTES = range(100, 201)
"""sizes of pointers: the version, a SHA-256 and a size, each on a line"""


def is_pointer(body: bytes) -> bool:
    """Return whether bytes are a pointer of Git LFS, which a clone has instead of the file."""
    return body.startswith(POINTER)


def refuse_pointer(repo: str, path: str, body: bytes) -> None:
    """Raise ModelRefused for a pointer of Git LFS."""
    if is_pointer(body):
        raise ModelRefused(
            f"{clean(repo)}: '{clean(path)}' is a Git LFS pointer in the repository, not the file "
            "itself: whoever copied the repository left the large files out; choose the original"
        )


def json_object(repo: str, path: str, body: bytes) -> dict[str, Any]:
    """Return the object that a JSON file holds. Raises ModelRefused and says what it holds."""
    refuse_pointer(repo, path, body)
    file = f"{clean(repo)}: '{clean(path)}'"
    if not body.strip():
        size = counted(len(body), "byte")
        raise ModelRefused(f"{file} is empty in the repository ({size})")
    if body.startswith(BYTE_ORDER_MARKS):
        raise ModelRefused(
            f"{file} begins with a byte order mark in the repository, so loaders cannot read it; "
            "save it as UTF-8 without one, or choose another repository"
        )
    try:
        found = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        why = clean(str(error), limit=100)
        raise ModelRefused(f"{file} is not valid JSON in the repository ({why})") from error
    if not isinstance(found, dict):
        raise ModelRefused(f"{file} is JSON, but not an object")
    return found
