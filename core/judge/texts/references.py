"""References: what people wrote about images, read from the files they keep it in.

    captions.json   {"image.jpg": {"caption": "...", "keywords": ["a", "b"]}}; "captions" for
                    several; a text or a list of texts instead of the object
    COCO            {"images": [{"id", "file_name"}], "annotations": [{"image_id", "caption"}]};
                    without captions the names of the categories are keywords
    JSON lines      {"file": "image.jpg", "captions": ["..."], "keywords": ["..."]}, also as a list
    folder          image.txt or image.jpg.txt; every line that is not empty is one reference

An image is found by the end of its path, or its name without ending where that names only one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...config.named_files import read_text
from ...config.spec import canonical
from ...errors import UsageError
from ...text import clean, clean_path, counted

MOST_BYTES = 512 * 2**20
MOST_NAMED = 3
_NAMES = ("file", "file_name", "image", "image_path", "filename", "path", "name", "image_id")
_TEXTS = ("caption", "captions", "references", "reference", "texts", "text")


@dataclass(frozen=True, slots=True)
class Reference:
    """What is right about one image: texts, and keywords in lower case."""

    name: str
    texts: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class References:
    """References of a file or folder. `hash` is of what they say, in any order."""

    path: str
    entries: tuple[Reference, ...]
    hash: str
    complaints: tuple[str, ...] = ()
    """entries that could not be used, and why"""


@dataclass(frozen=True, slots=True)
class Matched:
    """References by image, and what was left over, in words."""

    by_path: Mapping[str, Reference]
    notes: tuple[str, ...]


def read_references(path: Path) -> References:
    """Read references. Raises UsageError for what holds none."""
    where = clean_path(str(path))
    complaints: list[str] = []
    try:
        rows = _folder(path) if path.is_dir() else _file(path, complaints)
        entries = _merged(rows, complaints)
    except OSError as error:
        raise UsageError(f"{where} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{where}: {error}" if where not in str(error) else str(error)) from error
    if not entries:
        why = f"; {complaints[0]}" if complaints else ""
        raise UsageError(f"no references in {where}{why} (docs/compare.md lists the layouts)")
    said = sorted([each.name, list(each.texts), list(each.keywords)] for each in entries)
    digest = hashlib.sha256(canonical(said).encode()).hexdigest()[:12]
    return References(str(path), entries, digest, tuple(_first(complaints)))


def matched(references: References, paths: Iterable[str]) -> Matched:
    """Find the images that references are about. Raises UsageError where none is."""
    wanted = list(dict.fromkeys(paths))
    by_name, by_stem = _index(wanted, os.path.basename), _index(wanted, _stem)
    found: dict[str, Reference] = {}
    absent: list[str] = []
    several: list[str] = []
    for entry in references.entries:
        near = _candidates(entry.name, by_name, by_stem)
        if len(near) == 1:
            found.setdefault(near[0], entry)
        else:
            (several if near else absent).append(entry.name)
    where = clean_path(references.path)
    if not found:
        raise UsageError(
            f"none of {counted(len(references.entries), 'image')} in {where} was scanned (first: "
            f"{clean(references.entries[0].name, limit=80)}; scanned: "
            f"{clean_path(os.path.basename(wanted[0])) if wanted else 'nothing'})"
        )
    without = [os.path.basename(path) for path in wanted if path not in found]
    notes = [
        _named(absent, "{} in " + where + " {was} not scanned"),
        _named(several, "{} in " + where + " {was} ambiguous: the name fits several images"),
        _named(without, "{} {has} no reference in " + where),
    ]
    return Matched(found, (*references.complaints, *filter(None, notes)))


def _named(names: list[str], text: str) -> str:
    if not names:
        return ""
    one = len(names) == 1
    filled = text.replace("{was}", "was" if one else "were")
    filled = filled.replace("{has}", "has" if one else "have")
    more = ", ..." if len(names) > MOST_NAMED else ""
    listed = ", ".join(clean(name, limit=60) for name in names[:MOST_NAMED])
    return f"{filled.replace('{}', counted(len(names), 'image'), 1)} ({listed}{more})"


def _index(paths: Iterable[str], key: Any) -> dict[str, list[str]]:
    index: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        index[key(path)].append(path)
    return index


def _candidates(
    name: str, by_name: Mapping[str, list[str]], by_stem: Mapping[str, list[str]]
) -> list[str]:
    parts = Path(name.replace("\\", "/")).parts
    base = parts[-1] if parts else name
    near = by_name.get(base) or by_stem.get(_number(base)) or []
    if len(near) < 2:
        return near
    end = [path for path in near if Path(path).parts[-len(parts) :] == parts]
    return end if len(end) == 1 else near


def _stem(path: str) -> str:
    return _number(os.path.splitext(os.path.basename(path))[0])


def _number(name: str) -> str:
    """Return a name without leading zeros where it is a number, as COCO's identifiers are."""
    return name.lstrip("0") if name.isdigit() else name


