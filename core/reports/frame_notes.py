"""What models said about a source, put together frame by frame.

Where an answer stands is what its stage declares: `slot` names a field of the frame, of the object
or of the candidate it is about. Answers of stages without a slot are listed as they are. So no
stage is named here, and one that comes later needs no line here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..config.stages import STAGES, declared
from ..inference.objects import part_of
from ..inference.tracks import track
from ..protocol.fact_line import fact_line
from ..records import Box
from ..storage.export.document import DetectedObject, FrameNotes, StageAnswer
from ..stores.answers import Annotation

_ANSWER = ("text", "finish", "prompt", "facts")
_AT_TIMES = ("frames", "frames_shown", "data")
"""of an answer about several frames at once, or of one that is JSON of a schema"""
Holders = Mapping[str, str]
"""by slot the stage whose answers fill it"""


def frame_notes(annotations: Iterable[Annotation], *, tracks: bool) -> tuple[FrameNotes, ...]:
    """Return notes of each frame, in order of time; `tracks` numbers things over time."""
    kept = list(annotations)
    if not kept:  # as of most pictures of most scans
        return ()
    holders = slot_holders({note.stage for note in kept})
    by_frame: dict[int, list[Annotation]] = {}
    for annotation in kept:
        if annotation.stage != holders.get("verdict"):
            by_frame.setdefault(annotation.frame, []).append(annotation)
    notes = [_notes(group, holders) for group in by_frame.values()]
    notes.sort(key=lambda each: each.seconds)
    return tuple(_tracked(notes) if tracks else notes)


def verdicts(annotations: Iterable[Annotation]) -> tuple[dict[str, Any], ...]:
    """Return what was said about each candidate, in order of time."""
    kept = list(annotations)
    if not kept:
        return ()
    stage = slot_holders({note.stage for note in kept}).get("verdict")
    found = [note for note in kept if note.stage == stage]
    return tuple(
        {"frame": note.frame, "seconds": note.seconds, **note.body}
        for note in sorted(found, key=lambda note: note.seconds)
    )


def verdict_stage(annotations: Iterable[Annotation]) -> str:
    """Return the stage that judged candidates; empty where none did."""
    return slot_holders({note.stage for note in annotations}).get("verdict", "")


def verdict_lines(found: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield verdicts in words, each with the facts about its answer."""
    stage = next((n for n in STAGES.names() if (s := declared(n)) and s.slot == "verdict"), "")
    for verdict in found:
        yield from _lines(stage, verdict)


def slot_holders(stages: set[str]) -> dict[str, str]:
    """Return which stage fills each slot: the first of the registry that is there."""
    holders: dict[str, str] = {}
    # Plugins are looked up only where a stage of one answered: it reads their settings.
    built_in = [name for name in STAGES.built_in if name in stages]
    named = built_in if len(built_in) == len(stages) else STAGES.names()
    for name in named:
        stage = declared(name) if name in stages else None
        if stage is not None and stage.slot:
            holders.setdefault(stage.slot, name)
    return holders


def answer_line(stage: str, body: Mapping[str, Any]) -> str:
    """Return an answer in one line, as its stage declares; as JSON where it cannot be read."""
    found = declared(stage)
    try:
        if found is not None and "error" not in body:
            return found.line(body)
    except Exception:  # noqa: S110 - an answer that another version of the stage kept
        pass
    return f"{stage}: {json.dumps(body)}"


def _notes(group: Sequence[Annotation], holders: Holders) -> FrameNotes:
    answered = [note for note in group if not note.failed and not note.gated]
    whole = {note.stage: note for note in answered if "," not in note.part}
    tags, caption = (whole.get(holders.get(slot, "")) for slot in ("tags", "caption"))
    vector = next((n for n in answered if n.stage == holders.get("vector") and not n.part), None)
    notes = FrameNotes(
        frame=group[0].frame,
        seconds=group[0].seconds,
        tags=tuple(tags.body.get("tags", ())) if tags else (),
        caption=_answer(caption),
        things=tuple(_things(answered, holders)),
        vector=vector.vector if vector else None,
        failures=tuple((note.stage, note.failed) for note in group if note.failed),
        gated=tuple((note.stage, note.gated) for note in group if note.gated),
        answers=tuple(_answers_without_a_slot(answered, holders)),
        stages=holders,
    )
    return replace(notes, lines=tuple(_frame_lines(notes, tags, caption)))


def _answers_without_a_slot(
    answered: Iterable[Annotation], holders: Holders
) -> Iterator[StageAnswer]:
    for note in answered:
        if note.stage not in holders.values():
            line = answer_line(note.stage, note.body)
            yield StageAnswer(note.stage, note.part, line, note.body)


def _frame_lines(
    notes: FrameNotes, tags: Annotation | None, caption: Annotation | None
) -> Iterator[str]:
    """Yield what was said about a frame in words."""
    if tags is not None and notes.tags:
        yield answer_line(tags.stage, tags.body)
    if caption is not None:
        yield from _lines(caption.stage, caption.body)
    yield from (answer.line for answer in notes.answers)
    for thing in notes.things:
        x, y, width, height = thing.box
        text = thing.description["text"] if thing.description else ""
        name = f"{thing.label} {thing.score:.2f}"
        yield f"{name} at {x:.0f},{y:.0f} {width:.0f}x{height:.0f} {text}".rstrip()
    for stage, reason in notes.gated:
        yield f"{stage}: not asked ({reason})"


def _lines(stage: str, body: Mapping[str, Any]) -> Iterator[str]:
    yield answer_line(stage, body)
    facts = fact_line(body.get("facts", {}))
    if facts:
        yield f"  facts: {facts}"


def _things(answered: Sequence[Annotation], holders: Holders) -> list[DetectedObject]:
    of_part: dict[tuple[str, str], Annotation] = {
        (note.stage, note.part.rpartition("|")[0] or note.part): note for note in answered
    }

    def about(slot: str, part: str) -> Annotation | None:
        return of_part.get((holders.get(slot, ""), part))

    found = []
    boxes = (note for note in answered if note.stage == holders.get("objects"))
    for each in (each for note in boxes for each in note.body.get("objects", ())):
        box = Box(each["label"], each["score"], *each["box"])
        part = part_of(box)
        mask, vector = about("mask", part), about("vector", part)
        found.append(
            DetectedObject(
                label=box.label,
                score=box.score,
                box=(box.x, box.y, box.width, box.height),
                mask=mask.body["mask"] if mask else None,
                description=_answer(about("description", f"{part}|{box.label}")),
                vector=vector.vector if vector else None,
            )
        )
    return found


def _answer(note: Annotation | None) -> dict[str, Any] | None:
    if note is None:
        return None
    there = (key for key in _AT_TIMES if key in note.body)
    return {key: note.body[key] for key in (*_ANSWER, *there)}


def _tracked(notes: list[FrameNotes]) -> list[FrameNotes]:
    frames = [
        (each.seconds, [Box(t.label, t.score, *t.box) for t in each.things]) for each in notes
    ]
    return [
        replace(
            each,
            things=tuple(
                replace(thing, track=number)
                for thing, number in zip(each.things, numbers, strict=True)
            ),
        )
        for each, numbers in zip(notes, track(frames), strict=True)
    ]
