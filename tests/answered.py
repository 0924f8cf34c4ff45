"""Libraries with finished scans whose answers are given, not asked of a model."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from core.config.profiles import build
from core.records import SourceInfo
from core.storage.library import Library
from core.storage.runs import TaskRow
from core.stores.answers import Annotation, AnswerKey
from core.stores.results import Result

Body = Mapping[str, Any]
PROMPT = "Describe the picture."


def said(text: str, *, finish: str = "stop", **facts: Any) -> dict[str, Any]:
    """Return the body of a VLM's answer."""
    return {"text": text, "finish": finish, "prompt": "detailed_description@1", "facts": facts}


def add_scan(
    library: Library,
    model: str,
    answers: Mapping[str, Mapping[str, Body] | Mapping[str, Sequence[tuple[float, Body]]]],
    *,
    kind: str = "picture",
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    **asked: Any,
) -> int:
    """Add a scan: by stage and path the body of each answer, or (seconds, body) for each frame.

    `asked` is part of how its questions were asked. The content of a file is named by its path.
    """
    tables = {"stages": list(answers), **(settings or {})}
    spec = build({**tables, "models": {"revisions": {model: "abcdef1"}}, "vlm": {"model": model}},
                 "test", "test")  # fmt: skip
    paths = list(dict.fromkeys(path for bodies in answers.values() for path in bodies))
    infos = [_info(path, kind) for path in paths]
    library.results.remember([(info, 1) for info in infos])
    numbers: dict[str, list[int]] = {path: [] for path in paths}
    for stage, bodies in answers.items():
        identity = {"model": model, "revision": "abcdef1", "text": PROMPT, "version": 1, **asked}
        key = library.annotations.register(AnswerKey(stage, identity))
        for path, body in bodies.items():
            frames = [(0.0, body)] if isinstance(body, Mapping) else body
            notes = [(_content(path), Annotation(stage, n, at, "", dict(each)))
                     for n, (at, each) in enumerate(frames)]  # fmt: skip
            numbers[path] += [each.id for each in library.annotations.keep(key, notes)]
    library.results.keep(
        [Result(_content(path), spec.hash(), 1, "", (), {"spec": {}, "stages": {}}, {}, (), (),
                tuple(numbers[path])) for path in paths]
    )  # fmt: skip
    tasks = [TaskRow(0, n, path, kind, _content(path), "done", "", 1, 0, 0.1)
             for n, path in enumerate(paths)]  # fmt: skip
    scan = library.runs.create("test", spec.model_dump(mode="json"), spec.hash(), {}, tasks)
    library.runs.set_state(scan, "done")
    return scan


def _content(path: str) -> str:
    return f"b2:{blake2b(os.fsencode(path), digest_size=16).hexdigest()}"


def _info(path: str, kind: str) -> SourceInfo:
    return SourceInfo(path, kind, _content(path), 1, 8, 8, "jpeg", "mjpeg")  # type: ignore[arg-type]
