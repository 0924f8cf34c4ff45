"""Faults of a model's text files that libraries report badly or not at all: named with the file.

A clone without Git LFS leaves pointers in place of files, a full disk leaves empty ones, editors on
Windows write a byte order mark or UTF-16, and a copy that was cut short is no JSON any more.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NoReturn

from ..errors import ModelRefused
from ..text import clean, clean_path

LFS = b"version https://git-lfs"
_LARGE_BYTES = 4 * 2**20
"""files from this size on are not parsed here: the library that needs them does"""
_JSON = (
    "config.json", "generation_config.json", "preprocessor_config.json", "processor_config.json",
    "video_preprocessor_config.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "chat_template.json", "tokenizer.json", "vocab.json",
    "hf_quant_config.json",
)  # fmt: skip
_TEXTS = ("merges.txt", "vocab.txt", "chat_template.jinja")
_BINARY = ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model")
_OPEN_CLIP = ("open_clip_config.json",)


def check_texts(folder: Path, name: str, *, local: bool, open_clip: bool = False) -> None:
    """Raise ModelRefused for the first text file that cannot be read as what it should be.

    `open_clip` checks the configuration of open_clip instead of that of transformers.
    """
    names = (*_OPEN_CLIP, *_JSON[5:]) if open_clip else _JSON
    for each in (*names, *_TEXTS, *_BINARY):
        path = folder / each
        fault = fault_of(path) if path.is_file() else ""
        if fault:
            _refuse(path, fault, name, local)


def check_large_texts(folder: Path, name: str, *, local: bool) -> None:
    """Raise ModelRefused for a large JSON file that is broken: asked once loading has failed."""
    for each in _JSON:
        path = folder / each
        if path.is_file() and path.stat().st_size > _LARGE_BYTES:
            fault = _no_json(path.read_bytes())
            if fault:
                _refuse(path, fault, name, local)


def check_config(folder: Path, names: tuple[str, ...], name: str, *, local: bool) -> None:
    """Raise ModelRefused for the first configuration of a folder that is there and unreadable."""
    for each in names:
        path = folder / each
        fault = fault_of(path) if path.is_file() else ""
        if fault:
            _refuse(path, fault, name, local)


def _refuse(path: Path, fault: str, name: str, local: bool) -> NoReturn:
    raise ModelRefused(f"{named(path, name, local)} {fault}; {way(fault, name, local)}")


def named(path: Path, name: str, local: bool) -> str:
    """Return a file as a message names it: after its model, unless its folder is the model."""
    return clean_path(str(path)) if local else f"{clean(name)}: {clean_path(str(path))}"


def fault_of(path: Path) -> str:
    """Return what is wrong with a text file of a model, or an empty string."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(64)
        fault = fault_of_content(start) or _marked(start, binary=path.suffix == ".model")
        if fault or path.suffix != ".json" or size > _LARGE_BYTES:
            return fault
        return _no_json(start + file.read())


def fault_of_content(start: bytes) -> str:
    """Return what a file is by its first bytes, if it is empty or a pointer of Git LFS, or ""."""
    if not start:
        return "is empty (0 bytes)"
    if start.startswith(LFS):
        return "is a pointer of Git LFS, not the file itself"
    return ""


def way(fault: str, name: str, local: bool) -> str:
    """Return what to do about a fault of a text file."""
    if not local:
        return f"delete it and run `sightline models pull {clean(name)}` again"
    if "Git LFS" in fault:
        return "run `git lfs pull` in its folder, or copy the file itself into it"
    if "UTF" in fault:
        return "save it as UTF-8 without a byte order mark"
    return "copy the file into the folder again"


def _marked(start: bytes, *, binary: bool) -> str:
    if binary:
        converted = start.startswith(b"\r\n")
        return "was changed by a conversion of newlines (Git's autocrlf)" if converted else ""
    if start.startswith(b"\xef\xbb\xbf"):
        return "begins with a byte order mark (UTF-8 with BOM), which its readers do not accept"
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "is UTF-16, not UTF-8"
    return "is not text, but zeros" if not start.strip(b"\0") else ""


def _no_json(content: bytes) -> str:
    try:
        json.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        return f"is not UTF-8 (byte {error.start})"
    except json.JSONDecodeError as error:
        return f"is not valid JSON (line {error.lineno}, column {error.colno}: {error.msg})"
    except RecursionError:
        return "is not valid JSON (nested too deeply)"
    return ""
