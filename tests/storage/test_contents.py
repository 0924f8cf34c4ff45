"""Formats that have nothing to say about a source, and the table that pictures share."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np

from core.storage.export.contents import Contents
from core.storage.export.document import DetectedObject, Document, FrameNotes, Statistics
from core.storage.export.schemas import schema
from core.storage.export.table import FORMATS, SourceWriter, write_scan
from tests.storage.test_export import STEMS, document, source, summary

ALONE = ("srt", "vtt", "edl", "vectors", "masks")


def picture(path: str = "/p/a.jpg", **changed: Any) -> Document:
    empty: dict[str, Any] = dict.fromkeys(
        ("moments", "candidates", "statistics", "warnings"), ()
    ) | {"thumbnails": {}}
    return document(path, source=replace(source(path), kind="picture"), **empty | changed)


def lines(formats: tuple[str, ...], *documents: Document) -> list[str]:
    contents = Contents([FORMATS.load(name) for name in formats])
    for each in documents:
        contents.count(each)
    return list(contents.lines())


def test_a_picture_without_anything_for_a_format_gets_no_file(tmp_path: Path) -> None:
    vector = np.ones(3, np.float32)
    captioned = FrameNotes(0, 0.0, lines=("a dog",), caption={"text": "a dog"}, vector=vector)
    writer = SourceWriter(tmp_path, ALONE)
    assert not writer.writes(picture())
    assert writer.write(picture(), STEMS) == []
    found = writer.write(picture(frame_notes=(captioned,)), STEMS)
    assert sorted(path.suffixes[-1] for path in found) == [".npz", ".srt", ".vtt"]
    video = document(moments=(), frame_notes=())  # a video keeps its files, empty ones too
    assert len(writer.write(video, STEMS)) == 4
    # Words of answers that are all about facts are no cue.
    assert not writer.writes(picture(frame_notes=(FrameNotes(0, 0.0, lines=("  facts",)),)))


def test_one_line_says_what_is_not_there() -> None:
    thing = FrameNotes(0, 0.0, things=(DetectedObject("dog", 0.9, (0, 0, 2, 2)),))
    assert lines(("srt", "json", "edl"), picture(), picture(), document()) == [
        "srt: no file for 2 pictures without events or answers of models",
        "edl: no file for 2 pictures without events",
    ]
    assert lines(("coco", "yolo"), picture(), document()) == [
        "coco: no objects in the exported results", "yolo: no objects in the exported results",
    ]  # fmt: skip
    assert lines(("coco", "yolo"), picture(), picture(frame_notes=(thing,))) == []


def test_a_data_set_without_images_names_no_folder(tmp_path: Path) -> None:
    writer = SourceWriter(tmp_path, ["yolo"])
    writer.write(picture(), STEMS)
    writer.finish(summary("a"))
    text = (tmp_path / "scan.yolo" / "data.yaml").read_text()
    assert "train:" not in text and "val:" not in text and "nc: 0" in text


def measured(stage: str, columns: tuple[str, ...], values: list[float]) -> Statistics:
    return Statistics(
        stage, columns, np.zeros(1, np.int64), np.zeros(1), np.array([values], np.float32)
    )


def test_pictures_share_one_table_of_measurements(tmp_path: Path) -> None:
    sharp = measured("quality", ("sharp", "light"), [0.1, float("nan")])
    other = measured("plug", ("x",), [1.5])
    documents = [
        picture("/p/a.jpg", statistics=(sharp,)), picture("/p/b.jpg", statistics=(other, sharp)),
        document("/p/c.mp4"), picture("/p/=d.jpg", statistics=()),
    ]  # fmt: skip
    whole = replace(summary("a"), tasks=(replace(summary("a").tasks[0], kind="picture"),))
    write_scan(whole, iter(documents), tmp_path, ["statistics"])
    with (tmp_path / "scan.statistics.csv").open() as stream:
        rows = list(csv.reader(stream))
    assert rows == [
        ["source", "frame", "seconds", "quality.sharp", "quality.light", "plug.x"],
        ["/p/a.jpg", "0", "0.0", "0.1", "", ""],
        ["/p/b.jpg", "0", "0.0", "0.1", "", "1.5"],
    ]
    writer = SourceWriter(tmp_path, ["statistics", "json"])
    writer.write(documents[0], STEMS)
    assert [path.name for path in sorted(tmp_path.glob("storm*"))] == [f"{STEMS.plain}.json"]
    body = json.loads((tmp_path / f"{STEMS.plain}.json").read_text())
    jsonschema.validate(body, schema("source"))
    assert body["statistics"]["table"] == "scan.statistics.csv"
    assert body["statistics"]["arrays"] is None
