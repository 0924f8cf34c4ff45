"""Reasoning separated from answers: every form in use, and text that only mentions it.

vllm#31045 and #17144 report closing tags alone, mlx-vlm#2159 and #2170 box markers, Kimi-Dev#6 the
tags of Kimi, GLM-V#195 `<answer>`, vllm#42635 Gemma's channels, llama.cpp#15789 those of gpt-oss.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from core.inference.vlm import completions
from core.models.protocols import Completion
from core.models.thoughts import EMPTY, concluded, opens_reasoning, separated

HARMONY = "<|channel|>analysis<|message|>We see.<|end|><|start|>assistant"
FINAL = "<|channel|>final<|message|>A cat."

SEPARATED = (
    # (text, whether the prompt opened the reasoning, answer, the first mark, never ended)
    ("a cat", False, "a cat", "", False),
    ("<think>hm</think>a cat", False, "a cat", "<think>", False),
    ("<THINK >hm</Think>a cat", False, "a cat", "<THINK >", False),
    ("\n<think>\nhm, <think> again</think>\n\na cat", False, "a cat", "<think>", False),
    ("hm</think>a cat", True, "a cat", "</think>", False),
    ("hm</think>a cat", False, "a cat", "</think>", False),
    ("the tag </think> alone", False, "alone", "</think>", False),
    ("hm, never ended", True, "", "", True),
    ("<think>never ended", False, "", "<think>", True),
    ("<think></think>a cat", False, "a cat", "<think>", False),
    ("<think>a<think>b</think>c</think>d", False, "d", "<think>", False),
    ("<think>a</think>b</think>d", False, "d", "<think>", False),
    ("<think>a</think>first<think>b</think>second", False, "first second", "<think>", False),
    ("Let me see. <think>hm</think> A cat.", False, "Let me see. A cat.", "<think>", False),
    ("A cat.\n<think>is it", False, "A cat.", "<think>", True),
    ("<thinking>hm</thinking>a", False, "a", "<thinking>", False),
    ("<thought>hm</thought>a", False, "a", "<thought>", False),
    ("<reasoning>hm</reasoning>a", False, "a", "<reasoning>", False),
    ("<seed:think>hm</seed:think>a", False, "a", "<seed:think>", False),
    ("<longcat_think>hm</longcat_think>a", False, "a", "<longcat_think>", False),
    ("[THINK]hm[/THINK]a", False, "a", "[THINK]", False),
    ("\u25c1think\u25b7hm\u25c1/think\u25b7a", False, "a", "\u25c1think\u25b7", False),
    ("\u25c1think\u25b7hm", False, "", "\u25c1think\u25b7", True),
    ("<|START_THINKING|>hm<|END_THINKING|><|START_RESPONSE|>a<|END_RESPONSE|>", False, "a",
     "<|START_THINKING|>", False),
    ("<|begin_of_thought|>hm<|end_of_thought|><|begin_of_solution|>a<|end_of_solution|>", False,
     "a", "<|begin_of_thought|>", False),
    ("<|channel>thought\nhm<channel|>a", False, "a", "<|channel>thought", False),
    ("<unused94>thought\nhm<unused95>a", False, "a", "<unused94>thought", False),
    ("Here is my thought process: hm Here is my response: a", False, "a", "my thought process",
     False),
    (HARMONY + FINAL + "<|return|>", False, "A cat.", "<|channel|>analysis<|message|>", False),
    ("We see.<|end|><|start|>assistant" + FINAL, True, "A cat.", "<|channel|>final<|message|>",
     False),
    ("<|channel|>analysisWe see.<|channel|>finalA cat.", False, "A cat.", "<|channel|>analysis",
     False),
    (HARMONY, False, "", "<|channel|>analysis<|message|>", True),
    ("analysisWe see a cat.assistantfinalA cat.", False, "A cat.", "analysis", False),
    ("analysisWe see", False, "", "analysis", True),
    ("<think>x</think><answer>a</answer>", False, "a", "<think>", False),
    ("<answer>a", False, "a", "<answer>", False),
    ("<|begin_of_box|>{\"a\": 1}<|end_of_box|>", False, '{"a": 1}', "<|begin_of_box|>", False),
    # only mentioned
    ('A sign says "<think>".', False, 'A sign says "<think>".', "", False),
    ("A sign says <think> before you act.", False, "A sign says <think> before you act.", "",
     False),
    ("Tags: `<think>x</think>`, \u201c</think>\u201d.", False,
     "Tags: `<think>x</think>`, \u201c</think>\u201d.", "", False),
    ('{"text": "<think>", "tag": "</think>"}', False, '{"text": "<think>", "tag": "</think>"}', "",
     False),
    ('<think>says "it"</think>"A red car" is seen', False, '"A red car" is seen', "<think>",
     False),
    ("An analysis of the sky.", False, "An analysis of the sky.", "", False),
    ("analysis of the sky", False, "analysis of the sky", "", False),
    ("I am thinking [think] of <b>bold</b>.", False, "I am thinking [think] of <b>bold</b>.", "",
     False),
    ("", False, "", "", False),
)  # fmt: skip


def test_reasoning_is_separated() -> None:
    for text, begun, answer, mark, unfinished in SEPARATED:
        found = separated(text, begun)
        assert (found.text, found.unfinished) == (answer, unfinished), text
        assert (found.marks[0] if found.marks else "") == mark, text
        assert not unfinished or found.letters, text
        assert separated(found.text).text == found.text, f"{text}: twice changes nothing"


def test_a_hostile_text_takes_no_time() -> None:
    began = time.process_time()
    for text in ("x<think>", "<think>", "</think>", "`<think>` ", "<|channel|>final ", "<answer> "):
        separated(text * 20_000)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("finish", "error"),
    [
        ("length", "9 tokens spent on reasoning"),
        ("stop", "the model ended after its reasoning, without an answer"),
    ],
)
def test_nothing_but_reasoning_is_a_failure(finish: str, error: str) -> None:
    answer = Completion("", finish, 1.0, tokens_out=9)  # type: ignore[arg-type]
    failed = concluded(answer, separated("<think>hm"))
    assert failed.finish == "failed" and error in failed.error
    assert (failed.removed, failed.thought_letters) == (("<think>",), 2)
    cancelled = Completion("", "cancelled", 1.0)
    assert concluded(cancelled, separated("<think>hm")).finish == "cancelled"
    empty = Completion("", "stop", 1.0)
    assert concluded(empty, separated("")) == empty


@pytest.mark.parametrize(
    ("prompt", "opens"),
    [
        ("assistant\n<think>\n", True),
        ("assistant\n<think>\n\n</think>\n\n", False),
        ("\u25c1think\u25b7", True),
        ("<|start|>assistant<|channel|>analysis<|message|>", True),
        ("<|start|>assistant<|channel|>final<|message|>", False),
        ("<think> hello", False),
        ("", False),
    ],
)
def test_prompts_that_open_reasoning(prompt: str, opens: bool) -> None:
    assert opens_reasoning(prompt) is opens


def test_answers_of_any_family_are_separated() -> None:
    class Plugin:
        def finish(self, raw: list[str]) -> list[Completion]:
            return [Completion(text, "stop", 1.0, tokens_out=3) for text in raw]

    model: Any = Plugin()
    answer, thought = completions(model, ["<think>hm</think>a cat", "<think>hm"])
    assert (answer.text, answer.removed) == ("a cat", ("<think>", "</think>"))
    assert thought.finish == "failed" and "after its reasoning" in thought.error
    again: Any = type("Again", (), {"finish": lambda self, raw: raw})()
    assert completions(again, [answer]) == [answer], "what a family removed is kept"


def test_an_empty_answer_of_a_local_model_fails_as_one_of_a_server() -> None:
    class Fixed:
        def finish(self, raw: Any) -> list[Completion]:
            return [Completion(text, "stop", 0.1) for text in raw]

    model: Any = Fixed()
    blank = completions(model, ["", " \n", "\u200b\ufeff"])
    assert [(each.finish, each.error) for each in blank] == [("failed", EMPTY)] * 3
    assert completions(model, ["0"])[0].finish == "stop"
