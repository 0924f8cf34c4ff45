"""Facts about the answers of a scan: states apart, flags, figures with outliers, failures."""

from __future__ import annotations

from typing import Any

from core.protocol.answer_facts import flags_of
from core.storage.library import Library
from tests.answered import add_scan, said
from tests.workbench import InProcess


def captions() -> dict[str, Any]:
    """Twenty answers, one of them slow, and one question for each other outcome."""
    bodies: dict[str, Any] = {
        f"/p/{n}.jpg": said("one two three", seconds=1.0 + n / 100, tokens_out=5) for n in range(20)
    }
    bodies["/p/slow.jpg"] = said("one two three", seconds=60.0, tokens_out=5)
    bodies["/p/cut.jpg"] = said("one two", finish="length", seconds=1.0, repetition=0.5)
    bodies["/p/no.jpg"] = said("I cannot help.", seconds=1.1, refusal=True, echo=0.6)
    bodies["/p/json.jpg"] = {"error": "the answer contains no JSON: so it goes", "prompt": "p@1"}
    bodies["/p/long.jpg"] = {
        "error": "the answer is cut off (vlm.max_tokens), so it",
        "prompt": "p",
    }
    bodies["/p/f1.jpg"] = {"error": "connection 17 lost after 3.2 s", "prompt": "p@1"}
    bodies["/p/f2.jpg"] = {"error": "connection 18 lost after 4.5 s", "prompt": "p@1"}
    bodies["/p/gate.jpg"] = {"gated": "black"}
    return bodies


def test_facts_of_a_scan(inside: InProcess) -> None:
    library = Library(inside.library)
    verdict = {"text": "{}", "finish": "stop", "prompt": "v@1", "facts": {"missing_fields": ["x"]}}
    tags = {"tags": [{"tag": "sea"}, {"tag": "sky"}]}
    verdicts = {"/p/0.jpg": {**verdict, "state": "confirmed", "reason": "a bolt"},
                "/p/1.jpg": {**verdict, "state": "unparsed"}}  # fmt: skip
    add_scan(library, "m", {"caption": captions(), "tag": {"/p/0.jpg": tags}, "flash": {},
                            "verify": verdicts})  # fmt: skip
    library.close()
    (body,) = inside("check", "answers", "1", "--json").json()
    tag, caption, verify = body["stages"]
    assert caption["items"] == 28 and caption["model"] == "m@abcdef1"
    assert caption["states"] == {
        "answered": 22,
        "truncated": 2,
        "failed": 2,
        "unparsed": 1,
        "gated": 1,
    }
    assert caption["flags"] == {"repeats": 1, "echoes": 1, "refuses": 1}
    figures = {each["name"]: each for each in caption["figures"]}
    seconds = figures["seconds"]
    assert (seconds["count"], seconds["low"], seconds["high"]) == (23, 1.0, 60.0)
    assert [each["path"] for each in seconds["outliers"]] == ["/p/slow.jpg"]
    assert 1.0 < seconds["median"] < 1.2 < seconds["mean"] < seconds["spread"]
    assert figures["words"]["count"] == 23 and figures["tokens_out"]["spread"] == 0
    failures = [(each["count"], each["path"]) for each in caption["failures"]]
    assert failures == [(2, "/p/f1.jpg"), (1, "/p/json.jpg"), (1, "/p/long.jpg")]
    assert tag["figures"][0]["name"] == "tags" and tag["figures"][0]["mean"] == 2
    assert verify["states"] == {"answered": 1, "unparsed": 1}
    assert verify["flags"] == {"missing_fields": 2}
    assert body["rows"] == []
    ran = inside("check", "answers", "1", "--stage", "caption", "--items")
    assert "caption by m@abcdef1: 28 questions, 22 answered" in ran.out
    assert "/p/f2.jpg  caption  failed: connection 18 lost" in ran.out
    assert "outlier: seconds 60 s  /p/slow.jpg" in ran.out
    assert "/p/no.jpg  caption  I cannot help.  1.1 s, echoes the prompt 60 %, declines" in ran.out


def test_answers_of_another_layout_stop_nothing(inside: InProcess) -> None:
    library = Library(inside.library)
    bodies: dict[str, Any] = {"/p/a.jpg": {"tags": ["sea"]}, "/p/b.jpg": {"tags": [{"tag": "sea"}]}}
    boxes: dict[str, Any] = {"/p/a.jpg": {"objects": [{"label": "car"}]}}
    odd = {"/p/a.jpg": {**said("x", seconds=float("nan"), tokens_out="many"), "facts": None},
           "/p/b.jpg": said("x y", seconds=float("inf"), tokens_out=4)}  # fmt: skip
    add_scan(library, "m", {"tag": bodies, "detect": boxes, "caption": odd})
    library.close()
    (body,) = inside("check", "answers", "1", "--json").json()
    tag, detect, caption = body["stages"]
    assert tag["states"] == {"failed": 1, "answered": 1} and detect["states"] == {"failed": 1}
    assert "another layout" in detect["failures"][0]["reason"]
    figures = {each["name"]: each["mean"] for each in caption["figures"]}
    assert figures == {"tokens_out": 4, "words": 1.5, "words_per_token": 0.5}


def test_a_scan_without_answers_says_so(scanned: InProcess) -> None:
    ran = scanned("check", "answers", "1")
    assert ran.code == 2 and "scan 1 asked no model" in ran.err
    assert scanned("check", "answers", "99").code == 2


def test_flags_follow_their_definitions() -> None:
    assert flags_of({"repetition": 0.29, "echo": 0.49, "looping": False}) == ()
    assert flags_of({"repetition": 0.3, "echo": 0.5, "looping": True, "empty": True}) == (
        "repeats", "loops", "echoes", "empty"
    )  # fmt: skip
