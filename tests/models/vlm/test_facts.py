"""Facts about answers: real ones, degenerate ones, and those on the border."""

from __future__ import annotations

from dataclasses import asdict

import pytest

from core.config.prompts import load_prompts
from core.models.answer_facts import (
    control_tokens,
    echo,
    facts,
    looping,
    missing_fields,
    refusal,
    repetition,
)
from core.models.protocols import Completion

GOOD = (
    "A bolt of lightning branches across the dark sky above a line of trees. The clouds around it "
    "are lit from inside in violet. In the foreground a wet road reflects the flash."
)
VERDICT = '{"verdict": "yes", "kind": "bolt", "frames": [3], "confidence": 0.9, "reason": "branch"}'


def test_what_was_measured_is_passed_on() -> None:
    report = facts(Completion("a cat", "stop", 0.51234567, 120, 20, 0.1, 4), "describe", "text")
    assert (report.tokens_in, report.tokens_out, report.batch) == (120, 20, 4)
    assert (report.seconds, report.first_token_seconds) == (0.5123, 0.1)
    assert (report.tokens_per_second, report.pictures_per_second) == (39.04, 1.95)
    assert report.peak_bytes is None, "nobody told"
    kept = {key: value for key, value in asdict(report).items() if value not in (None, ())}
    assert "missing_fields" not in kept and kept["looping"] is False


def test_what_a_backend_does_not_tell_is_none() -> None:
    report = facts(Completion("a cat", "unknown", 0.0), "", "text")
    assert (report.tokens_in, report.tokens_out, report.first_token_seconds) == (None, None, None)
    assert report.tokens_per_second is None and report.echo is None
    assert report.pictures_per_second is None


def test_a_question_that_showed_several_pictures_counts_them_all() -> None:
    report = facts(
        Completion("yes", "stop", 2.0, peak_bytes=1 << 30), "describe", "text", pictures=7
    )
    assert (report.pictures_per_second, report.peak_bytes) == (3.5, 1 << 30)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        (GOOD, 0.0),
        ("", None),
        ("one two three", 0.0),
        ("a b c d a b c d", 0.5),
        ("a b c d A, B; C. D!", 0.5),
        ("a b c x a b c y", 0.0),
        ("no " * 10, 0.9),
        ("1. a red car on the left 2. a red car on the left", 0.429),
        ("闪电划过夜空闪电划过夜空", 0.5),
        ("Ein Blitz über dem Fluß", 0.0),
    ],
)
def test_repetition(text: str, share: float | None) -> None:
    assert repetition(text) == share


@pytest.mark.parametrize(
    ("text", "loops"),
    [
        (GOOD, False),
        ("The sky is dark. " + "The lightning is bright. " * 4, True),
        ("The sky is dark. " + "The lightning is bright. " * 2, False),
        ("It is " + "very " * 6 + "bright", False),
        ("It is " + "very " * 8, True),
        ("It is very, very, very bright", False),
        ("It shows ! " + "!" * 40, True),
        ("Once. " + "a longer unit that was cut off in the end; " * 3 + "a longer un", True),
        ("ha ha ha ha", False),
        ("", False),
    ],
)
def test_looping(text: str, loops: bool) -> None:
    assert looping(text) is loops


def test_echo() -> None:
    prompt = load_prompts().get("detailed_description").text
    assert echo(prompt, prompt) == 1.0
    assert echo(GOOD, prompt) == 0.0
    assert echo("State only what can be seen: " + GOOD, prompt) == pytest.approx(0.09, abs=0.04)
    assert echo("A cat.", "cat") == 1.0
    assert echo("", prompt) is None and echo(GOOD, "") is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (GOOD, ()),
        ("x <|im_end|>\n<|im_start|>user<|im_end|>", ("<|im_end|>", "<|im_start|>")),
        ("<image><image> a", ("<image>",)),
        ("a</s>", ("</s>",)),
        ("<think>\nhm</think> yes", ("<think>", "</think>")),
        ("[INST] a [/INST]", ("[INST]", "[/INST]")),
        ("a < b and c > d, <b>bold</b>, <div>, |x|, [1]", ()),
        ("the <sos> sign", ()),
    ],
)
def test_control_tokens(text: str, found: tuple[str, ...]) -> None:
    assert control_tokens(text) == found


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("I'm sorry, but I can't help with that.", True),
        ("I cannot assist with identifying people in pictures.", True),
        ("As an AI language model, I do not have eyes.", True),
        ("I am unable to view images directly.", True),
        ("I\u2019m not able to see any pictures here.", True),
        (GOOD, False),
        ("I cannot see any lightning in these frames.", False),
        ("The man cannot help the dog.", False),
        ("I can't tell whether it is a cat or a dog.", False),
        ("A sign says: sorry, we are closed.", False),
        ("The wi-fi sign can't help being noticed.", False),
        (GOOD * 2 + "I'm sorry, but I can't help with that.", False),
    ],
)
def test_refusal(text: str, refused: bool) -> None:
    assert refusal(text) is refused


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        (VERDICT, ()),
        (f"Here you go:\n```json\n{VERDICT}\n```", ()),
        ('{"verdict": "no"}', ("kind", "frames", "confidence", "reason")),
        ("{not json} " + VERDICT, ()),
        (VERDICT[:40], ("verdict", "kind", "frames", "confidence", "reason")),
        ("[" * 5000, ("verdict", "kind", "frames", "confidence", "reason")),
        ('{"a":' * 5000, ("verdict", "kind", "frames", "confidence", "reason")),
    ],
)
def test_missing_fields(text: str, missing: tuple[str, ...]) -> None:
    assert missing_fields(text) == missing


def test_fields_are_looked_for_only_where_a_verdict_was_asked_for() -> None:
    answer = Completion("yes", "stop", 1.0)
    assert facts(answer, "p", "text").missing_fields == ()
    assert len(facts(answer, "p", "verdict").missing_fields) == 5


@pytest.mark.parametrize(
    ("text", "empty"), [("", True), (" \n.", True), ("7", False), ("é", False)]
)
def test_empty(text: str, empty: bool) -> None:
    assert facts(Completion(text, "stop", 1.0), "p", "text").empty is empty
