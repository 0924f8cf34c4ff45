"""Weights that a user names, and local folders that hold something else than a model."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.errors import ModelRefused
from core.hub.hub import Hub
from core.models.weights import weight_sets
from tests.hub.local_hub import LocalHub
from tests.hub.test_layouts import (
    CHAT,
    FIVE,
    FP16,
    FP16_INDEX,
    INDEX,
    REFUSED,
    YOLOS,
    Files,
    W,
    index,
    repo_of,
    sharded,
    variant,
)

BY_NAME: dict[str, tuple[Files, str, str]] = {
    # what it is: (files, --weights, the refusal; none if it is fetched and whole)
    "the index of a variant": ({**YOLOS, **variant(*FP16)}, FP16_INDEX, ""),
    "the index of a variant beside others": (
        {**YOLOS, **variant(*FP16), "model.fp8.safetensors": W}, FP16_INDEX, "",
    ),
    "the index": ({**YOLOS, **sharded(*FIVE)}, INDEX, ""),
    "one of several shards": ({**YOLOS, **sharded(*FIVE)}, FIVE[0], "is one of several shards"),
    "a shard of a variant": ({**YOLOS, **variant(*FP16)}, FP16[1], "is one of several shards"),
    "an incomplete index": (
        {**YOLOS, **index(*FIVE), FIVE[0]: W}, INDEX, "its index names 1 file that it does not",
    ),
    "an adapter": (
        {**YOLOS, "model.safetensors": W, "adapter_model.safetensors": W},
        "adapter_model.safetensors", "is no weights of a whole model .*not downloaded",
    ),
    "Mistral's own layout": (
        {**CHAT, "consolidated.safetensors": W, "tokenizer.json": b"{}"},
        "consolidated.safetensors", "is no weights of a whole model .*not downloaded",
    ),
}  # fmt: skip


def test_weights_that_a_user_names_are_fetched_whole_or_refused(
    local_hub: LocalHub, hub: Hub
) -> None:
    for number, (what, (files, weights, refused)) in enumerate(BY_NAME.items()):
        repo = repo_of(number)
        local_hub.add(repo, files)
        local_hub.requests.clear()
        if refused:
            with pytest.raises(ModelRefused, match=refused):
                hub.plan(hub.resolve(repo, weights=weights))
            assert not any(seen.store for seen in local_hub.requests), what
            continue
        folder = hub.pull(hub.plan(hub.resolve(repo, weights=weights))).folder
        assert folder is not None, what
        assert next(weight_sets(folder)).named_by == weights, what
        assert Hub(offline=True).resolve(repo).folder == folder, what


LOCAL = {
    "adapter without configuration": "is an adapter .PEFT. of org/base, not a whole model",
    "adapter with configuration": "is an adapter .PEFT., not a whole model",
    "diffusers": "is a pipeline of diffusers",
    "GGUF": "has its weights only as GGUF; serve it with llama.cpp",
    "GGUF with configuration": "has its weights only as GGUF; serve it",
    "subfolder": "keeps its model in a subfolder .vision.; name the folder vision in it$",
    "ONNX": "has its weights only as ONNX",
}
"""what a folder of the user's own is called"""


def test_a_local_folder_of_another_kind_is_named_by_its_kind(tmp_path: Path, hub: Hub) -> None:
    for what, expected in LOCAL.items():
        folder = tmp_path / what
        for path, body in REFUSED[what][0].items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(body)
        with pytest.raises(ModelRefused, match=expected) as raised:
            hub.resolve(str(folder))
        assert "pull" not in str(raised.value), what


def test_a_pipe_in_a_local_folder_is_not_read(tmp_path: Path, hub: Hub) -> None:
    """Reading one waits until somebody writes into it, so a scan would never begin."""
    for path, body in {**YOLOS, "model.safetensors": W}.items():
        (tmp_path / path).write_bytes(body)
    before = hub.resolve(str(tmp_path)).revision
    os.mkfifo(tmp_path / "extra.json")
    os.mkfifo(tmp_path / "extra.safetensors")
    assert hub.resolve(str(tmp_path)).revision == before
