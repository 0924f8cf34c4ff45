"""What was found: events, every candidate, and frames that went to models."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from core.protocol.fact_line import fact_line
from core.protocol.queries import ExportRequest
from core.protocol.views import ExportState
from core.text import clean, clean_path, counted
from core.times import timecode

from ..widgets.symbols import Symbols
from . import wording

if TYPE_CHECKING:
    from core.protocol.state import EngineState

WHICH_FILES = (
    "json csv jsonl html srt vtt edl coco yolo masks vectors statistics legacy clips pictures:"
)
DEFAULT_FILES = "json csv"


def key_of(row: dict[str, Any]) -> str:
    """Return a row's key."""
    return f"{row['scan']}.{row['key']}"


def note(row: dict[str, Any]) -> str:
    """Return what a person, else a model, says about an event."""
    marked = "MARKED " if row["marked"] else ""
    return marked + clean(row["corrected_caption"] or row["verdict"] or "")


def caption(row: dict[str, Any]) -> str:
    """Return the caption that counts: a person's, else the model's."""
    own = row.get("corrected_caption")
    said = (row.get("caption") or {}).get("text", "")
    return clean(own if own is not None else said)


def tags(row: dict[str, Any]) -> str:
    """Return the tags that count: a person's, else the model's."""
    own = row.get("corrected_tags")
    if own is not None:
        return wording.words(own)
    return wording.words([tag.get("tag") or tag.get("label", "") for tag in row.get("tags") or ()])


def seconds_of(row: dict[str, Any]) -> float:
    """Return the instant a row is about."""
    return float(row["seconds"])


def place_of(row: dict[str, Any]) -> str:
    """Return `file@time`, which `sightline show` opens again."""
    return f"{row['path']}@{timecode(seconds_of(row))}"


def detail(what: str, row: dict[str, Any] | None) -> list[str]:
    """Return what there is to say about the row under the cursor."""
    if row is None:
        return [""]
    name = wording.short_path(row["path"], 1)
    lines = [f"{name}@{wording.at(seconds_of(row))}", f"frame {row['frame']}   scan {row['scan']}"]
    if row["marked"]:
        lines.append("MARKED")
    if row["corrected_caption"]:
        lines.append(f"corrected: {clean(row['corrected_caption'])}")
    if what == "frames":
        lines += _frame_lines(row)
    else:
        lines.append(
            f"{clean(row['kind'])}  score {wording.score(row['score'])}  "
            f"{wording.at(row['start_seconds'])} to {wording.at(row['end_seconds'])}  "
            f"frames {row['start_frame']} to {row['end_frame']}"
        )
        lines += _measured(row)
        if row["region"]:
            lines.append("region {} {} {} x {}".format(*(round(value) for value in row["region"])))
        if row["reason"]:
            lines.append(f"rejected: {clean(row['reason'])}")
        if row["verdict"]:
            lines.append(f"verdict: {clean(row['verdict'])}")
    return [*lines, *_duplicates(row), clean_path(row["path"])]


def _duplicates(row: dict[str, Any]) -> list[str]:
    """Return which pictures look like that of a row, in one line."""
    listed, count = row.get("duplicates") or [], row.get("duplicate_count") or 0
    if not listed:
        return []
    names = ", ".join(clean(os.path.basename(path)) for path in listed)
    more = f" and {count - len(listed)} more" if count > len(listed) else ""
    return [f"near-duplicates: {names}{more}"]


def _measured(row: dict[str, Any]) -> list[str]:
    """Return energy, strokes and ratios, where a row has them."""
    lines = []
    strokes = row.get("strokes") or ()
    if row.get("energy"):
        lines.append(f"energy {row['energy']:.6g}")
    if strokes:
        times = " ".join(wording.at(stroke["seconds"]) for stroke in strokes)
        lines.append(f"{len(strokes)} stroke{'s' if len(strokes) > 1 else ''}: {times}")
    ratios = {name: value for name, value in (row.get("facts") or {}).items() if value is not None}
    if ratios:
        shown = "  ".join(f"{clean(name)} {value:.4g}" for name, value in ratios.items())
        lines.append(f"ratios: {shown}")
    return lines


