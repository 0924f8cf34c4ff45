"""What changed between the answers of two scans: outcomes, figures, files, refusals, exit codes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from core.protocol.codec import decoded
from core.protocol.request import (
    Request,
    reply_to_json,
    reply_type,
    request_from_json,
    request_to_json,
)
from core.protocol.requests.comparisons import DiffRuns, GetAnswerFacts, ScoreTexts
from core.service.client import ask_library
from core.storage.library import Library
from tests.answered import Body, add_scan, said
from tests.models.vlm.faulty_server import FaultyServer
from tests.workbench import InProcess

CUT = {"text": "a red", "finish": "length", "prompt": "p@1", "facts": {}}
FAILED = {"error": "no reply within 120 s", "prompt": "p@1"}
LOOPS = said("a a a a", looping=True, repetition=0.9)
# What became of an item: the answers before and after, the outcome, and a part of the reason.
CAPTIONS: dict[str, tuple[Body | None, Body | None, str, str]] = {
    "same": (said("a red car"), said("a red car \n"), "same", ""),
    "changed": (said("a red car"), said("a blue car"), "changed", ""),
    "broken": (said("a red car"), FAILED, "broken", "no answer any more: no reply"),
    "unparsed": (said("a"), {"error": "the answer contains no JSON: a", "prompt": "p"}, "broken",
                 "contains no JSON"),
    "cured": (FAILED, said("a red car"), "better", "answered now; before: no reply"),
    "worse": (said("a red car"), LOOPS, "worse", "now repeats, loops"),
    "better": (CUT, said("a red car"), "better", "no longer truncated"),
    "both": (CUT, said("I cannot", refusal=True), "changed", "was truncated, now refuses"),
    "neither": (FAILED, FAILED, "gap", "neither has an answer"),
    "gone": (said("a red car"), None, "gap", "scan 2: the file is not in it"),
    "new": (None, said("a red car"), "gap", "scan 1: the file is not in it"),
    "gated": (said("a red car"), {"gated": "black"}, "gap", "excluded the frame"),
    "cjk": (said("\u5d50\u306e\u591c"), said("\u5d50\u306e\u663c"), "changed", ""),
}  # fmt: skip


def path(name: str) -> str:
    return f"/pictures/{name}.jpg"


def sides(cases: dict[str, tuple[Any, ...]]) -> list[dict[str, Body]]:
    return [
        {path(name): case[n] for name, case in cases.items() if case[n] is not None} for n in (0, 1)
    ]


def two_scans(
    folder: Path, cases: dict[str, tuple[Any, ...]], stage: str = "caption",
    asked: tuple[dict[str, Any], dict[str, Any]] = ({}, {}), **more: Any,
) -> None:  # fmt: skip
    library = Library(folder)
    for model, bodies, own in zip(("old", "new"), sides(cases), asked, strict=True):
        add_scan(library, model, {stage: bodies}, **more, **own)
    library.close()


def rows_of(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {Path(row["path"]).stem: row for row in body["rows"]}


def test_every_outcome_of_captions(inside: InProcess, tmp_path: Path) -> None:
    two_scans(inside.library, CAPTIONS)
    ran = inside("diff", "1", "2", "--json")
    assert ran.code == 0, ran.err
    (body,) = ran.json()
    rows = rows_of(body)
    for name, (_one, _other, outcome, why) in CAPTIONS.items():
        assert rows[name]["outcome"] == outcome, (name, rows[name])
        assert why in rows[name]["why"], (name, rows[name]["why"])
    (stage,) = body["stages"]
    assert stage["outcomes"] == {
        "broken": 2, "worse": 1, "better": 2, "changed": 3, "same": 1, "gap": 4
    }  # fmt: skip
    assert (stage["before_model"], stage["after_model"]) == ("old@abcdef1", "new@abcdef1")
    assert rows["changed"]["similarity"] == pytest.approx(2 / 3)
    assert rows["broken"]["similarity"] is None and rows["broken"]["after_state"] == "failed"
    assert {"mark": "-", "text": "\u591c"} in rows["cjk"]["pieces"]
    assert body["is_worse"] and any("broken: /pictures/broken.jpg" in x for x in body["summary"])
    assert "1 file is only in scan 1 (first: /pictures/gone.jpg)" in body["notes"]
    out = inside("diff", "--before", "1", "--after", "2").out
    assert "a [-red-]{+blue+} car" in out and "caption: old@abcdef1 to new@abcdef1" in out
    assert inside("diff", "1", "2", "--fail-on", "worse").code == 1
    back = {name: (case[0], case[0]) for name, case in CAPTIONS.items() if case[0]}
    two_scans(tmp_path / "equal", back)
    ran = inside("--library", tmp_path / "equal", "diff", "1", "2", "--fail-on", "worse")
    assert ran.code == 0 and "no difference" in ran.out


def objects(*boxes: tuple[str, float]) -> dict[str, Any]:
    return {"objects": [{"label": n, "score": 0.9, "box": [x, 0, 10, 10]} for n, x in boxes]}


def tags(*names: str) -> dict[str, Any]:
    return {"tags": [{"tag": name} for name in names]}


def verdict(state: str) -> dict[str, Any]:
    return {**said('{"verdict": ""}'), "state": state, "reason": "light"}


OTHER = [
    ("detect", objects(("car", 0)), objects(("car", 0.1)), "same", 1.0, ""),
    ("detect", objects(("car", 0)), objects(("car", 3)), "changed", 1.0,
     "boxes moved (overlap 0.54)"),
    ("detect", objects(("car", 0), ("dog", 50)), objects(("car", 0), ("cat", 50)), "changed", 0.5,
     "without dog; with cat"),
    ("detect", objects(), objects(), "same", 1.0, ""),
    ("tag", tags("sea", "sky"), tags("sky", "sea"), "same", 1.0, ""),
    ("tag", tags("sea", "sky"), tags("sea", "boat"), "changed", 1 / 3, "without sky; with boat"),
    ("verify", verdict("confirmed"), verdict("confirmed"), "same", 1.0, ""),
    ("verify", verdict("confirmed"), verdict("none"), "changed", 0.0, "confirmed to none"),
    ("verify", verdict("confirmed"), verdict("unparsed"), "broken", None, "unparsed"),
    ("verify", verdict("truncated"), verdict("unsure"), "better", None, "answered now"),
]  # fmt: skip


def test_answers_that_are_no_texts(tmp_path: Path, inside: InProcess) -> None:
    for number, (stage, one, other, outcome, alike, why) in enumerate(OTHER):
        folder = tmp_path / str(number)
        library = Library(folder)
        for model, body in (("old", one), ("new", other)):
            add_scan(library, model, {"flash": {}, stage: {path("a"): body}})
        library.close()
        (body,) = inside("--library", folder, "diff", "1", "2", "--json").json()
        (row,) = body["rows"]
        assert row["outcome"] == outcome, (stage, row)
        assert row["similarity"] == (alike if alike is None else pytest.approx(alike))
        assert why in row["why"], row


def test_figures_are_tested_and_marked(inside: InProcess) -> None:
    """Twelve items answered in half the time with the same words; a video counts as one item."""
    cases = {
        str(n): (said("a red car", seconds=2.0 + n / 50, tokens_out=5),
                 said("a red car", seconds=1.0 + n / 60, tokens_out=5)) for n in range(12)
    }  # fmt: skip
    two_scans(inside.library, cases)
    (body,) = inside("diff", "1", "2", "--json").json()
    figures = {each["name"]: each for each in body["stages"][0]["metrics"]}
    seconds = figures["seconds"]
    assert seconds["marked"] and -52 < seconds["percent"] < -45
    assert seconds["words"].startswith("after better by 1.0") and seconds["clusters"] == 12
    assert figures["tokens_out"]["words"] == "no difference: the same for 12 items"
    assert not figures["words"]["marked"] and not body["is_worse"]
    assert any("a machine can drift" in line for line in body["summary"])
    assert (
        inside("diff", "2", "1", "--fail-on", "worse").code == 0
    )  # twice the time, but of two runs
    frames = [[(at / 10, said("a red car", seconds=each)) for at in range(20)] for each in (1, 2)]
    library = Library(inside.library)
    for model, notes in zip(("old", "new"), frames, strict=True):
        add_scan(library, model, {"caption": {"/v/storm.mp4": notes}}, kind="video")
    library.close()
    (body,) = inside("diff", "3", "4", "--json").json()
    (seconds, _words) = body["stages"][0]["metrics"]
    assert (seconds["items"], seconds["clusters"], seconds["p"]) == (20, 1, None)
    assert "20 items of 1 source: too few for a test" in seconds["words"]


def test_references_say_which_answer_is_nearer(inside: InProcess, tmp_path: Path) -> None:
    two_scans(inside.library, {
        "up": (said("a red car"), said("a blue boat at sea")),
        "down": (said("two dogs in the snow"), said("three cats")),
        "none": (said("a red car"), said("a green car")),
    })  # fmt: skip
    references = tmp_path / "captions.json"
    references.write_text(
        json.dumps({"up.jpg": "a blue boat at sea", "down.jpg": "two dogs in snow"})
    )
    ran = inside("diff", "1", "2", "--reference", references, "--metrics", "rouge,cider", "--json")
    (body,) = ran.json()
    rows = rows_of(body)
    assert {name: row["outcome"] for name, row in rows.items()} == {
        "up": "better", "down": "worse", "none": "changed"
    }  # fmt: skip
    assert rows["up"]["why"] == "ROUGE-L 0.24 to 1.00"
    names = {each["name"]: each for each in body["stages"][0]["metrics"]}
    assert names["rouge_l"]["items"] == 2 and "ptb-like" in names["cider_d"]["made_by"]
    assert inside("diff", "1", "2", "--metrics", "rouge").code == 2


def test_files_of_a_difference(inside: InProcess, tmp_path: Path) -> None:
    cases = {**CAPTIONS, "odd": (said("=1+1 <b>\x1b[31m"), said("*x* ~~y~~ \x00|"), "changed", "")}
    two_scans(inside.library, cases)
    files = [tmp_path / f"diff{ending}" for ending in (".md", ".csv", ".xml", ".json")]
    options = [each for file in files for each in ("--out", file)]
    ran = inside("diff", "1", "2", *options)
    assert ran.code == 0, ran.err
    markdown, table, junit, body = (file.read_text() for file in files)
    assert "# Scan 1 to scan 2" in markdown and "a ~~red~~**blue** car" in markdown
    assert "| words (words) | before | 11 |" in markdown
    assert "\x1b" not in markdown and "<b>" not in markdown.replace("\\<b\\>", "")
    rows = list(csv.DictReader(table.splitlines()))
    assert len(rows) == len(cases) and rows[0]["path"] == path("same")
    assert next(r for r in rows if "odd" in r["path"])["before"].startswith("'=1+1")
    (suite,) = ElementTree.fromstring(junit)
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("14", "3", "4")
    failure = suite.find("testcase/failure")
    assert failure is not None and (failure.get("message") or "").startswith("broken: no answer")
    assert json.loads(body)["type"] == "RunDiff"
    ran = inside("diff", "1", "2", "--out", tmp_path / "diff.txt")
    assert ran.code == 2 and "ends in .md, .csv, .xml, .json" in ran.err


PLAIN = {"a": (said("x"), said("y"))}
REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("prompt", {"asked": ({"text": "Describe."}, {"text": "List."})},
     "caption: different prompt ('Describe.', 'List.'); --anyway compares them"),
    ("extra", {"asked": ({"extra": ""}, {"extra": "In French."})},
     "different extra instructions ('none', 'In French.')"),
    ("images", {"cases": {"a": (said("x"), None), "b": (None, said("y"))}},
     "images differ (no file is in both; first: /pictures/a.jpg, /pictures/b.jpg)"),
]  # fmt: skip


def test_scans_that_cannot_be_compared_say_why(inside: InProcess, tmp_path: Path) -> None:
    for name, more, words in REFUSED:
        given = dict(more)
        folder = tmp_path / name
        two_scans(folder, given.pop("cases", PLAIN), **given)
        run = ("--library", folder, "diff", "1", "2")
        ran = inside(*run)
        assert ran.code == 2 and words in ran.err, ran.err
        assert ran.err.count("\n") == 1
        if "asked" in more:
            assert inside(*run, "--anyway").code == 0
    library = Library(inside.library)
    for schema in ("", '{"type": "object"}'):
        settings = {"caption": {"json_schema": schema}}
        add_scan(library, "m", {"caption": {path("a"): said("x")}}, settings=settings)
    add_scan(library, "m", {"tag": {path("a"): tags("x")}})
    add_scan(library, "m", {"caption": {path("a"): said("x")}})
    library.close()
    calls = {
        ("1", "2"): "caption: different schema ('none', '{\"type\":\"object\"}')",
        ("1", "3"): "no stage answered in both (caption and tag)",
        ("1", "1"): "scan 1 is on both sides",
        ("1", "4"): "the same settings and models",
        ("1", "99"): "no scan 99",
        ("1",): "name two scans",
        ("1", "2", "--before", "1"): "name two scans",
        ("1", "2", "--stage", "verify"): "stage 'verify' has no answers in both",
    }
    for args, words in calls.items():
        ran = inside("diff", *args)
        assert ran.code == 2 and words in ran.err, (args, ran.err)
    library = Library(inside.library)
    library.runs.set_state(3, "running")
    library.close()
    assert "scan 3 has not finished" in inside("diff", "2", "3").err


def test_real_scans_by_two_models(inside: InProcess, pictures: Path) -> None:
    server = FaultyServer()
    try:
        for model, server.text in (
            ("tiny", "A street at night."),
            ("other/model", "A road at night."),
        ):
            ran = inside("scan", pictures, "--stages", "caption", "--set",
                         f"vlm.model={server.url}#{model}")  # fmt: skip
            assert ran.code == 0, ran.err
    finally:
        server.close()
    (body,) = inside("diff", "1", "2", "--json").json()
    (stage,) = body["stages"]
    assert stage["outcomes"] == {"changed": len(list(pictures.iterdir()))}
    assert stage["before_model"].startswith("tiny@") and stage["not_comparable"] == []
    assert [change["name"] for change in stage["changes"]] == ["model"]
    assert {"word": "road", "items": stage["items"]} in stage["only_after"]


def test_odd_names_and_long_answers_are_compared(inside: InProcess, tmp_path: Path) -> None:
    long = said("word " * 200_000)
    two_scans(
        inside.library, {"\udcff\n": (said("x"), said("y \ud800")), "long": (said("x"), long)}
    )
    files = [tmp_path / f"diff{ending}" for ending in (".md", ".csv", ".xml", ".json")]
    ran = inside("diff", "1", "2", *(each for file in files for each in ("--out", file)))
    assert ran.code == 0, ran.err
    assert all(file.read_text() for file in files)
    assert len(ElementTree.fromstring(files[2].read_text()).findall("*/testcase")) == 2


def test_replies_cross_a_socket_unchanged(inside: InProcess, tmp_path: Path) -> None:
    two_scans(inside.library, CAPTIONS)
    references = tmp_path / "captions.json"
    references.write_text(json.dumps({"changed.jpg": "a blue car", "same.jpg": "a car"}))
    asked: list[Request[Any]] = [
        DiffRuns(1, 2, references), GetAnswerFacts(1, rows=True),
        ScoreTexts(2, references, against=1),
    ]  # fmt: skip
    for request in asked:
        reply = ask_library(inside.library, request)
        body = json.loads(json.dumps(reply_to_json(request, reply)))
        assert decoded(reply_type(type(request)), body) == reply
        assert request_from_json(json.loads(json.dumps(request_to_json(request)))) == request


def test_stored_answers_that_both_show_are_the_same(inside: InProcess) -> None:
    """Another setting that is no part of the question leaves every answer as it is stored."""
    library = Library(inside.library)
    for top in (1, 2):
        settings = {"events": {"merge_seconds": top}}
        add_scan(library, "m", {"caption": {path("a"): said("x", seconds=1.0)}}, settings=settings)
    library.close()
    (body,) = inside("diff", "1", "2", "--json").json()
    (row,), (stage,) = body["rows"], body["stages"]
    assert (row["outcome"], row["why"]) == ("same", "the same stored answer")
    assert stage["stored_once"] == 1
    assert "seconds" not in {each["name"] for each in stage["metrics"]}
