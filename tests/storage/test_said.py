"""What models said, in every format that can carry it."""

from __future__ import annotations

import csv
import io
import json
import pickle
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import srt
import webvtt
from PIL import Image, ImageDraw

from core.config.stages import STAGES, declaration
from core.inference.objects import runs
from core.judge.truth import read_truths
from core.storage.export.cues import is_foreign
from core.storage.export.document import DetectedObject, Document, FrameNotes, StageAnswer, Summary
from core.storage.export.masks import Mask, decoded
from core.storage.export.names import Stems
from core.storage.export.polygons import polygon
from core.storage.export.schemas import schema, with_answers
from core.storage.export.table import FORMATS, SourceWriter, write_scan
from tests.storage.test_export import HOSTILE, MARKUP, MOMENTS, STEMS, NoGlobals, document, summary

FORMULA = '=HYPERLINK("http://x")\n00:00:01,000 --> 00:00:02,000\nx'
SLOTS = {"tags": "tag", "caption": "caption", "objects": "detect", "mask": "segment",
         "description": "describe", "vector": "embed"}  # fmt: skip


def body(text: str) -> dict[str, Any]:
    return {"text": text, "finish": "stop", "prompt": "p@1", "facts": {}}


def disc() -> Mask:
    down, across = np.mgrid[:54, :96]
    found: Mask = ((down - 27) ** 2 + (across - 40) ** 2 < 400) & ((across - 40) ** 2 > 9)
    return found


THINGS = (
    DetectedObject("car", 0.9, (400.0, 140.0, 800.0, 800.0), 4, runs(disc()), body(FORMULA),
                   np.ones(4, np.float32)),
    DetectedObject(MARKUP, 0.4, (1900.0, 6.0, 70.0, 8.0)),
)  # fmt: skip
NOTES = (
    FrameNotes(3, 0.1, tags=({"tag": FORMULA, "score": 0.5}, {"tag": "storm"}),
               caption=body(f"a storm {FORMULA}"), things=THINGS, stages=SLOTS,
               vector=np.arange(4, dtype=np.float32),
               answers=(StageAnswer("mood", "1,2,3,4", "the mood is calm", {"mood": "calm"}),),
               lines=(f"caption (p@1): a storm {FORMULA}", "  facts: x", "the mood is calm")),
    FrameNotes(9, 0.3, failures=(("caption", "no answer"),), stages=SLOTS),
)  # fmt: skip
VERDICTS: tuple[dict[str, Any], ...] = (
    {"frame": MOMENTS[1].peak_frame, "seconds": 62.5, "state": "confirmed", "confidence": 0.75},
    {"frame": 150_000, "seconds": 5005.0, "state": "none", "reason": MARKUP},
)


