"""The answers of a finished scan, item by item, in a form that two scans can be compared by.

An item is one question about one frame, object or candidate of a source. How far an answer is one
(`State`) stays apart from what it says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ...config.stages import STAGES, Slot, declared
from ...errors import UsageError
from ...protocol.answer_facts import State
from ...records import Box
from ...storage.library import Library
from ...storage.runs import ScanRow, TaskRow
from ...stores.answers import Annotation
from ..frame_notes import answer_line

ItemKey = tuple[str, int, str]
"""content, frame, and the part of the frame; that of a whole frame is empty"""
NOT_FINISHED = ("running", "queued")
"""states of scans that may still answer"""
NOT_COMPARED: tuple[Slot, ...] = ("vector", "mask")
_UNPARSED = re.compile(
    r"the answer (?:cannot be checked|contains no JSON|does not conform|is nested)"
)
_OF_VERDICTS: dict[str, State] = {"unparsed": "unparsed", "truncated": "truncated"}
_COMMIT = re.compile(r"[0-9a-f]{12,64}")
_TRUNCATED = "the answer is cut off"


@dataclass(frozen=True, slots=True)
class ItemAnswer:
    """One answer. `reason` says why there is none; `id` is the library's number of it."""

    key: ItemKey
    path: str
    seconds: float
    state: State
    text: str = ""
    tags: tuple[str, ...] | None = None
    boxes: tuple[Box, ...] | None = None
    verdict: str = ""
    reason: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    id: int = 0

    @property
    def is_answer(self) -> bool:
        """Return whether it says anything; also a text that was cut off does."""
        cut_off = self.state == "truncated" and not (self.reason or self.verdict)
        return self.state == "answered" or cut_off


@dataclass(frozen=True)
class ScanAnswers:
    """The answers of a scan by stage, each by its key, in the order of the sources."""

    row: ScanRow
    tasks: Sequence[TaskRow]
    by_stage: Mapping[str, Mapping[ItemKey, ItemAnswer]]
    identities: Mapping[str, Sequence[Mapping[str, Any]]]
    """by stage how its answers were asked for: more than one after a part of a scan was changed"""

    @cached_property
    def kinds(self) -> Mapping[str, str]:
        """Return by path whether a source is a video or a picture."""
        return {task.path: task.kind for task in self.tasks}

    def model(self, stage: str) -> str:
        """Return the model of a stage with its revision: `org/name@1234567`."""
        names = [_named(each) for each in self.identities.get(stage, ())]
        return ", ".join(dict.fromkeys(names))


def scan_answers(library: Library, scan: int) -> ScanAnswers:
    """Return what models answered in a scan.

    Raises UnknownName, UsageError for a job of another kind and a scan that asked no model.
    """
    row = library.runs.get(scan)
    tasks = library.runs.tasks(scan)
    asked = library.annotations.identities(row.spec_hash)
    identities: dict[str, list[Mapping[str, Any]]] = {}
    for stage, identity in asked:
        identities.setdefault(stage, []).append(identity)
    found = _answers(library, row, tasks)
    if not found:
        models = any(not _is_screening(name) for name in row.spec.get("stages", ()))
        why = "has no answers of models" if models else "asked no model"
        raise UsageError(f"scan {scan} {why}; `sightline results {scan}` lists what it found")
    return ScanAnswers(row, tasks, found, identities)


def _answers(
    library: Library, row: ScanRow, tasks: Sequence[TaskRow]
) -> dict[str, dict[ItemKey, ItemAnswer]]:
    kept = {str(task.content): task for task in tasks if task.content is not None}
    notes = library.annotations.of_results(list(kept), row.spec_hash, vectors=False)
    found: dict[str, dict[ItemKey, ItemAnswer]] = {}
    for content, task in kept.items():
        for note in notes.get(content, ()):
            slot = _slot(note.stage)
            if slot not in NOT_COMPARED:
                answer = _item(note, slot, content, task.path)
                found.setdefault(note.stage, {})[answer.key] = answer
    return {name: found[name] for name in sorted(found, key=_place)}


def _item(note: Annotation, slot: Slot, content: str, path: str) -> ItemAnswer:
    try:
        return _read(note, slot, content, path)
    except (AttributeError, KeyError, TypeError, ValueError):  # of another version, or a plugin
        key = (content, note.frame, _about(note, slot))
        why = "the stored answer has another layout than this version of its stage"
        return ItemAnswer(key, path, note.seconds, "failed", reason=why, id=note.id)


def _read(note: Annotation, slot: Slot, content: str, path: str) -> ItemAnswer:
    body = note.body
    answers = not (note.failed or note.gated)
    return ItemAnswer(
        key=(content, note.frame, _about(note, slot)),
        path=path,
        seconds=note.seconds,
        state=_state(note),
        text=_text(note, slot) if answers else "",
        tags=_tags(body) if slot == "tags" and answers else None,
        boxes=_boxes(body) if slot == "objects" and answers else None,
        verdict=str(body.get("state", "")) if slot == "verdict" else "",
        reason=note.failed or note.gated,
        facts=dict(body.get("facts") or {}),
        id=note.id,
    )


def _about(note: Annotation, slot: Slot) -> str:
    """Return the part of the frame: the object with its label, the candidate; else nothing.

    What filled a prompt is part of a question, but not of what it is about.
    """
    if slot == "description":
        return "|".join(note.part.split("|")[:2])
    return note.part if slot in ("verdict", "") else ""


def _state(note: Annotation) -> State:
    body = note.body
    if note.gated:
        return "gated"
    said: State | None = _OF_VERDICTS.get(str(body.get("state", "")))
    if said is not None:
        return said
    if note.failed:
        if note.failed.startswith(_TRUNCATED):
            return "truncated"
        return "unparsed" if _UNPARSED.match(note.failed) else "failed"
    return "truncated" if body.get("finish") == "length" else "answered"


def _text(note: Annotation, slot: Slot) -> str:
    body = note.body
    if slot == "" and "text" not in body:
        return answer_line(note.stage, body)
    if slot == "verdict" and body.get("reason"):
        return str(body["reason"])
    return str(body.get("text") or "")


def _tags(body: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(each["tag"]) for each in body.get("tags", ()))


def _boxes(body: Mapping[str, Any]) -> tuple[Box, ...]:
    return tuple(Box(str(each["label"]), float(each["score"]), *map(float, each["box"]))
                 for each in body.get("objects", ()))  # fmt: skip


def _slot(stage: str) -> Slot:
    found = declared(stage)
    return found.slot if found is not None else ""


def _is_screening(stage: str) -> bool:
    found = declared(stage)
    return found is not None and found.role == "screening"


def _place(stage: str) -> tuple[int, str]:
    names = list(STAGES.names())
    return (names.index(stage) if stage in names else len(names)), stage


def _named(identity: Mapping[str, Any]) -> str:
    revision = str(identity.get("revision", ""))
    short = revision[:7] if _COMMIT.fullmatch(revision) else revision
    return f"{identity.get('model', '')}@{short}" if short else str(identity.get("model", ""))


def stages_of(found: ScanAnswers, wanted: str) -> Iterator[str]:
    """Yield the stages to report: the one named, or all. Raises UsageError for an absent one."""
    if wanted and wanted not in found.by_stage:
        have = ", ".join(found.by_stage)
        raise UsageError(f"scan {found.row.id} has no answers of stage '{wanted}'; it has {have}")
    yield from (name for name in found.by_stage if wanted in ("", name))
