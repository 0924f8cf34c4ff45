"""What a repository's generation settings may change: where an answer ends, and nothing else.

huggingface/transformers#21185, #34571 and #29080 describe settings that crash or bend answers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from core.models.families.chat import ChatModel
from core.models.families.florence2 import Florence2
from core.models.generation_defaults import keep_token_numbers
from tests.models.vlm.asking import copied, edit_json, loading, said, singles

BENDING: dict[str, Any] = {
    "return_dict_in_generate": True,
    "output_scores": True,
    "output_attentions": True,
    "num_return_sequences": 2,
    "stop_strings": ["a", "e"],
    "guidance_scale": 3.0,
    "max_time": 1e-9,
    "repetition_penalty": 5.0,
    "encoder_repetition_penalty": 5.0,
    "no_repeat_ngram_size": 1,
    "min_new_tokens": 50,
    "bad_words_ids": [[5], [6], [7], [8]],
    "suppress_tokens": list(range(4, 200)),
    "begin_suppress_tokens": list(range(4, 200)),
    "sequence_bias": [[[9], 50.0]],
    "forced_eos_token_id": 7,
    "exponential_decay_length_penalty": [1, 5.0],
    "prompt_lookup_num_tokens": 3,
    "penalty_alpha": 0.6,
    "cache_implementation": "static",
    "watermarking_config": {"bias": 9.0},
    "num_beam_groups": 2,
    "token_healing": True,
    "speculation_type": "dflash",
    "remove_invalid_values": True,
    "renormalize_logits": True,
}
HARMLESS: dict[str, Any] = {
    "do_sample": True, "temperature": 0.01, "top_p": 0.5, "top_k": 3, "num_beams": 4,
    "max_length": 1, "max_new_tokens": 1, "use_cache": True, "repetition_penalty": 1.0,
    "transformers_version": "4.30.0",
}  # fmt: skip
"""replaced by every question anyway, or neutral"""


def answered(folder: Path, kind: Any = ChatModel, family: str = "chat") -> tuple[Any, str]:
    model = kind(loading(family, folder))
    try:
        answers = [(each.text, each.finish, each.tokens_out) for each in said(model, singles()[:2])]
        return answers, model.identity.preprocessing
    finally:
        model.close()


def generation(folder: Path, **settings: Any) -> None:
    path = folder / "generation_config.json"
    kept = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps({**kept, **settings}))


def test_each_setting_leaves_answers_as_they_are(tmp_path: Path) -> None:
    folder = copied("qwen3_vl", tmp_path)
    path = folder / "generation_config.json"
    before = path.read_text() if path.is_file() else "{}"
    plain = answered(folder)
    wrong = []
    for name, value in BENDING.items():
        path.write_text(json.dumps({**json.loads(before), name: value}))
        answers, identity = answered(folder)
        if answers != plain[0]:
            wrong.append(f"{name}: {answers}")
        # The answers of former versions were bent: they are not taken for these.
        if identity == plain[1]:
            wrong.append(f"{name}: the identity is the same")
    assert not wrong, "\n".join(wrong)


def test_settings_that_never_counted_keep_the_identity(tmp_path: Path) -> None:
    folder = copied("qwen3_vl", tmp_path)
    plain = answered(folder)
    generation(folder, **HARMLESS)
    assert answered(folder) == plain


def test_old_settings_in_config_json_do_not_crash(tmp_path: Path) -> None:
    folder = copied("qwen3_vl", tmp_path)
    plain = answered(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    edit_json(folder / "config.json", repetition_penalty=5.0, no_repeat_ngram_size=1,
              num_return_sequences=2)  # fmt: skip
    assert answered(folder)[0] == plain[0]


def test_tokens_that_end_an_answer_are_kept(tmp_path: Path) -> None:
    folder = copied("qwen3_vl", tmp_path)
    model = ChatModel(loading("chat", folder))
    (first, *_) = said(model, singles()[:1])
    made = model.prepare(singles()[:1])
    ids = model.answer(made, lambda: False)[0].rows[0].ids
    model.close()
    assert first.finish == "length"
    generation(folder, eos_token_id=[ids[1], 2])
    answers, _ = answered(folder)
    assert answers[0][1:] == ("stop", 1)


def test_florence2_begins_with_its_forced_token_and_is_not_cut_unseen(tmp_path: Path) -> None:
    folder = copied("florence2", tmp_path)
    plain = answered(folder, Florence2, "florence2")[0]
    generation(folder, no_repeat_ngram_size=3, num_beams=3, forced_eos_token_id=2,
               early_stopping=True)  # fmt: skip
    assert answered(folder, Florence2, "florence2")[0] == plain
    generation(folder, forced_bos_token_id=9)
    model = Florence2(loading("florence2", folder))
    rows = model.answer(model.prepare(singles()[:1]), lambda: False)[0].rows
    assert rows[0].ids[0] == 9
    model.close()


def test_a_language_model_inside_is_treated_alike() -> None:
    from types import SimpleNamespace

    from transformers import GenerationConfig

    inner = SimpleNamespace(
        generation_config=GenerationConfig(repetition_penalty=1.2, eos_token_id=[3, 4]),
        config=SimpleNamespace(),
    )
    model = SimpleNamespace(llm=inner, generation_config=None)
    assert keep_token_numbers(model) == {"repetition_penalty": 1.2}
    assert inner.generation_config.eos_token_id == [3, 4]
    assert inner.generation_config.repetition_penalty is None
