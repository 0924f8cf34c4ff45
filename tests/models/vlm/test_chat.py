"""Chat models: templates, thinking, slices, and how answers end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.errors import ImageRejected, ModelRefused
from core.models.families.chat import ChatModel
from core.models.protocols import VlmRequest
from tests.models.vlm.asking import copied, edit_json, four, loading, picture, said
from tests.tiny.shelf import tiny_model


def chat(folder: Path, **options: Any) -> ChatModel:
    return ChatModel(loading("chat", folder, **options))


def test_an_end_token_ends_an_answer(tmp_path: Path) -> None:
    ask = VlmRequest((picture(0, 96, 96),), "describe", max_tokens=12)
    model = chat(tiny_model("qwen3_vl"))
    (row,) = model.answer(model.prepare([ask]), lambda: False)[0].rows
    end = next(n for n in range(1, 12) if row.ids[n] not in row.ids[:n])
    folder = copied("qwen3_vl", tmp_path)
    edit_json(folder / "generation_config.json", eos_token_id=[row.ids[end]])
    model = chat(folder)
    short, cut = said(model, [ask, replace(ask, max_tokens=end)])
    assert (short.finish, short.tokens_out) == ("stop", end)
    assert (cut.finish, cut.tokens_out) == ("length", end)
    assert short.text == cut.text == said(model, [ask])[0].text


def test_thinking_goes_to_the_template_and_thoughts_are_cut_off(tmp_path: Path) -> None:
    folder = copied("qwen3_vl", tmp_path)
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text() + "{% if enable_thinking %}<think>\n{% endif %}")
    ask = four()[0]
    quick, thinking = chat(folder), chat(folder, thinking=True)
    (at_once,) = said(quick, [ask])
    (thought,) = said(thinking, [ask])
    assert at_once.text and at_once.tokens_in is not None
    assert thought.tokens_in is not None and thought.tokens_in > at_once.tokens_in
    assert (thought.text, thought.finish, thought.tokens_out) == ("", "failed", 8)
    assert "8 tokens spent on reasoning" in thought.error
    assert quick.identity != thinking.identity


def test_a_system_prompt_goes_before_the_words_where_the_template_knows_none(
    tmp_path: Path,
) -> None:
    folder = copied("qwen3_vl", tmp_path)
    template = folder / "chat_template.jinja"
    refusing = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}"
    template.write_text(refusing + template.read_text())
    model = chat(folder)
    shown = (picture(0, 96, 96),)
    asks = [VlmRequest(shown, "describe", "be brief"), VlmRequest(shown, "be brief\n\ndescribe")]
    with_system, in_words = said(model, [replace(ask, max_tokens=8) for ask in asks])
    assert with_system.text == in_words.text
    assert with_system.tokens_in == in_words.tokens_in


def test_slices_of_a_large_picture_are_the_users_choice() -> None:
    large = VlmRequest((picture(0, 256, 192),), "describe", max_tokens=2)
    folder = tiny_model("minicpmv4_6")
    one, four_ = chat(folder, max_slice_nums=1), chat(folder, max_slice_nums=4)
    (few,), (many,) = said(one, [large]), said(four_, [large])
    assert few.tokens_in is not None and many.tokens_in is not None
    assert many.tokens_in > few.tokens_in + 10
    assert one.identity.preprocessing != four_.identity.preprocessing


def test_a_picture_the_processor_rejects_is_named() -> None:
    model = chat(tiny_model("qwen3_vl"))
    asks = four()
    asks[3] = replace(asks[3], pictures=(picture(0, 800, 2),))
    with pytest.raises(ImageRejected, match="aspect ratio") as caught:
        model.prepare(asks)
    assert caught.value.index == 3


def test_padding_is_on_the_left_whatever_the_checkpoint_says(tmp_path: Path) -> None:
    folder = copied("qwen3_vl", tmp_path)
    edit_json(folder / "tokenizer_config.json", padding_side="right")
    asks = four()
    right, left = chat(folder), chat(tiny_model("qwen3_vl"))
    assert [a.text for a in said(right, asks)] == [a.text for a in said(left, asks)]


def test_a_model_without_a_chat_template_is_refused(tmp_path: Path) -> None:
    folder = copied("qwen3_vl", tmp_path)
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(ModelRefused, match="has no chat template"):
        chat(folder)


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ raise_exception('only tools') }}", "only tools"),
        ("{{ messages[0]['content'] | no_such_filter }}", "no_such_filter"),
        ("{% for m in messages %}{{ m.content", "expected|unexpected|end"),
        ("{% for m in messages %}{% for c in m.content %}{{ c.text }}{% endfor %}{% endfor %}",
         "it omits the picture"),
        ("<image>", "it omits the picture"),
        ("{% for m in messages %}{{ m.content | length }}{% endfor %}", "it omits the question"),
    ],
)  # fmt: skip
def test_a_chat_template_that_cannot_ask_about_a_picture_is_refused_at_load(
    tmp_path: Path, template: str, why: str
) -> None:
    folder = copied("qwen3_vl", tmp_path)
    (folder / "chat_template.jinja").write_text(template)
    with pytest.raises(ModelRefused, match=f"chat template of .* cannot be used: .*({why})"):
        chat(folder)


def test_thoughts_marked_by_special_tokens_are_separated(tmp_path: Path) -> None:
    model = chat(tiny_model("qwen3_vl"))
    tokenizer = model._speller
    marks = ["<|channel|>", "<|message|>", "<|end|>", "<|begin_of_box|>", "<|end_of_box|>"]
    tokenizer.add_special_tokens({"additional_special_tokens": marks})
    model._thought_tokens = frozenset(tokenizer.convert_tokens_to_ids(marks))
    for text, answer in (
        ("<|channel|>analysis<|message|>a cat<|end|><|channel|>final<|message|>a red cat",
         "a red cat"),
        ("<|begin_of_box|>a cat<|end_of_box|>", "a cat"),
        ("a cat", "a cat"),
    ):  # fmt: skip
        ids = tuple(tokenizer(text, add_special_tokens=False).input_ids)
        assert model._decode(ids, False).text == answer


def test_a_processor_that_is_none_is_refused(tmp_path: Path) -> None:
    folder = copied("qwen3_vl", tmp_path)
    for name in ("processor_config.json", "preprocessor_config.json"):
        (folder / name).unlink(missing_ok=True)
    with pytest.raises(ModelRefused) as caught:
        chat(folder)
    assert "\n" not in str(caught.value) and "tiny/qwen3_vl" in str(caught.value)
