"""What is refused before or while a checkpoint is loaded, and in which words."""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.errors import ModelRefused
from core.models import registry as table
from core.models.registry import family_of

from .looking import load

Copy = Callable[[str], Path]


def change(path: Path, **values: Any) -> None:
    """Change keys of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_an_unknown_architecture_asks_for_newer_transformers(own_copy: Copy) -> None:
    folder = own_copy("clip")
    change(folder / "config.json", model_type="clip_of_2031")
    with pytest.raises(ModelRefused, match=r"pip install --upgrade transformers"):
        load("clip", folder)


def test_a_checkpoint_of_another_family_is_refused() -> None:
    with pytest.raises(ModelRefused, match="not a model of the family"):
        load("yolos", "sam")


def test_an_embedder_without_its_text_side_is_refused(own_copy: Copy) -> None:
    folder = own_copy("siglip")
    for name in ("tokenizer.json", "tokenizer_config.json", "processor_config.json"):
        (folder / name).unlink(missing_ok=True)
    with pytest.raises(ModelRefused):
        load("siglip", folder)


def test_weights_of_another_shape_are_refused(own_copy: Copy) -> None:
    folder = own_copy("clip")
    change(folder / "config.json", projection_dim=16)
    with pytest.raises(ModelRefused, match=r"shape|size"):
        load("clip", folder)


def test_an_absent_shard_is_named(own_copy: Copy) -> None:
    folder = own_copy("clip")
    (folder / "model.safetensors").rename(folder / "model-00002.safetensors")
    weights = {"a": "model-00001.safetensors", "b": "model-00002.safetensors"}
    index = {"metadata": {}, "weight_map": weights}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelRefused, match=r"partly.*model-00001\.safetensors"):
        load("clip", folder)


@pytest.mark.parametrize("junk", [b"", b"abc", b"\xff" * 64, b"\x08\0\0\0\0\0\0\0notjson!"])
def test_junk_instead_of_weights_is_refused(own_copy: Copy, junk: bytes) -> None:
    folder = own_copy("clip")
    (folder / "model.safetensors").write_bytes(junk)
    with pytest.raises(ModelRefused, match=r"model\.safetensors"):
        load("clip", folder)


@pytest.mark.parametrize("family", ["clip", "open_clip"])
def test_a_pickle_beside_the_weights_is_never_opened(own_copy: Copy, family: str) -> None:
    folder = own_copy(family)
    mark = folder / "was-run"

    class Trap:
        def __reduce__(self) -> tuple[Any, tuple[str]]:
            return os.mkdir, (str(mark),)

    for name in ("pytorch_model.bin", "open_clip_pytorch_model.bin"):
        (folder / name).write_bytes(pickle.dumps(Trap()))
    load(family, folder).close()
    assert not mark.exists()


def test_remote_code_neither_runs_nor_is_asked_for(
    own_copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = own_copy("clip")
    mark = folder / "was-run"
    (folder / "evil.py").write_text(f"import os; os.mkdir({str(mark)!r})\nclass Config: pass\n")
    maps = {"AutoConfig": "evil.Config", "AutoModel": "evil.Config"}
    change(folder / "config.json", model_type="evil", auto_map=maps)
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(ModelRefused, match="consented"):
        load("clip", folder)
    assert not mark.exists()


def test_an_open_clip_folder_cannot_switch_remote_code_on(own_copy: Copy) -> None:
    folder = own_copy("open_clip")
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"] |= {
        "hf_tokenizer_name": "somebody/else",
        "tokenizer_kwargs": {"trust_remote_code": True},
    }
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    mark = folder / "was-run"
    (folder / "evil.py").write_text(f"import os; os.mkdir({str(mark)!r})\nclass T: pass\n")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "T", "auto_map": {"AutoTokenizer": ["evil.T", None]}})
    )
    with pytest.raises(ModelRefused):
        load("open_clip", folder)
    assert not mark.exists()


def test_an_open_clip_model_that_needs_another_repository_says_so(own_copy: Copy) -> None:
    folder = own_copy("open_clip")
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"]["hf_model_name"] = "xlm-roberta-base"
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(ModelRefused, match="xlm-roberta-base"):
        load("open_clip", folder)


def test_outside_text_is_cleaned_before_it_is_shown(own_copy: Copy) -> None:
    folder = own_copy("yolos")
    change(folder / "config.json", id2label={"0": "c\x1b[31mat", "1": "d\nog", "2": "per\u202eson"})
    labels = load("yolos", folder).labels  # type: ignore[attr-defined]
    assert not any(char in label for label in labels for char in "\x1b\n\u202e")


@pytest.mark.parametrize(
    "asked, said",
    [
        ({"attn": "flash_attention_2"}, "NVIDIA"),
        ({"attn": "sdpaa"}, "did you mean 'sdpa'"),
        ({"attn": "kernels-community/flash-attn3"}, "does not fetch"),
        ({"dtype": "float16"}, "float32"),
        ({"dtype": "int7"}, "float32"),
        ({"quantize": "8bit", "dtype": "bfloat16"}, "starts from float32"),
        ({"quantize": "4bit"}, "none or 8bit"),
        ({"device": "cuda:77"}, "device"),
        ({"device": "gpu"}, "cuda"),
    ],
)
@pytest.mark.parametrize("family", ["clip", "open_clip"])
def test_what_cannot_work_is_refused_before_anything_is_read(
    family: str, asked: dict[str, str], said: str, tmp_path: Path
) -> None:
    """The folder is empty: had anything been looked for, the refusal would be another."""
    with pytest.raises(ModelRefused, match=said):
        load(family, tmp_path, **asked)


@pytest.mark.parametrize("attn", ["eager", "sdpa"])
def test_the_identity_tells_what_was_used(attn: str) -> None:
    model = load("clip", "clip", attn=attn, dtype="bfloat16")
    assert (model.identity.attn, model.identity.dtype) == (attn, "bfloat16")
    model.close()


def test_an_attention_backend_the_architecture_lacks_is_refused() -> None:
    with pytest.raises(ModelRefused, match="attn = auto"):
        load("omdet_turbo", "omdet_turbo", attn="sdpa")


@pytest.mark.parametrize(
    "config, family",
    [
        ({"model_type": "clip"}, "clip"),
        ({"model_type": "siglip2"}, "siglip"),
        ({"model_type": "mm-grounding-dino"}, "grounding_dino"),
        ({"model_type": "rt_detr_v2"}, "rt_detr"),
        ({"model_type": "sam3_video"}, "sam3"),
        ({"model_cfg": {}, "preprocess_cfg": {}}, "open_clip"),
        ({"model_type": "minicpmv"}, "minicpm_remote"),
        ({"model_type": "florence2"}, "florence2"),
        (
            {"architectures": ["Qwen9VLForConditionalGeneration"], "vision_config": {}},
            "chat",
        ),
        ({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}, None),
        ({}, None),
    ],
)
def test_a_config_tells_its_family(config: dict[str, Any], family: str | None) -> None:
    assert family_of(config) == family
    assert family is None or family in table.FAMILIES


@pytest.mark.parametrize("name", ["qwen3_vl", "smolvlm", "minicpmv4_6", "lfm3_vl", "gemma3"])
def test_saved_chat_models_are_known_as_such(name: str, tiny_model: Callable[[str], Path]) -> None:
    assert family_of(json.loads((tiny_model(name) / "config.json").read_text())) == "chat"
