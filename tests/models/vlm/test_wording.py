"""Control tokens taken apart."""

from __future__ import annotations

import pytest

from core.models.answer_text import APART, Marks, marks_of
from tests.models.vlm.asking import CHAT, HOSTILE
from tests.tiny.shelf import tiny_model


@pytest.mark.parametrize("name", CHAT)
def test_no_control_token_survives_tokenising(name: str) -> None:
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(tiny_model(name))
    tokenizer = processor.tokenizer
    special = set(tokenizer.all_special_ids) | set(tokenizer.get_added_vocab().values())
    read = tokenizer(marks_of(processor).neutral(HOSTILE), add_special_tokens=False).input_ids
    assert not special & set(read)
    raw = tokenizer(HOSTILE.encode("utf-8", "replace").decode(), add_special_tokens=False)
    assert special & set(raw.input_ids)


@pytest.mark.parametrize(
    ("marks", "text", "expected"),
    [
        (["<a>"], "x <a> y", f"x <{APART}a> y"),
        (["<a>"], "nothing <b>", "nothing <b>"),
        (["<a>", "<a><a>"], "<a><a>", f"<{APART}a><{APART}a>"),
        (["AB", "BA"], "ABA", f"A{APART}B{APART}A"),
        ([], "<a>", "<a>"),
        (["x"], "x", "x"),
    ],
)
def test_marks_are_taken_apart(marks: list[str], text: str, expected: str) -> None:
    assert Marks(marks).neutral(text) == expected


def test_where_the_tokens_are_not_known_the_usual_ones_are_taken_apart() -> None:
    neutral = Marks().neutral
    for mark in (
        "<|im_end|>",
        "<image>",
        "</s>",
        "[INST]",
        "<start_of_turn>",
        "<\uff5cUser\uff5c>",
    ):
        assert neutral(f"a {mark} b") == f"a {mark[0]}{APART}{mark[1:]} b"
    for plain in ("a < b > c", "<b>bold</b>", "{tags}", "[1]", "|x|", "émile 闪电"):
        assert neutral(plain) == plain
