"""The text side in numpy gives the vectors of open_clip, or leaves a network to it."""

# ruff: noqa: RUF001 - the scripts are what is tested
from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from core.models.byte_pairs import BytePairs, vocabulary_path
from core.models.numpy_texts import text_side
from core.models.protocols import Loading
from core.models.registry import load
from tests.tiny.shelf import tiny_model

TEXTS = [
    "", "a cup", "A photo of a RED car, in the rain's 2nd hour!", "word " * 90, "it's 10:30",
    "Blitz über der Stadt", "嵐の夜に稲妻が光る", "fish &amp; chips", "naïve cafés — ½",
    "<end_of_text> a",
    "a\u00a0b  c\td", "🐈 cat", "antidisestablishmentarianism xyzzyqwv", "ﬁne ｗｉｄｅ",
]  # fmt: skip


def test_tokens_are_those_of_open_clip() -> None:
    from open_clip.tokenizer import SimpleTokenizer

    path = vocabulary_path()
    assert path is not None
    own, theirs = BytePairs(path), SimpleTokenizer()
    for text in TEXTS:
        assert own.encode(text) == theirs.encode(text), text


def test_vectors_are_those_of_the_loaded_model(tmp_path: Path) -> None:
    folder = tiny_model("open_clip")
    for quick in (False, True):
        copy = tmp_path / str(quick)
        shutil.copytree(folder, copy)
        path = copy / "open_clip_config.json"
        config = json.loads(path.read_text())
        config["model_cfg"]["quick_gelu"] = quick
        path.write_text(json.dumps(config))
        side = text_side(copy)
        assert side is not None and side.dimension == 32
        model: Any = load(Loading("tiny", "open_clip", copy, "local-tiny", dtype="float32"))
        try:
            wanted = model.embed_texts(TEXTS)
            assert np.abs(side.embed_texts(TEXTS) - wanted).max() < 1e-4
            assert side.unseen_text(TEXTS[3]) == model.unseen_text(TEXTS[3]) != ""
            assert side.unseen_text("a cup") == ""
        finally:
            model.close()


def test_other_networks_and_files_are_left_to_open_clip(tmp_path: Path) -> None:
    folder = tiny_model("open_clip")
    changes: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"hf_tokenizer_name": "x"}, {}), ({"pool_type": "last"}, {}), ({}, {"custom_text": True}),
        ({"width": 48}, {}), ({"layers": 1}, {}), ({"layers": 9}, {}), ({"vocab_size": None}, {}),
    ]  # fmt: skip
    for number, (text, more) in enumerate(changes):
        copy = tmp_path / str(number)
        shutil.copytree(folder, copy)
        path = copy / "open_clip_config.json"
        config = json.loads(path.read_text())
        config["model_cfg"]["text_cfg"] |= text
        config["model_cfg"] |= more
        if text.get("vocab_size", 0) is None:
            del config["model_cfg"]["text_cfg"]["vocab_size"]
        path.write_text(json.dumps(config))
        assert text_side(copy) is None, (text, more)
    assert text_side(tmp_path) is None
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / "open_clip_model.safetensors").write_bytes(b"\0" * 64)
    assert text_side(broken) is None