def said(**changed: Any) -> Document:
    made = {"embed": {"model": "a/b", "revision": "abc", "quantize": "8bit", "dtype": "float32"}}
    base = document(
        frame_notes=NOTES, verdicts=VERDICTS, verdict_stage="verify",
        verdict_lines=("verify: confirmed", f"verify: none {FORMULA}"), provenance={"models": made},
        remarks=({"frame": 3, "marked": True, "caption": "mine", "tags": ["+a"]},),
    )  # fmt: skip
    return replace(base, **changed)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every format of a video and a picture that models spoke of."""
    out = tmp_path_factory.mktemp("said")
    picture = replace(said().source, path="/a/p.png", kind="picture", width=960, height=540)
    frames = (replace(NOTES[0], frame=0, seconds=0.0),)
    plain = said(source=picture, moments=(), frame_notes=frames, verdicts=(), verdict_lines=())
    writer = SourceWriter(out, list(FORMATS))
    pictures = replace(said(), frame_pictures=lambda times: ((n, b"jpeg") for n in times))
    writer.write(pictures, STEMS)
    writer.write(plain, Stems("p.png", "p.png"))
    tasks = summary("a").tasks
    whole = Summary(1, "p", "h", "done", (*tasks, replace(tasks[0], kind="picture")))
    write_scan(whole, iter([said(), plain]), out, list(FORMATS))
    writer.finish(whole)
    return out


def test_csv_holds_every_kind_of_result(folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO((folder / "storm.csv").read_text()), strict=True))
    assert [row["result"] for row in rows] == [
        *["event"] * 4, "tag", "tag", "caption", "object", "description", "object", "answer",
        "failure", "verdict", "verdict", "remark",
    ]  # fmt: skip
    by = {row["result"]: row for row in reversed(rows)}
    assert (by["object"]["label"], by["object"]["track"], by["object"]["x"]) == (
        "car",
        "4",
        "400.0",
    )
    assert (
        by["caption"]["text"].startswith("a storm =HYPERLINK") and "\n" not in by["caption"]["text"]
    )
    assert by["description"]["text"].startswith("'=HYPERLINK")
    assert (by["tag"]["label"][:2], by["tag"]["score"], by["tag"]["stage"]) == ("'=", "0.5", "tag")
    assert json.loads(by["answer"]["body"]) == {"mood": "calm"}
    assert (by["answer"]["stage"], by["answer"]["text"]) == ("mood", "the mood is calm")
    assert (by["failure"]["text"], by["failure"]["start_s"]) == ("no answer", "0.3")
    assert (by["verdict"]["verdict"], by["verdict"]["score"]) == ("confirmed", "0.75")
    assert (by["remark"]["label"], by["remark"]["text"]) == ("'+a", "mine")
    for row in rows:
        assert not any(str(cell)[:1] in "=+-@" for cell in row.values() if cell), row
    (first, *_) = csv.DictReader(io.StringIO((folder / "scan.csv").read_text()), strict=True)
    assert first["source"] == "/a/p.png" and not (folder / "p.png.csv").exists()


def test_subtitles_show_it_and_are_read_as_events_only(folder: Path) -> None:
    cues = list(srt.parse((folder / "storm.srt").read_text(encoding="utf-8"), ignore_errors=False))
    frames = [cue for cue in cues if cue.content.startswith("frame at")]
    assert [cue.content.splitlines()[0] for cue in frames] == [
        "frame at 00:00:00.100", "frame at 01:23:25.000"
    ]  # fmt: skip
    assert "the mood is calm" in frames[0].content and "facts" not in frames[0].content
    assert len(cues) == len(MOMENTS) + 2, "text of a model neither ends a cue nor begins one"
    assert cues[2].content.splitlines()[1] == "verify: confirmed"
    assert all(one.start <= other.start for one, other in pairwise(cues))
    shown = webvtt.read(str(folder / "storm.vtt")).captions
    assert [cue.identifier for cue in shown] == ["1", "frame-3", "2", "3", "4", "frame-150000"]
    for name in ("storm.srt", "storm.vtt", "storm.csv", "scan.jsonl"):
        (truth,) = read_truths(folder / name)
        assert len(truth.events) == len(MOMENTS), name
    alone = folder / "alone.srt"
    alone.write_text((folder / "p.png.srt").read_text())
    assert not is_foreign(alone), "one with cues of frames only is ours too"


def test_jsonl_html_and_json_hold_it(folder: Path) -> None:
    lines = [json.loads(line) for line in (folder / "scan.jsonl").read_text().splitlines()]
    assert [each["result"] for each in lines] == [
        *["event"] * 4, "frame", "frame", "verdict", "verdict", "remark", "frame", "remark"
    ]  # fmt: skip
    assert lines[4]["objects"][0]["mask"] == runs(disc())
    page = (folder / "scan.html").read_text(encoding="utf-8")
    assert page.count("the mood is calm") == 2 and "verify: confirmed" in page
    found = json.loads((folder / "storm.json").read_text())
    jsonschema.Draft202012Validator(schema("source")).validate(found)
    assert found["looks"][0]["objects"][0]["mask"] == runs(disc())
    assert found["arrays"] == {"vectors": "storm.vectors.npz", "masks": "storm.masks.npz"}


def test_arrays_hold_masks_and_say_what_made_them(folder: Path) -> None:
    with np.load(folder / "storm.masks.npz", allow_pickle=False) as arrays:
        mask = arrays["mask.0"]
        assert (arrays["labels"].tolist(), arrays["tracks"].tolist()) == (["car"], [4])
        assert arrays["frames"].tolist() == [3]
    assert mask.shape == (1080, 1920) and (mask[10::20, 10::20] == disc()).all()
    with np.load(folder / "storm.vectors.npz", allow_pickle=False) as arrays:
        named = [str(arrays[each]) for each in ("model", "revision", "quantisation", "precision")]
        assert named == ["a/b", "abc", "8bit", "float32"]
        assert arrays["vectors"].shape == (2, 4)


def test_the_legacy_layout_holds_boxes_masks_and_features(folder: Path) -> None:
    found = NoGlobals(io.BytesIO((folder / "storm.legacy.pkl").read_bytes())).load()
    assert pickle.loads(pickle.dumps(found)) == found
    frame = found["frames"][0]
    car = frame["objects"][0]
    assert car["box"] == [400.0, 140.0, 800.0, 800.0] and frame["caption"]["text"][:7] == "a storm"
    stored = car["mask"]
    mask = np.frombuffer(stored["bytes"], stored["dtype"]).reshape(stored["shape"])
    whole = np.zeros((1080, 1920), bool)
    whole[stored["y"] :, stored["x"] :][: mask.shape[0], : mask.shape[1]] = mask
    assert (whole[10::20, 10::20] == disc()).all()
    assert np.frombuffer(frame["vector"]["bytes"], "<f4").tolist() == [0, 1, 2, 3]
    assert np.frombuffer(car["vector"]["bytes"], "<f4").tolist() == [1, 1, 1, 1]
    assert [each["state"] for each in found["verdicts"]] == ["confirmed", "none"]


def test_yolo_is_a_data_set(folder: Path) -> None:
    data = folder / "scan.yolo"
    assert (data / "classes.txt").read_text().splitlines() == ["car", MARKUP]
    text = (data / "data.yaml").read_text()
    assert "nc: 2\n" in text and '  0: "car"\n' in text and json.dumps(MARKUP) in text
    assert {path.name for path in (data / "labels").iterdir()} == {
        "storm.frame000003.txt", "storm.frame000009.txt", "p.png.txt",
    }  # fmt: skip
    assert (data / "labels" / "storm.frame000009.txt").read_text() == "", "nothing was found there"
    assert (data / "images" / "storm.frame000003.jpg").read_bytes() == b"jpeg"
    car, other = (data / "labels" / "storm.frame000003.txt").read_text().splitlines()
    number, *shares = car.split()
    points = np.array(shares, float).reshape(-1, 2)
    assert number == "0" and (points >= 0).all() and (points <= 1).all()
    assert overlap(points * (960, 540), np.kron(disc(), np.ones((10, 10), bool))) > 0.9
    assert len(other.split()) == 9, "the corners of a box, cut off at the edge of the picture"
    assert max(map(float, other.split()[1:])) == 1.0
    rows = list(csv.DictReader(io.StringIO((data / "images.csv").read_text())))
    assert rows[0]["source"].endswith(".mp4#frame=3") and rows[2]["source"] == "/a/p.png"


def test_yolo_boxes_without_masks(tmp_path: Path) -> None:
    thing = DetectedObject("a", 1.0, (480.0, 270.0, 960.0, 540.0))
    outside = DetectedObject("b", 1.0, (1920.0, 0.0, 5.0, 5.0))
    notes = (FrameNotes(0, 0.0, things=(thing, outside), stages=SLOTS),)
    SourceWriter(tmp_path, ["yolo"]).write(document(frame_notes=notes), STEMS)
    text = (tmp_path / "scan.yolo" / "labels" / "storm.frame000000.txt").read_text()
    assert text == "0 0.500000 0.500000 0.500000 0.500000\n"


def overlap(points: Any, mask: Mask) -> float:
    """Return intersection over union of a polygon, filled by Pillow, and a mask."""
    image = Image.new("1", (mask.shape[1], mask.shape[0]))
    ImageDraw.Draw(image).polygon([tuple(each) for each in points.tolist()], fill=1)
    filled = np.asarray(image)
    return float((filled & mask).sum() / (filled | mask).sum())


def test_polygons_cover_what_masks_do() -> None:
    """Area by the shoelace formula: parts are added and holes taken away."""
    numbers = np.random.default_rng(2)
    for density in (0.02, 0.5, 0.95, 1.0) * 5:
        mask = np.kron(numbers.random((5, 7)) < density, np.ones((8, 8), bool))
        points = polygon(mask)
        if not mask.any():
            assert len(points) == 0
            continue
        after = np.roll(points, -1, axis=0)
        area = (points[:, 0] * after[:, 1] - after[:, 0] * points[:, 1]).sum() / 2
        assert area == pytest.approx(mask.sum())
    assert len(polygon(np.ones((9, 9), bool))) == 4


def test_the_schema_file_holds_the_answers_of_the_built_in_stages() -> None:
    """Written anew by `python -m core.storage.export.schemas`."""
    stages = [declaration(name) for name in STAGES.built_in]
    found = schema("source")
    assert with_answers(found, stages) == found
    jsonschema.Draft202012Validator.check_schema(found)
    assert found["$defs"]["segment.answer"]["properties"]["mask"] == {
        "$ref": "#/$defs/segment.RunLengths"
    }
    answer = {"stage": "segment", "part": "", "line": "", "body": {"mask": {"size": [1, 1]}}}
    part = {"$defs": found["$defs"], "$ref": "#/$defs/stage_answer"}
    checker = jsonschema.Draft202012Validator(part)
    assert not checker.is_valid(answer)
    answer["body"] = {"mask": {"size": [1, 1], "counts": [1]}}
    assert checker.is_valid(answer)


def test_hostile_names_stay_inside(folder: Path) -> None:
    assert decoded(runs(disc())).shape == (54, 96)
    text = (folder / "scan.yolo" / "images.csv").read_text(encoding="utf-8")
    assert "\x1b" not in text and HOSTILE not in text
