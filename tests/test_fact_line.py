"""The line of facts under an answer."""

from __future__ import annotations

from core.protocol.fact_line import fact_line


def test_it_says_what_was_measured_and_only_what_is_odd() -> None:
    facts = {
        "tokens_in": 300, "tokens_out": 28, "seconds": 2.125, "tokens_per_second": 13.18,
        "first_token_seconds": 0.41, "batch": 4, "peak_bytes": 812 * 2**20, "repetition": 0.0,
        "echo": 0.02, "looping": False, "refusal": False, "empty": False,
    }  # fmt: skip
    assert fact_line(facts) == (
        "300 + 28 tokens, 2.1 s, 13.2 tokens/s, first after 0.41 s, 4 at once, peak 812 MiB"
    )
    assert fact_line({"tokens_out": 3}) == "3 tokens"
    assert fact_line({}) == ""


def test_what_is_odd_is_said_and_cannot_reach_the_terminal_raw() -> None:
    said = fact_line(
        {"repetition": 0.5, "echo": 0.25, "looping": True, "refusal": True, "empty": True,
         "control_tokens": ["<|im_end|>", "\x1b[31m"], "missing_fields": ["verdict"]}
    )  # fmt: skip
    assert "repeats itself 50 %, echoes the prompt 25 %, loops, declines, says nothing" in said
    assert "<|im_end|>" in said and "\x1b" not in said and said.endswith("lacks verdict")


def test_what_is_not_part_of_the_answer_is_said() -> None:
    assert fact_line({"thought_letters": 1, "removed": ["</think>"]}) == (
        "without 1 character of reasoning"
    )
    assert fact_line({"removed": ["<|begin_of_box|>"]}) == "without <|begin_of_box|>"
    assert fact_line({"reduced": "44x33"}) == "picture reduced to 44x33"
