"""A scan against a truth file."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from ..config.stages import event_stages
from ..errors import UsageError
from ..judge.score import Footage, Score, Truth, VideoScore, read_truths, score, total
from ..protocol.queries import ScoreRequest
from ..protocol.scores import Scored
from ..storage.export.document import Document
from ..storage.export.edl import ascii_name, start_timecode
from ..storage.library import Library
from ..text import clean, clean_path, counted, readable
from .documents import documents

_OF_OUR_FILES = re.compile(r"(-Scenes|\.truth|[._ -]corrected)$", re.IGNORECASE)
"""what programs and people put behind a video's name; PySceneDetect writes `VIDEO-Scenes.csv`"""


def scored(library: Library, scan: int, request: ScoreRequest) -> Scored:
    """Score each source of a scan that the truth names. Raises UsageError."""
    found = [filed.document for filed in documents(library, scan)]
    videos = [document for document in found if document.source.kind == "video"] or found
    truths = read_truths(request.truth, [_footage(document) for document in videos])
    pairs = _paired(videos, truths, request, scan)
    scores = [VideoScore(d.source.path, _one(d, truth, request)) for d, truth in pairs]
    known = {id(truth) for _, truth in pairs}
    scored_ids = {id(document) for document, _ in pairs}
    return Scored(
        total([each.score for each in scores]),
        tuple(scores),
        tuple(truth.video for truth in truths if id(truth) not in known),
        tuple(document.source.path for document in videos if id(document) not in scored_ids),
    )


def _one(document: Document, truth: Truth, request: ScoreRequest) -> Score:
    """Score one source. True events of a kind of ours that is not judged are passed over."""
    judged = request.events
    moments = [m for m in document.moments if not judged or m.kind in judged]
    events = truth.cuts if truth.cuts and tuple(judged) == ("cut",) else truth.events
    apart = set(event_stages()) - set(judged) - set(request.kinds) if judged else set()
    rate = document.source.frame_rate
    return score(
        moments,
        [event for event in events if event.kind not in apart],
        request.kinds,
        request.tolerance_seconds,
        request.stroke_tolerance_seconds,
        1 / rate if rate else 0.0,
    )


def _paired(
    videos: Sequence[Document], truths: Sequence[Truth], request: ScoreRequest, scan: int
) -> list[tuple[Document, Truth]]:
    """Return which truth is about which source. Raises UsageError where that is not clear."""
    if len(truths) == 1 and len(videos) == 1 and (request.any_video or not truths[0].video):
        return [(videos[0], truths[0])]
    pairs = [(video, truth) for truth in truths if (video := _about(truth, videos, request))]
    if not pairs:
        raise UsageError(_no_pair(videos, truths, request, scan))
    if len({id(video) for video, _ in pairs}) < len(pairs):
        twice = next(v for v, _ in pairs if sum(v is other for other, _ in pairs) > 1)
        raise UsageError(
            f"the truth file names {clean_path(twice.source.path)} twice; merge its events"
        )
    return pairs


def _about(truth: Truth, videos: Sequence[Document], request: ScoreRequest) -> Document | None:
    """Return the source a truth is about: by content, then by path or name. Raises UsageError."""
    if truth.content:
        same = [video for video in videos if video.source.content == truth.content]
        if len(same) == 1:
            return same[0]
    found, wanted = _called(truth.video or "", videos, request.truth)
    if len(found) > 1:
        raise UsageError(
            f"{counted(len(found), 'source is', 'sources are')} called {clean(wanted)}; "
            "name the video by its full path"
        )
    return found[0] if found else None


def _no_pair(
    videos: Sequence[Document], truths: Sequence[Truth], request: ScoreRequest, scan: int
) -> str:
    have = ", ".join(clean_path(os.path.basename(v.source.path)) for v in videos[:3]) or "none"
    have += f" and {len(videos) - 3} more" if len(videos) > 3 else ""
    about = ", ".join(clean_path(truth.video) for truth in truths[:3] if truth.video)
    shown = clean_path(str(request.truth))
    if not about:
        return (
            f"{shown} does not name its video, and scan {scan} has "
            f"{counted(len(videos), 'source')} with results ({have}); "
            'give it a "video", or name the file like the video'
        )
    way_out = "; --any-video scores it anyway" if len(videos) == len(truths) == 1 else ""
    return (
        f"{shown} is about {about}, and scan {scan} has no results for it (it has: {have}){way_out}"
    )


def _footage(document: Document) -> Footage:
    info = document.source
    return Footage(frozenset(_forms(info.path)), info.frame_rate, start_timecode(info))


def _called(name: str, videos: Sequence[Document], file: Path) -> tuple[list[Document], str]:
    """Return the sources of a name and that name: by whole path, else by the file's own name.

    The folder may be another one, as on the machine where the truth was made. Without a name the
    truth file's own counts, which may lack the video's ending, as that of subtitles does.
    """
    wanted = _folded(name)
    exact = [video for video in videos if wanted == _folded(video.source.path)]
    if exact:
        return exact, wanted
    last = re.split(r"[/\\]", wanted)[-1] if name else _named_by(file)
    whole = bool(os.path.splitext(last)[1]) and bool(name)
    return [video for video in videos if last in _names(video, whole)], last


def _names(document: Document, whole: bool) -> set[str]:
    """Return what a source's file may be called, folded; without its ending too unless `whole`."""
    path = document.source.path
    names = {_folded(each) for each in _forms(path)}
    stem = _folded(os.path.splitext(os.path.basename(path))[0])
    return names if whole else names | {stem}


def _forms(path: str) -> set[str]:
    """Return path and name as they are and as exports write them."""
    name = os.path.basename(path)
    return {form(each) for each in (path, name) for form in (str, readable, clean)} | {
        ascii_name(name)
    }


def _named_by(path: Path) -> str:
    """Return the name of the video that a truth file is called after."""
    return _folded(_OF_OUR_FILES.sub("", path.stem))


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", readable(name))
