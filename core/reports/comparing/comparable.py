"""What differs in how two scans asked, and whether their answers can be compared at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...config.spec import canonical
from ...protocol.run_diff import KeyChange
from ...text import clean
from .answers import ScanAnswers

QUESTION = {
    "text": "prompt", "system": "system prompt", "extra": "extra instructions",
    "variables": "prompt variables", "preamble": "preamble", "labels": "labels",
    "words": "vocabulary", "template": "template",
}  # fmt: skip
"""parts of an identity that are the question itself: answers to another one cannot be compared"""
_IGNORED = ("prompt", "pixels")
"""the name of a prompt, whose text counts; the conversion of pixels belongs to the file"""
MOST_LETTERS = 60


def changes(before: ScanAnswers, after: ScanAnswers, stage: str) -> tuple[KeyChange, ...]:
    """Return what differs in how a stage asked."""
    return tuple(_changes(before, after, stage))


def _changes(before: ScanAnswers, after: ScanAnswers, stage: str) -> Iterator[KeyChange]:
    one, other = (_values(each.identities.get(stage, ())) for each in (before, after))
    schemas = [_schema(each, stage) for each in (before, after)]
    if schemas[0] != schemas[1]:
        yield KeyChange("schema", _shown(schemas[0]), _shown(schemas[1]), asks=True)
    for name in dict.fromkeys((*one, *other)):
        differs = one.get(name) != other.get(name) and name not in _IGNORED
        if differs and not (name == "extra" and schemas[0] != schemas[1]):
            values = [", ".join(each.get(name, ("none",))) for each in (one, other)]
            shown = QUESTION.get(name, name)
            yield KeyChange(shown, _shown(values[0]), _shown(values[1]), name in QUESTION)


def _values(identities: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Return by name the different values of a stage's identities, as text."""
    found: dict[str, set[str]] = {}
    for identity in identities:
        for name, value in identity.items():
            text = value if isinstance(value, str) else canonical(value)
            found.setdefault(name, set()).add(text)
    return {name: tuple(sorted(texts)) for name, texts in found.items()}


def _schema(found: ScanAnswers, stage: str) -> str:
    table = found.row.spec.get(stage)
    return str(table.get("json_schema", "")) if isinstance(table, dict) else ""


def _shown(text: str) -> str:
    return clean(text, limit=MOST_LETTERS) or "none"


def why_not(found: Sequence[KeyChange]) -> tuple[str, ...]:
    """Return which questions differ, in words; nothing where both asked the same."""
    return tuple(f"different {each.name} ('{each.before}', '{each.after}')"
                 for each in found if each.asks)  # fmt: skip