def _folder(path: Path) -> Iterator[tuple[str, Any]]:
    for file in sorted(path.iterdir()):
        if file.suffix.lower() == ".txt" and file.is_file():
            lines = [line.strip() for line in read_text(file, MOST_BYTES).splitlines()]
            yield file.name[: -len(file.suffix)], [line for line in lines if line]


def _file(path: Path, complaints: list[str]) -> Iterator[tuple[str, Any]]:
    text = read_text(path, MOST_BYTES)
    if not text.strip():
        raise ValueError("the file is empty")
    try:
        body = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError as error:
        if path.suffix.lower() == ".json" and "Extra data" not in str(error):
            raise ValueError(f"not valid JSON: {clean(str(error), limit=120)}") from error
        return _lines(text, complaints)
    if isinstance(body, list):
        return _rows(body, complaints, "entry")
    if not isinstance(body, dict):
        raise ValueError("must be a JSON object, a list, or JSON lines")
    if isinstance(body.get("annotations"), list):
        return _coco(body, complaints)
    if any(name in body for name in _NAMES) and any(name in body for name in _TEXTS):
        return _rows([body], complaints, "entry")
    return iter(body.items())


def _lines(text: str, complaints: list[str]) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            yield from _rows([json.loads(line)], complaints, f"line {number}:")
        except (ValueError, RecursionError) as error:
            complaints.append(f"line {number} is not valid JSON: {clean(str(error), limit=80)}")


def _rows(rows: Iterable[Any], complaints: list[str], what: str) -> Iterator[tuple[str, Any]]:
    for number, row in enumerate(rows, 1):
        name = next((row[n] for n in _NAMES if n in row), None) if isinstance(row, dict) else None
        if isinstance(name, (str, int)):
            yield str(name), row
        else:
            place = what if what.endswith(":") else f"{what} {number}:"
            complaints.append(f"{place} names no image ({', '.join(_NAMES[:3])}, ...)")


def _coco(body: Mapping[str, Any], complaints: list[str]) -> Iterator[tuple[str, Any]]:
    names = _of_ids(body.get("images"), "file_name")
    categories = _of_ids(body.get("categories"), "name")
    unknown = 0
    for each in body["annotations"]:
        about = each if isinstance(each, dict) else {}
        name = names.get(_id(about, "image_id"))
        if name is None:
            unknown += 1
        elif isinstance(about.get("caption"), str):
            yield name, about["caption"]
        elif _id(about, "category_id") in categories:
            yield name, {"keywords": [categories[about["category_id"]]]}
    if unknown:
        complaints.append(f"{counted(unknown, 'annotation')} of images that the file does not list")


def _id(row: Mapping[str, Any], field: str) -> str | int | None:
    found = row.get(field)
    return found if isinstance(found, (str, int)) else None


def _of_ids(rows: Any, field: str) -> dict[Any, str]:
    listed = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return {row["id"]: str(row[field]) for row in listed
            if field in row and _id(row, "id") is not None}  # fmt: skip


def _merged(rows: Iterable[tuple[str, Any]], complaints: list[str]) -> tuple[Reference, ...]:
    texts: dict[str, list[str]] = defaultdict(list)
    keywords: dict[str, list[str]] = defaultdict(list)
    for name, value in rows:
        said, words = _said(value)
        if not said and not words:
            complaints.append(f"{clean(name, limit=80)} has neither a text nor keywords")
        texts[name] += said
        keywords[name] += words
    return tuple(
        Reference(name, tuple(dict.fromkeys(texts[name])), tuple(dict.fromkeys(keywords[name])))
        for name in texts if texts[name] or keywords[name]
    )  # fmt: skip


def _said(value: Any) -> tuple[list[str], list[str]]:
    if isinstance(value, (str, list)):
        return _strings(value), []
    if not isinstance(value, dict):
        return [], []
    texts = next((_strings(value[name]) for name in _TEXTS if name in value), [])
    given = value.get("keywords", value.get("tags", []))
    words = given.split(",") if isinstance(given, str) else _strings(given)
    return texts, [word.strip().casefold() for word in words if word.strip()]


def _strings(value: Any) -> list[str]:
    """Return texts: one, several, or several objects that have one each."""
    listed = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    texts = [each.get("caption") if isinstance(each, dict) else each for each in listed]
    return [each.strip() for each in texts if isinstance(each, str) and each.strip()]


def _first(complaints: list[str]) -> Iterator[str]:
    yield from complaints[:MOST_NAMED]
    if len(complaints) > MOST_NAMED:
        more = counted(len(complaints) - MOST_NAMED, "more entry", "more entries")
        yield f"{more} cannot be used"
