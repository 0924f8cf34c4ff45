"""What one stage of a scan gave for each source, and files of that: golden results.

A golden file is JSON lines: a heading with the stage and its version, then a line for each source,
by content. It can be kept in a repository and compared with long after.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..config.named_files import read_text
from ..config.spec import Spec
from ..config.stages import declared
from ..errors import UsageError
from ..scans.stored_spec import spec_of
from ..storage.library import Library
from ..stores.answers import Annotation
from ..text import clean, clean_path, counted, nearest
from .agreement import alike, key_of, same

FORMAT, VERSION = "sightline.golden", 1
MOST_BYTES = 2**30


@dataclass(frozen=True, slots=True)
class StageOutput:
    """Candidates of a screening stage as JSON values, and answers of a model stage."""

    candidates: tuple[dict[str, Any], ...]
    answers: tuple[Annotation, ...]


@dataclass(frozen=True, slots=True)
class Golden:
    """A golden file that was read: the output of a stage by content."""

    stage: str
    stage_version: int
    sources: Mapping[str, StageOutput]


def check_stage(spec: Spec, stage: str) -> None:
    """Raise UsageError if a spec has no such stage."""
    if stage not in spec.stages:
        known = list(spec.stages)
        raise UsageError(
            f"that scan has no stage '{clean(stage)}'{nearest(stage, known)}; "
            f"it has {', '.join(known)}"
        )


def check_replay(spec: Spec, stage: str, golden: Golden | None) -> None:
    """Raise UsageError if a stage cannot be compared with a golden file."""
    check_stage(spec, stage)
    if golden is not None and golden.stage != stage:
        raise UsageError(f"the golden file contains stage '{clean(golden.stage)}', not '{stage}'")


def version_of(stage: str) -> int:
    """Return the version of a stage as it is installed."""
    found = declared(stage)
    return int(found.version) if found is not None else 0


def output_of(library: Library, content: str, spec: Spec, stage: str) -> StageOutput | None:
    """Return what a stage gave for a content; None where there is no result."""
    result = library.results.get(content, spec.hash())
    if result is None:
        return None
    answers = library.annotations.of_result(content, spec.hash())
    candidates = [asdict(each) for each in result.candidates if each.stage == stage]
    return StageOutput(
        tuple(json.loads(json.dumps(each)) for each in candidates),
        tuple(note for note in answers if note.stage == stage),
    )


def difference(before: StageOutput, now: StageOutput) -> str:
    """Return how two outputs differ, in words; empty where they are the same.

    Candidates are compared number by number, answers as in `agreement.py`.
    """
    found = _difference_of_candidates(before.candidates, now.candidates)
    others = {key_of(note): note for note in now.answers}
    changed = [
        note for note in before.answers
        if key_of(note) not in others or not same(note, others[key_of(note)])
    ]  # fmt: skip
    more = len(now.answers) - len(before.answers)
    if changed:
        first = min(changed, key=lambda note: note.frame)
        found.append(
            f"{len(changed)} of {counted(len(before.answers), 'answer')} changed, first at frame "
            f"{first.frame}"
        )
    if more > 0:
        found.append(f"{counted(more, 'answer')} more than {len(before.answers)}")
    return "; ".join(found)


def _difference_of_candidates(
    before: tuple[dict[str, Any], ...], now: tuple[dict[str, Any], ...]
) -> list[str]:
    if before == now:
        return []
    if len(before) != len(now):
        return [f"{counted(len(now), 'candidate')} instead of {len(before)}"]
    for number, (one, other) in enumerate(zip(before, now, strict=True)):
        for name in one:
            if one[name] != other.get(name):
                near = ", within 1 %" if alike(one[name], other.get(name)) else ""
                return [
                    f"candidate {number} at frame {one['peak_frame']}: {name} {other.get(name)} "
                    f"instead of {one[name]}{near}"
                ]
    return ["candidates have different fields"]


def golden_rows(library: Library, scan: int, stage: str) -> Iterator[dict[str, Any]]:
    """Yield the lines of a golden file of what is kept. Raises UnknownName, UsageError."""
    spec = spec_of(library, scan)
    check_stage(spec, stage)
    yield {
        "format": FORMAT, "version": VERSION, "stage": stage, "stage_version": version_of(stage),
        "profile": spec.profile, "spec_hash": spec.hash(),
    }  # fmt: skip
    for task in library.runs.tasks(scan):
        found = output_of(library, task.content, spec, stage) if task.content else None
        if found is not None:
            yield {
                "content": task.content, "candidates": list(found.candidates),
                "answers": [_answer_row(note) for note in found.answers],
            }  # fmt: skip


def read_golden(path: Path) -> Golden:
    """Return a golden file. Raises UsageError for a file that is none."""
    try:
        heading, *rows = (json.loads(line) for line in read_text(path, MOST_BYTES).splitlines())
        if not all(isinstance(row["content"], str) for row in rows):
            raise ValueError("a content that is no text")
        if (heading["format"], heading["version"]) != (FORMAT, VERSION):
            raise ValueError("another format or version")
        sources = {row["content"]: _read(row, str(heading["stage"])) for row in rows}
        return Golden(str(heading["stage"]), int(heading["stage_version"]), sources)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(
            f"{clean_path(str(path))} is not a golden file of this version ({clean(str(error))}); "
            "write one with `runs verify SCAN --stage NAME --write-golden FILE`"
        ) from error


def _answer_row(note: Annotation) -> dict[str, Any]:
    vector = None if note.vector is None else note.vector.astype("<f4").tobytes()
    return {
        "frame": note.frame, "seconds": note.seconds, "part": note.part, "body": note.body,
        "vector": None if vector is None else base64.b64encode(vector).decode(),
    }  # fmt: skip


def _read(row: Mapping[str, Any], stage: str) -> StageOutput:
    return StageOutput(
        tuple(dict(each) for each in row["candidates"]),
        tuple(
            Annotation(
                stage, int(each["frame"]), float(each["seconds"]), str(each["part"]),
                dict(each["body"]), _vector(each["vector"]),
            )
            for each in row["answers"]
        ),
    )  # fmt: skip


def _vector(text: str | None) -> Any:
    if text is None:
        return None
    return np.frombuffer(base64.b64decode(text, validate=True), "<f4").astype(np.float32)
