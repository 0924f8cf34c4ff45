"""What models said about a source, put together frame by frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ..inference.objects import part_of
from ..inference.tracks import track
from ..records import Box
from ..storage.export.document import DetectedObject, FrameNotes
from ..stores.answers import Annotation

_ANSWER = ("text", "finish", "prompt", "facts")


def frame_notes(annotations: Iterable[Annotation], *, tracks: bool) -> tuple[FrameNotes, ...]:
    """Return notes of each frame, in order of time; `tracks` numbers things over time."""
    by_frame: dict[int, list[Annotation]] = {}
    for annotation in annotations:
        if annotation.stage != "verify":
            by_frame.setdefault(annotation.frame, []).append(annotation)
    notes = [_notes(group) for group in by_frame.values()]
    notes.sort(key=lambda each: each.seconds)
    return tuple(_tracked(notes) if tracks else notes)


def verdicts(annotations: Iterable[Annotation]) -> tuple[dict[str, Any], ...]:
    """Return what was said about each candidate, in order of time."""
    found = [note for note in annotations if note.stage == "verify"]
    return tuple(
        {"frame": note.frame, "seconds": note.seconds, **note.body}
        for note in sorted(found, key=lambda note: note.seconds)
    )


def _notes(group: Sequence[Annotation]) -> FrameNotes:
    said = {note.stage: note for note in group if not note.part.count(",") and not note.failed}
    first = group[0]
    tags = said.get("tag")
    vector = next((n.vector for n in group if n.stage == "embed" and not n.part), None)
    return FrameNotes(
        frame=first.frame,
        seconds=first.seconds,
        tags=tuple(tags.body.get("tags", ())) if tags else (),
        caption=_answer(said.get("caption")),
        things=tuple(_things(group)),
        vector=vector,
        failures=tuple((note.stage, note.failed) for note in group if note.failed),
    )


def _things(group: Sequence[Annotation]) -> list[DetectedObject]:
    of_part: dict[tuple[str, str], Annotation] = {
        (note.stage, note.part.rpartition("|")[0] or note.part): note
        for note in group
        if not note.failed
    }
    found = []
    for note in group:
        for each in note.body.get("objects", ()) if note.stage == "detect" else ():
            box = Box(each["label"], each["score"], *each["box"])
            part = part_of(box)
            mask, vector = of_part.get(("segment", part)), of_part.get(("embed", part))
            found.append(
                DetectedObject(
                    label=box.label,
                    score=box.score,
                    box=(box.x, box.y, box.width, box.height),
                    mask=mask.body["mask"] if mask else None,
                    description=_answer(of_part.get(("describe", f"{part}|{box.label}"))),
                    vector=vector.vector if vector else None,
                )
            )
    return found


def _answer(note: Annotation | None) -> dict[str, Any] | None:
    return {key: note.body[key] for key in _ANSWER} if note else None


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
