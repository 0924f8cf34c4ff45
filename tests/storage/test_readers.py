"""Every export format as a reader that is not ours takes it."""

from __future__ import annotations

import contextlib
import io
import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import html5lib
import jsonschema
import numpy as np
import pandas
import pytest
import srt
import webvtt
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from core.storage.export.cells import text_cell
from core.storage.export.document import DetectedObject, Document, FrameNotes
from core.storage.export.names import Stems
from core.storage.export.schemas import schema
from core.storage.export.table import FORMATS, SourceWriter, write_scan
from core.text import clean
from tests.storage.test_export import (
    HOSTILE,
    MARKUP,
    MOMENTS,
    SHOWN,
    STEMS,
    document,
    statistics,
    summary,
)

RUNS = {"size": [2, 3], "counts": [1, 2, 3]}
SQUARE = {"size": [4, 4], "counts": [5, 2, 2, 2, 5]}
THINGS = (
    DetectedObject("car", 0.9, (1.0, 2.0, 30.0, 40.0), track=4),
    DetectedObject(MARKUP, 0.4, (5.0, 6.0, 7.0, 8.0), mask=RUNS, vector=np.ones(4, np.float32)),
)
NOTES = (
    FrameNotes(0, 0.0, things=THINGS, vector=np.arange(4, dtype=np.float32)),
    FrameNotes(7, 0.25, tags=({"tag": "storm", "score": 0.5},), things=THINGS[:1]),
)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every format of a document with everything in it, of a name that is not UTF-8."""
    folder = tmp_path_factory.mktemp("exported")
    made: Document = document(frame_notes=NOTES)
    SourceWriter(folder, list(FORMATS)).write(made, STEMS)
    write_scan(summary(HOSTILE), iter([made]), folder, list(FORMATS))
    return folder


def test_json_and_summary_by_their_schemas(exported: Path) -> None:
    for name, of in (("storm.json", "source"), ("summary.json", "scan")):
        found = json.loads((exported / name).read_bytes().decode("ascii"))
        jsonschema.Draft202012Validator(schema(of)).validate(found)  # type: ignore[arg-type]
        assert found["version"] == 2
    wide = json.loads((exported / "storm.json").read_bytes())
    wide["events"][0]["score"] = 1.5
    assert not jsonschema.Draft202012Validator(schema("source")).is_valid(wide)


def test_csv_by_pandas(exported: Path) -> None:
    whole = pandas.read_csv(exported / "storm.csv")
    assert whole["result"].tolist() == ["event"] * 4 + ["object", "object", "tag", "object"]
    assert whole["label"].tolist()[4:] == ["car", MARKUP, "storm", "car"]
    assert whole["start_frame"].tolist()[4:] == [0, 0, 7, 7]
    table = whole[whole["result"] == "event"]
    assert table["number"].tolist() == [1, 2, 3, 4]
    assert table["energy"].tolist() == [0.0, 1200.0, 0.0, 0.0]
    assert table["strokes"].tolist() == [0, 3, 0, 0]
    assert [float(each) for each in table["stroke_s"][1].split()] == [62.4, 62.5, 62.733333]
    assert table["start_s"].tolist() == pytest.approx([m.start_seconds for m in MOMENTS], abs=1e-6)
    assert table["x"].isna().tolist() == [False, False, True, False]
    assert set(table["source"]) == {clean(HOSTILE)}
    assert not (whole.astype(str) == "'").to_numpy().any()


def test_the_guard_of_formulas_is_put_only_where_it_is_needed() -> None:
    kept = ("", " ", "a=b", "-5", "+1e3", "-inf", "3-2", "'quoted", "/a/-x.mp4", "nan")
    guarded = ("=1+1", "+cmd", "-cmd|x", "@SUM(A1)", " =1", "\t=1", "\r=1", "\uff1d1", "--5")
    for text in kept:
        assert text_cell(text) == text
    for text in guarded:
        assert text_cell(text).startswith("'"), text


def test_jsonl_by_pandas_and_plain_utf8(exported: Path) -> None:
    raw = (exported / "scan.jsonl").read_bytes()
    whole = pandas.read_json(io.BytesIO(raw), lines=True)
    assert whole["result"].tolist() == ["event"] * 4 + ["frame"] * 2
    table = whole[whole["result"] == "event"]
    assert table["source"].tolist() == [SHOWN] * 4
    assert table["strokes"][1][1] == {"frame": 1873, "seconds": 62.5, "energy": 1200.0}
    for line in raw.splitlines():
        json.dumps(json.loads(line), ensure_ascii=False).encode("utf-8")  # no lone surrogate


def test_statistics_by_pandas_and_numpy(exported: Path) -> None:
    table = pandas.read_csv(exported / "storm.statistics.csv")
    assert table["frame"].tolist() == [0, 1, 2, 5]
    assert table["flash.area"][:3].tolist() == [1.0, 2.0, 3.0]
    with np.load(exported / "storm.arrays.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["flash.values"], statistics()[0].values)
    with np.load(exported / "storm.vectors.npz", allow_pickle=False) as arrays:
        assert arrays["vectors"].shape == (2, 4) and arrays["frames"].tolist() == [0, 0]


def test_srt_by_srt(exported: Path) -> None:
    text = (exported / "storm.srt").read_text(encoding="utf-8")
    cues = list(srt.parse(text, ignore_errors=False))
    assert [cue.index for cue in cues] == [1, 2, 3, 4]
    assert cues[1].start == timedelta(milliseconds=62400)
    assert cues[1].content == "flash 0.83 3 strokes peak 00:01:02.500 end 00:01:03.123"


def test_vtt_by_webvtt(exported: Path) -> None:
    cues = webvtt.read(str(exported / "storm.vtt")).captions
    assert [cue.identifier for cue in cues] == ["1", "2", "3", "4"]
    assert (cues[1].start, cues[1].end) == ("00:01:02.400", "00:01:03.123")
    assert "0.83 3 strokes" in cues[1].text


# pycocotools 2.0.11 was made before NumPy 2 asked for a `copy` argument.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_coco_by_pycocotools(exported: Path) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        found = COCO(str(exported / "scan.coco.json"))
    assert sorted(each["name"] for each in found.loadCats(found.getCatIds())) == [MARKUP, "car"]
    assert [each["frame"] for each in found.loadImgs(found.getImgIds())] == [0, 7]
    cars = found.loadAnns(found.getAnnIds(catIds=found.getCatIds(catNms=["car"])))
    assert [each["bbox"] for each in cars] == [[1.0, 2.0, 30.0, 40.0]] * 2
    (masked,) = (each for each in found.dataset["annotations"] if "segmentation" in each)
    # Run lengths go down the columns: one 0, two 1, three 0 over two rows and three columns.
    mask = found.annToMask(masked)
    assert mask.shape == (1080, 1920), "at the size of its image"
    assert mask[::540, ::640].tolist() == [[0, 1, 0], [1, 0, 0]]
    assert masked["area"] == mask.sum() == 2 * 540 * 640
    assert {each["iscrowd"] for each in found.dataset["annotations"]} == {0}
    assert [i["file_name"] for i in found.loadImgs(found.getImgIds())] == [
        f"{SHOWN}#frame=0", f"{SHOWN}#frame=7"
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_coco_by_cocoeval(tmp_path: Path) -> None:
    """Compared with itself an export is perfect; with a box or mask elsewhere, it is not."""
    things = tuple(
        DetectedObject(name, 0.5, (left, 100.0, 600.0, 500.0), mask=RUNS if n % 2 else SQUARE)
        for n, (name, left) in enumerate((("car", 0.0), ("dog", 640.0), ("car", 1200.0)))
    )
    notes = tuple(FrameNotes(frame, frame / 25, things=things) for frame in (0, 7))
    write_scan(summary("a"), iter([document(frame_notes=notes)]), tmp_path, ["coco"])
    path = tmp_path / "scan.coco.json"
    for kind in ("bbox", "segm"):
        assert average_precision(path, kind, 0) == average_precision(path, kind, 1) == 1.0
        assert average_precision(path, kind, 2) < 0.9


def average_precision(path: Path, kind: str, place: int) -> float:
    """Return COCOeval's first figure: AP over IoU 0.5 to 0.95 of the file's own annotations.

    With `place` 1 masks are compressed as other tools do, with 2 the third object lies elsewhere.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(path))
        found = [dict(each) for each in truth.dataset["annotations"]]
        for each in found:
            if place == 2 and each["bbox"][0] == 1200.0:
                each["bbox"] = [0.0, 900.0, 10.0, 10.0]
                each["segmentation"] = {"size": [1080, 1920], "counts": [0, 100, 2073500]}
            if place:
                each["segmentation"] = truth.annToRLE(each)
        evaluation = COCOeval(truth, truth.loadRes(found) if place else COCO(str(path)), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])


