"""`sightline box`: boxes drawn by hand, kept by content and exported with the objects of models."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.workbench import InProcess

FORMATS = ("coco", "yolo", "json", "jsonl", "csv")


@pytest.fixture
def own(inside: InProcess, own_storm: Path) -> InProcess:
    assert inside("scan", own_storm, "--profile", "storm").code == 0
    return inside


def exported(cli: InProcess, folder: Path) -> Path:
    wanted = [part for name in FORMATS for part in ("--format", name)]
    ran = cli("export", "1", *wanted, "--out", folder)
    assert ran.code == 0, ran.err
    return folder


def test_boxes_are_drawn_listed_exported_and_removed(
    own: InProcess, own_storm: Path, tmp_path: Path
) -> None:
    (info,) = own("show", f"{own_storm}@1.36", "--json").json()
    width, height = info["info"]["width"], info["info"]["height"]
    added = "--add", "bolt=10,20,30,40", "--add", "a=b = 50%,0%,99%,10%"
    first, second = own("box", f"{own_storm}@1.36", *added, "--json").json()
    assert (first["label"], first["box"], first["frame"]) == ("bolt", [10, 20, 30, 40], 34)
    assert second["label"] == "a=b"  # and what lies outside of the picture is cut off
    assert second["box"] == pytest.approx([width / 2, 0, width / 2, height / 10], abs=0.1)
    line = own("box", f"{own_storm}@1.36").out.splitlines()[0]
    assert "box 1  bolt  30 x 40 px at 10, 20  (frame 34, scan 1)" in line
    assert own("box", line).out.splitlines()[0] == line  # a printed line names its frame
    assert "box 1, drawn by hand: bolt, 30 x 40 px at 10, 20" in own(
        "show", f"{own_storm}@1.36"
    ).out  # fmt: skip

    out = exported(own, tmp_path / "out")
    coco = json.loads((out / "scan.coco.json").read_text())
    names = {each["id"]: each["name"] for each in coco["categories"]}
    (image,) = coco["images"]
    assert (image["frame"], image["width"], image["height"]) == (34, width, height)
    drawn = [(names[a["category_id"]], a["bbox"], a["drawn"]) for a in coco["annotations"]]
    assert drawn[0] == ("bolt", [10, 20, 30, 40], True) and len(drawn) == 2
    (labels,) = (out / "scan.yolo" / "labels").iterdir()
    shares = [25 / width, 40 / height, 30 / width, 40 / height]
    assert labels.read_text().splitlines()[0] == " ".join(["0", *(f"{s:.6f}" for s in shares)])
    (look,) = json.loads((out / "storm.mp4.json").read_text())["looks"]
    assert look["frame"] == 34 and [each["drawn"] for each in look["objects"]] == [True, True]
    assert ",object,," in (out / "storm.mp4.csv").read_text()  # no stage found it

    assert own("box", f"{own_storm}@1.36", "--remove", "1").code == 0
    assert "box 2" in own("box", f"{own_storm}@1.36").out
    again = own("box", f"{own_storm}@1.36", "--remove", "1")
    assert again.code == 2 and "no drawn box 1; its boxes: 2" in again.err


def test_a_renamed_and_rescanned_file_keeps_its_boxes(own: InProcess, own_storm: Path) -> None:
    assert own("box", f"{own_storm}@1.36", "--add", "bolt=1,2,3,4").code == 0
    other = own_storm.with_name("other.mp4")
    os.rename(own_storm, other)
    assert own("scan", other, "--profile", "quick", "--redo").code == 0
    assert "bolt" in own("box", f"{other}@1.36").out


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ("bolt", "is no box"), ("bolt=1,2,3", "is no box"), ("=1,2,3,4", "is no box"),
        ("bolt=1,2,3,nan", "is no box"), ("bolt=-1,2,3,4", "is no box"), ("  =1,2,3,4", "a label"),
        ("bolt=1,2,0,4", "empty, or lies outside"), ("bolt=9e9,1,2,3", "is no box"),
        ("bolt=200%,1,2,3", "empty, or lies outside"), ("x" * 201 + "=1,2,3,4", "the limit is 200"),
        ("\x1b[31m\x00=1,2,3", "is no box"),
    ],
)  # fmt: skip
def test_what_is_no_box_is_refused(own: InProcess, own_storm: Path, box: str, words: str) -> None:
    ran = own("box", f"{own_storm}@1.36", "--add", box)
    assert ran.code == 2 and words in ran.err and "\x1b" not in ran.err
    assert own("box", f"{own_storm}@1.36").out == ""


def test_hostile_labels_are_harmless_and_exported_as_they_are(
    own: InProcess, own_storm: Path, tmp_path: Path
) -> None:
    label = "a\x1b]0;x\x07,=1+1\n<b>\u202e"
    assert own("box", f"{own_storm}@1.36", "--add", f"{label}=1,2,3,4").code == 0
    printed = own("box", f"{own_storm}@1.36").out + own("show", f"{own_storm}@1.36").out
    assert printed.replace("\n", "").isprintable()
    out = exported(own, tmp_path / "out")
    coco = json.loads((out / "scan.coco.json").read_text())
    assert coco["categories"][0]["name"] == label
    assert (out / "scan.yolo" / "classes.txt").read_text().replace("\n", "").isprintable()
