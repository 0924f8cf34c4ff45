"""Judgements in every export format that has a place for them, and read back as truth."""

from __future__ import annotations

import csv
import io
import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from core.judge.score import Footage, read_truths
from core.records import Candidate
from core.storage.export.document import Document, FrameNotes
from core.storage.export.schemas import schema
from core.storage.export.table import SourceWriter, write_scan
from tests.storage.test_export import STEMS, document, moment, summary

PATH = "/footage/storm.mp4"
EVENTS = tuple(moment(n, float(n), n + 0.2, n + 0.5) for n in (1, 2, 3, 4))
SAID = {1: "right", 2: "wrong", 3: "unsure"}
FORMATS = ("json", "csv", "jsonl", "srt", "vtt", "edl", "html", "coco", "legacy")


def judged() -> Document:
    candidates = tuple(
        Candidate("flash", "flash", m.start_frame, m.peak_frame, m.end_frame, m.start_seconds,
                  m.peak_seconds, m.end_seconds, m.score, 0.5, True)
        for m in EVENTS
    )  # fmt: skip
    notes = tuple(FrameNotes(m.peak_frame, m.peak_seconds) for m in EVENTS)
    return document(
        path=PATH, moments=EVENTS, candidates=candidates, event_judgements=SAID,
        candidate_judgements=("right", "", "", "wrong"), frame_notes=notes,
    )  # fmt: skip


@pytest.fixture
def out(tmp_path: Path) -> Path:
    SourceWriter(tmp_path, FORMATS).write(judged(), STEMS)
    write_scan(summary(PATH), [judged()], tmp_path, FORMATS)
    return tmp_path


def of(out: Path, suffix: str) -> str:
    (found,) = (each for each in out.iterdir() if each.name.endswith(suffix)
                and not (suffix == ".json" and each.name.count(".") > 1)
                and each.name != "summary.json")  # fmt: skip
    return found.read_text(encoding="utf-8")


def test_every_format_holds_what_was_judged(out: Path) -> None:
    said: list[Any] = [SAID.get(each.number) for each in EVENTS]
    body = json.loads(of(out, "storm.json"))
    jsonschema.Draft202012Validator(schema("source")).validate(body)
    assert [each["judgement"] for each in body["events"]] == said
    assert [each["judgement"] for each in body["candidates"]] == ["right", None, None, "wrong"]
    rows = list(csv.DictReader(io.StringIO(of(out, "storm.csv"))))
    assert [row["judgement"] for row in rows if row["result"] == "event"] == [x or "" for x in said]
    lines = [json.loads(line) for line in of(out, ".jsonl").splitlines()]
    assert [each["judgement"] for each in lines if each["result"] == "event"] == said
    for suffix in (".srt", ".vtt"):
        shown = [line for line in of(out, suffix).splitlines() if line.startswith("judged ")]
        assert shown == ["judged right", "judged wrong", "judged unsure"], suffix
    assert of(out, ".edl").count("* JUDGEMENT: ") == 3
    page = of(out, ".html")
    assert "<th>judgement" in page and '<span class="bad">wrong</span>' in page
    images = json.loads(of(out, ".coco.json"))["images"]
    assert [image.get("judgement") for image in images] == said
    legacy = pickle.loads((out / "storm.legacy.pkl").read_bytes())
    assert [each["judgement"] for each in legacy["events"]] == said


def test_a_source_without_judgements_has_no_place_for_them_on_the_page(tmp_path: Path) -> None:
    plain = replace(judged(), event_judgements={}, candidate_judgements=())
    write_scan(summary(PATH), [plain], tmp_path, ("html",))
    assert "judgement" not in (tmp_path / "scan.html").read_text()
    SourceWriter(tmp_path, ("json", "srt")).write(plain, STEMS)
    body = json.loads(of(tmp_path, "storm.json"))
    assert {each["judgement"] for each in body["events"] + body["candidates"]} == {None}
    assert "judged" not in of(tmp_path, ".srt")


@pytest.mark.parametrize("suffix", ["storm.json", ".csv", ".jsonl", ".srt", ".vtt", ".edl"])
def test_what_is_judged_wrong_is_no_truth(out: Path, suffix: str) -> None:
    (file,) = (each for each in out.iterdir() if each.name.endswith(suffix))
    (truth,) = read_truths(file, [Footage(frozenset((PATH, "storm.mp4")), 25.0, "")])
    assert [round(each.start_seconds) for each in truth.events] == [1, 3, 4]


def test_a_rejected_candidate_that_is_judged_right_is_truth(tmp_path: Path) -> None:
    rows = [
        {"path": PATH, "kind": "flash", "start_seconds": at, "end_seconds": at + 0.1,
         "accepted": accepted, "judgement": judgement}
        for at, accepted, judgement in (
            (1.0, True, None), (2.0, False, None), (3.0, False, "right"), (4.0, True, "wrong"),
        )
    ]  # fmt: skip
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with (tmp_path / "rows.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    for name in ("rows.jsonl", "rows.csv"):
        (truth,) = read_truths(tmp_path / name, [Footage(frozenset((PATH,)), 25.0, "")])
        assert [each.start_seconds for each in truth.events] == [1.0, 3.0], name