def test_html_by_html5lib(exported: Path, tmp_path: Path) -> None:
    """The parser of the HTML standard, in its strict mode: the first error of syntax is raised."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    page = parser.parse((exported / "scan.html").read_bytes(), transport_encoding="utf-8")
    rows = page.findall(".//section[@id]/table//tr")
    assert len(rows) == 1 + len(MOMENTS)
    texts = ["".join(cell.itertext()) for cell in rows[2].findall("td")]
    assert texts[6:9] == ["0.83", "1200", "3"]
    write_scan(replace(summary(), narrowed="<b>kind:flash"), iter([]), tmp_path, ["html"])
    empty = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    page = empty.parse((tmp_path / "scan.html").read_bytes(), transport_encoding="utf-8")
    assert "only events that match: <b>kind:flash" in "".join(page.itertext())


def test_names_of_other_bytes_are_written_alike(tmp_path: Path) -> None:
    """One sign for each byte that is no UTF-8, in every format, and the exact name as a URI."""
    path = os.fsdecode(b"/data/caf\xe9 \xff.mp4")
    shown = "/data/caf\N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER}.mp4"
    made = document(path)
    SourceWriter(tmp_path, list(FORMATS)).write(made, Stems("x", "x"))
    write_scan(summary(path), iter([replace(made, frame_notes=NOTES)]), tmp_path, list(FORMATS))
    for file in tmp_path.iterdir():
        if file.suffix not in (".npz", ".pkl"):
            file.read_bytes().decode("utf-8")
    body = json.loads((tmp_path / "x.json").read_bytes())
    assert body["source"]["path"] == shown
    assert body["source"]["uri"] == "file:///data/caf%E9%20%FF.mp4"
    assert json.loads((tmp_path / "summary.json").read_bytes())["tasks"][0]["path"] == shown
    assert json.loads((tmp_path / "scan.jsonl").read_bytes().splitlines()[0])["source"] == shown
    assert (
        json.loads((tmp_path / "scan.coco.json").read_bytes())["images"][0]["file_name"]
        == f"{shown}#frame=0"
    )
    assert pandas.read_csv(tmp_path / "x.csv")["source"][0] == shown
    page: Any = html5lib.parse((tmp_path / "scan.html").read_bytes(), transport_encoding="utf-8")
    assert shown in "".join(page.itertext())
    assert json.loads((tmp_path / "x.legacy.json").read_bytes())["source"]["path"] == shown