def export_request(wanted: str, folder: str, scan: int | None, text: str) -> ExportRequest:
    """Return what a line such as `json csv clips` asks for; an empty one is `json csv`."""
    names = tuple(dict.fromkeys((wanted.replace(",", " ").strip() or DEFAULT_FILES).split()))
    formats = tuple(name for name in names if name not in ("clips", "pictures"))
    return ExportRequest(
        scan, text, formats, folder if formats else "",
        folder if "clips" in names else "", folder if "pictures" in names else "",
    )  # fmt: skip


def export_progress(state: ExportState) -> str:
    """Return how far an export is."""
    progress = state.progress
    return f"writing: {progress.words}"


def export_end(state: ExportState, folder: str) -> str:
    """Return what came of an export."""
    said = f"{state.files} file{'' if state.files == 1 else 's'} written in {clean(folder)}"
    said = "; ".join((said, *map(clean, state.notes)))
    return f"{said}; {state.failed} failed: {clean(state.failures[0])}" if state.failed else said


def why_empty(scan: int | None, loaded: bool, filter_text: str, state: EngineState | None) -> str:
    """Return why no row is listed: what the scan is doing, or what would bring rows."""
    if not loaded:
        return "loading"
    if filter_text:
        return "no row matches the filter; esc removes it"
    open_scans = state.scans if state else ()
    of_it = [each for each in open_scans if scan in (None, each.scan)]
    running = max(of_it, key=lambda each: each.scan, default=None)
    if running is None:
        return "nothing found; r shows rejected candidates with their reasons"
    word = {"queued": "waits for its turn"}.get(running.state, f"is {running.state}")
    done = f"{running.finished} of {counted(running.sources, 'source')} done"
    return f"scan {running.scan} {word}: {done}, nothing found yet"


def drawn(row: dict[str, Any]) -> list[tuple[str, float, float, float, float]]:
    """Return the boxes that people drew on the row's frame, in shares of the picture."""
    names = ("x", "y", "width", "height")
    return [(clean(box["label"]), *(box[name] for name in names)) for box in row.get("drawn") or ()]


def titles(what: str, row: dict[str, Any] | None, symbols: Symbols) -> tuple[str, str, str]:
    """Return moment, facts and file of a row, for the edges of its panes."""
    if row is None:
        return "Picture", "", ""
    kind = "" if what == "frames" else f"{clean(row['kind'])}  "
    facts = f"{kind}frame {wording.number(row['frame'], symbols)}"
    return wording.at(seconds_of(row)), facts, wording.short_path(row["path"])


def boxes(row: dict[str, Any]) -> list[tuple[str, float, float, float, float]]:
    """Return what is to be framed on the row's picture, in shares of it.

    Without the size of the source, only what people drew.
    """
    width, height = row.get("width") or 0, row.get("height") or 0
    if not width or not height:
        return drawn(row)
    found = [(thing["label"], thing["box"]) for thing in row.get("objects") or ()]
    if row.get("region"):
        found.append((row["kind"], row["region"]))
    return [
        (clean(label), x / width, y / height, across / width, down / height)
        for label, (x, y, across, down) in found
    ] + drawn(row)


def _frame_lines(row: dict[str, Any]) -> list[str]:
    lines = []
    if caption(row):
        lines.append(caption(row))
    facts = fact_line((row.get("caption") or {}).get("facts", {}))
    if facts:
        lines.append(f"facts: {facts}")
    if tags(row):
        lines.append(f"tags: {tags(row)}")
    lines += [clean(answer["line"]) for answer in row.get("answers") or ()]
    for thing in row["objects"][:20]:
        box = " ".join(str(round(value)) for value in thing["box"])
        lines.append(f"{clean(thing['label'])} {wording.score(thing['score'])}  at {box}")
    lines += [f"{clean(f['stage'])} failed: {clean(f['reason'])}" for f in row["failures"]]
    lines += [
        f"{clean(g['stage'])} not asked, {clean(g['reason'])}" for g in row.get("gated") or ()
    ]
    return lines
