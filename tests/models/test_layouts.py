"""Folders as they really are: what loads and answers as the tidy one, and what is refused, how.

Besides the reports that the work was ordered with, cases follow these public ones:

huggingface/transformers#45385       old CLIP files hold `position_ids` that no module takes
huggingface/transformers#27923       a pointer of Git LFS in place of the weights
huggingface/transformers#34571       `stop_strings` in generation_config.json ask for a tokenizer
huggingface/transformers#29080       a repetition penalty of the repository changes answers
mlfoundations/open_clip#983          weights of transformers given to a network of open_clip
mlfoundations/open_clip#824          a `logit_bias` that the configuration does not mention
unslothai/unsloth#6978               scales of FP8 that are dropped as unexpected keys
Neph0s/CoSER#3                       an index that names shards which are not there
unslothai/unsloth-zoo#346            one file that is named like a shard
ThilinaRajapakse/simpletransformers#1169   a byte order mark before the JSON
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from core.errors import MissingExtra, ModelRefused, SightlineError
from core.models import registry
from core.models.protocols import Loading
from core.models.quantised_check import answer_of
from core.models.smoke_test import drawn
from tests.tiny import quantised as q
from tests.tiny.shelf import tiny_model

Copy = Callable[[str], Path]
Layout = Callable[[Path], None]
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 5\n"
WORDS = "what is in the picture?"
LAYER = "model.language_model.layers.0.mlp.gate_proj"


@dataclass(frozen=True)
class Case:
    """A tiny checkpoint, what is done to its folder, and the refusal; none if it still answers."""

    what: str
    model: str
    lay: Layout
    refused: str = ""
    family: str = ""
    weights: str = ""
    least: float = 0.9999
    """cosine with the answer of the tidy checkpoint"""
    more: dict[str, Any] = field(default_factory=dict)


def declared(quantise: Any, **config: Any) -> Layout:
    def lay(folder: Path) -> None:
        q.edit_weights(folder, q.of_projections(quantise))
        q.edit_config(folder, **config)

    return lay


def with_file(name: str, content: bytes | str, then: Layout | None = None) -> Layout:
    def lay(folder: Path) -> None:
        body = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(body)
        if then:
            then(folder)

    return lay


def extra(**tensors: torch.Tensor) -> Layout:
    named = {name.replace("__", "."): tensor for name, tensor in tensors.items()}
    return lambda folder: q.edit_weights(folder, lambda all_: all_ | named)


def renamed(new: str, old: str = q.WEIGHTS) -> Layout:
    def lay(folder: Path) -> None:
        (folder / old).rename(folder / new)

    return lay


def changed(name: str, change: Callable[[bytes], bytes]) -> Layout:
    def lay(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return lay


def sharded(
    index: str = "model.safetensors.index.json", variant: str = "", before: str = ""
) -> Layout:
    """Two shards and their index in place of the one file."""

    def lay(folder: Path) -> None:
        tensors = load_file(folder / q.WEIGHTS)
        names, placed = sorted(tensors), dict[str, str]()
        for number, part in enumerate((names[::2], names[1::2]), 1):
            shard = f"model{before}-0000{number}-of-00002{variant}.safetensors"
            save_file({n: tensors[n] for n in part}, folder / shard, metadata={"format": "pt"})
            placed |= dict.fromkeys(part, shard)
        (folder / index).write_text(json.dumps({"metadata": {}, "weight_map": placed}))
        (folder / q.WEIGHTS).unlink()

    return lay


def both(*lays: Layout) -> Layout:
    def lay(folder: Path) -> None:
        for each in lays:
            each(folder)

    return lay


def without_layer(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["text_config"]["num_hidden_layers"] = 1
    config["vision_config"]["deepstack_visual_indexes"] = [0]
    (folder / "config.json").write_text(json.dumps(config))


def beside_open_clip(folder: Path) -> None:
    text = (tiny_model("open_clip") / "open_clip_config.json").read_text()
    (folder / "open_clip_config.json").write_text(text)


STALE = json.dumps({"weight_map": {"a": "model-00001-of-00030.safetensors"}})
NVFP4 = json.dumps({"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "NVFP4"}})
MLX = {"group_size": 32, "bits": 4}
FP8 = {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [16, 16]}
ROW = torch.ones(64)

QUANTISED = [
    Case("ModelOpt FP8, cosmos-framework#157", "qwen3_vl",
         declared(q.float8, quantization_config={"quant_method": "modelopt", "quant_algo": "FP8"}),
         r"quantised by NVIDIA ModelOpt \(FP8\).*its answers would be wrong; choose the original"),
    Case("ModelOpt, only hf_quant_config.json", "qwen3_vl",
         both(declared(q.float8), with_file("hf_quant_config.json", NVFP4.replace("NVFP4", "FP8"))),
         r"by NVIDIA ModelOpt \(FP8\)"),
    Case("ModelOpt NVFP4", "qwen3_vl",
         both(declared(q.four_bit_floats), with_file("hf_quant_config.json", NVFP4)),
         r"by NVIDIA ModelOpt \(NVFP4\)"),
    Case("NVFP4 that nothing declares", "qwen3_vl", declared(q.four_bit_floats),
         r"quantised as NVFP4 .*names no quantisation method"),
    Case("NVFP4 by its name in transformers", "qwen3_vl",
         declared(q.four_bit_floats, quantization_config={"quant_method": "nvfp4"}),
         r"NVFP4 checkpoints is not supported"),
    Case("MLX", "qwen3_vl", declared(q.mlx, quantization=MLX),
         r"in the format of Apple's MLX \(4 bits, groups of 32\), which only MLX loads; .*"
         r"ask a server"),
    Case("MLX, as newer versions write it", "qwen3_vl",
         declared(q.mlx, quantization=MLX, quantization_config=MLX), r"Apple's MLX \(4 bits"),
    Case("FP8 with scales that nothing declares", "qwen3_vl", declared(q.float8),
         r"is quantised \(F8_E4M3 weights\), and its config.json names no.*down_proj.weight_sc"),
    Case("FP8 by ComfyUI's names", "clip",
         declared(lambda name, weight: {
             name: q.float8(name, weight)[name],
             name.replace("weight", "scale_weight"): torch.ones(())}), r"scale_weight would be i"),
    Case("FP8 with scales of another format, unsloth#6978", "qwen3_vl",
         declared(q.float8, quantization_config={"quant_method": "fp8", "activation_scheme": "st"}),
         r"quantised in a way that was not decoded: nothing takes \d+: .*weight_scale"
         r"|cannot be loaded"),
    Case("integers that nothing declares", "siglip",
         declared(lambda name, weight: {name: q.rows_of_integers(name, weight)[name]}),
         r"is quantised \(I8 weights\)"),
    Case("a method nobody knows", "qwen3_vl",
         declared(q.float8, quantization_config={"quant_method": "super8"}), r"by 'super8', which"),
    Case("a method declared for the text part", "qwen3_vl",
         declared(q.float8, text_config={**json.loads(
             (tiny_model("qwen3_vl") / "config.json").read_text())["text_config"],
             "quantization_config": {"quant_method": "super8"}}), r"by 'super8', which"),
    Case("GPTQ, its package named", "qwen3_vl",
         declared(lambda name, weight: {name: weight},
                  quantization_config={"quant_method": "gptq", "bits": 4, "group_size": 32}),
         r"needs a package that is not here: .*optimum|gptq"),
    Case("open_clip, FP8 with scales", "open_clip",
         lambda folder: q.edit_weights(folder, lambda all_: {
             **all_, "visual.proj": all_["visual.proj"].to(q.FLOAT8),
             "visual.proj.weight_scale": torch.ones(())}, "open_clip_model.safetensors"),
         r"is quantised \(F8_E4M3 weights\)"),
    Case("open_clip, ModelOpt", "open_clip", with_file("hf_quant_config.json", NVFP4),
         r"by NVIDIA ModelOpt \(NVFP4\)"),
    Case("FP8 without scales is a plain cast", "clip",
         declared(lambda name, weight: {name: weight.to(q.FLOAT8)}), least=0.99),
    Case("FP8 in blocks is decoded", "qwen3_vl",
         declared(q.float8_in_blocks, quantization_config=FP8), least=0.97),
]  # fmt: skip

DROPPED = [
    Case("a layer beyond the configuration", "qwen3_vl", without_layer,
         r"has weights that its network does not use \(\d+: .*layers\.1\..*different models"),
    Case("a bias that the layer does not add", "qwen3_vl",
         extra(**{f"{LAYER}.bias": ROW}), r"does not use \(1: .*gate_proj\.bias"),
    Case("an adapter merged into the file", "qwen3_vl",
         extra(**{f"{LAYER}.lora_A.weight": torch.ones(4, 32)}),
         r"does not use \(1: .*lora_A"),
    Case("position ids, transformers#45385", "clip",
         extra(text_model__embeddings__position_ids=torch.arange(77)[None])),
    Case("a block that predicts further tokens, as in GLM-4.5V", "qwen3_vl",
         extra(**{f"model.language_model.layers.2.{name}.weight": torch.ones(32, 32)
                  for name in ("eh_proj", "self_attn.q_proj", "shared_head.norm")})),
    Case("a head of another task", "clip", extra(classifier__weight=torch.ones(3, 32))),
    Case("open_clip, another tensor", "open_clip",
         lambda folder: q.edit_weights(folder, lambda all_: {**all_, "visual.odd": ROW},
                                       "open_clip_model.safetensors"),
         r"weights of another network than open_clip_config.json .*visual\.odd"),
]  # fmt: skip

CHOSEN = [
    Case("a stale index, CoSER#3", "clip", with_file("model.safetensors.index.json", STALE)),
    Case("an index that is no JSON", "clip", with_file("model.safetensors.index.json", "{")),
    Case("shards beside another, broken copy", "qwen3_vl",
         both(sharded(), with_file("model.safetensors", b"broken"))),
    Case("a broken file that is not needed", "clip", with_file("consolidated.safetensors", LFS)),
    Case("text that is not needed", "clip", with_file("trainer_state.json", "")),
    Case("one file named like a shard, unsloth-zoo#346", "clip",
         renamed("model-00001-of-00001.safetensors")),
    Case("only a variant", "clip", renamed("model.fp16.safetensors")),
    Case("only shards of a variant", "qwen3_vl",
         sharded("model.safetensors.index.fp16.json", ".fp16")),
    Case("only shards of a variant, as transformers saves them now", "clip",
         sharded("model.safetensors.index.fp16.json", before=".fp16")),
    Case("the index of a variant by its name", "clip",
         both(sharded("model.safetensors.index.fp16.json", before=".fp16"),
              with_file(q.WEIGHTS, b"broken")),
         weights="model.safetensors.index.fp16.json"),
    Case("a file by its name", "clip",
         both(renamed("mine.safetensors"), with_file("model.safetensors", b"broken")),
         weights="mine.safetensors"),
    Case("config.json that names other weights", "clip",
         lambda folder: q.edit_config(folder, transformers_weights="../other.safetensors")),
    Case("open_clip's configuration beside weights of transformers", "clip", beside_open_clip,
         family="open_clip"),
    Case("open_clip beside both", "open_clip",
         with_file("model.safetensors", b"broken")),
    Case("open_clip, only a variant", "open_clip",
         renamed("model.fp16.safetensors", "open_clip_model.safetensors")),
    Case("a pickle by its name", "clip", renamed("pytorch_model.bin"), "a pickle, which can run",
         weights="pytorch_model.bin"),
    Case("weights of transformers and no config.json, open_clip#983", "clip",
         both(beside_open_clip, lambda folder: (folder / "config.json").unlink()),
         r"configuration of open_clip and weights of transformers", family="open_clip"),
    Case("only consolidated.safetensors", "clip", renamed("consolidated.safetensors"),
         r"only as consolidated.safetensors, in Mistral's own format, which transformers does"),
    Case("only an adapter", "clip", renamed("adapter_model.safetensors"), "an adapter"),
    Case("shards without an index", "qwen3_vl",
         both(sharded(), lambda folder: (folder / "model.safetensors.index.json").unlink()),
         "no index that names its weights"),
    Case("a shard that leads out", "clip",
         both(with_file("model.safetensors.index.json",
                        '{"weight_map": {"a": "../../x.safetensors"}}'),
              lambda folder: (folder / "model.safetensors").unlink()), r"x\.safetensors is absent"),
]  # fmt: skip

TEXTS = [
    Case("a configuration of another width", "clip",
         lambda folder: q.edit_config(folder, projection_dim=17),
         r"has weights of another shape than its config\.json describes"),
    Case("LFS pointer for weights, transformers#27923", "clip", with_file(q.WEIGHTS, LFS),
         r"/model.safetensors is a pointer of Git LFS, .*run `git lfs pull` in its folder"),
    Case("LFS pointer for the tokenizer", "clip", with_file("tokenizer.json", LFS),
         r"/tokenizer.json is a pointer of Git LFS"),
    Case("empty weights", "clip", with_file(q.WEIGHTS, b""),
         r"/model.safetensors is empty \(0 bytes\); copy the file into the folder again"),
    Case("empty configuration", "qwen3_vl", with_file("config.json", b""),
         r"/config.json is empty \(0 bytes\)"),
    Case("broken configuration", "clip", changed("config.json", lambda text: text[:-20]),
         r"/config.json is not valid JSON \(line \d+, column \d+: .*\); copy the file"),
    Case("broken generation settings", "qwen3_vl", with_file("generation_config.json", "{,}"),
         r"/generation_config.json is not valid JSON"),
    Case("a byte order mark, simpletransformers#1169", "clip",
         changed("config.json", lambda text: b"\xef\xbb\xbf" + text),
         r"/config.json begins with a byte order mark .*; save it as UTF-8 without"),
    Case("UTF-16", "clip", changed("config.json", lambda text: text.decode().encode("utf-16")),
         r"/config.json is UTF-16, not UTF-8; save it as UTF-8"),
    Case("zeros", "clip", changed("config.json", lambda text: bytes(len(text))), "but zeros"),
    Case("open_clip, empty", "open_clip", with_file("open_clip_config.json", b""),
         r"/open_clip_config.json is empty"),
    Case("a large tokenizer that was cut", "clip",
         changed("tokenizer.json", lambda text: text + b" " * 2**22 + b"}"),
         r"/tokenizer.json is not valid JSON"),
    Case("a binary file after a conversion of newlines", "siglip",
         with_file("spiece.model", b"\r\n\x08<unk>"), r"/spiece.model was changed by a conversion"),
    Case("Windows newlines in a chat template", "qwen3_vl",
         changed("chat_template.jinja", lambda text: text.replace(b"\n", b"\r\n"))),
    Case("Windows newlines", "clip",
         both(*(changed(name, lambda text: text.replace(b"\n", b"\r\n"))
                for name in ("config.json", "tokenizer.json", "processor_config.json")))),
]  # fmt: skip


@pytest.mark.parametrize("table", [QUANTISED, DROPPED, CHOSEN, TEXTS])
def test_a_folder_answers_as_the_tidy_one_or_is_refused(table: list[Case], own_copy: Copy) -> None:
    wrong = []
    for case in table:
        folder = own_copy(case.model)
        case.lay(folder)
        found = outcome(case, folder)
        if found:
            wrong.append(f"{case.what}: {found}")
        for path in sorted(folder.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        folder.rmdir()
    assert not wrong, "\n".join(wrong)


def outcome(case: Case, folder: Path) -> str:
    """Return what is not as expected of a folder, or an empty string."""
    import re

    try:
        answer = answered(folder, case.family or family_of(case.model), case.weights)
    except SightlineError as error:
        said = str(error)
        expected = isinstance(error, ModelRefused | MissingExtra) and "\n" not in said
        fits = case.refused and re.search(case.refused, said) and "models pull" not in said
        return "" if expected and fits else f"refused: {said}"
    if case.refused:
        return "answered"
    tidy = answered(tiny_model(case.model), family_of(case.model))
    cosine = float(answer @ tidy / np.linalg.norm(answer) / np.linalg.norm(tidy))
    return "" if cosine >= case.least else f"another answer, cosine {cosine}"


def answered(folder: Path, family: str, weights: str = "") -> Any:
    loading = Loading("tiny", family, folder, "local-1", weights=weights)
    model = registry.load(loading)
    try:
        return answer_of(model, drawn(), WORDS)
    finally:
        model.close()


def family_of(model: str) -> str:
    return "chat" if model.startswith("qwen") else model


def test_a_snapshot_of_the_hub_is_told_to_be_pulled_again(own_copy: Copy) -> None:
    folder = own_copy("clip")
    for name, body in (("config.json", b""), (q.WEIGHTS, LFS)):
        kept = (folder / name).read_bytes()
        (folder / name).write_bytes(body)
        with pytest.raises(ModelRefused, match=r"delete it and run `sightline models pull o/r`"):
            registry.load(Loading("o/r", "clip", folder, "a" * 40))
        (folder / name).write_bytes(kept)


def test_a_bias_that_was_trained_is_used(own_copy: Copy) -> None:
    """mlfoundations/open_clip#824: without it, probabilities would be those of another loss."""
    folder = own_copy("open_clip")
    q.edit_weights(
        folder, lambda all_: {**all_, "logit_bias": torch.tensor(-2.0)},
        "open_clip_model.safetensors",
    )  # fmt: skip
    model: Any = registry.load(Loading("tiny", "open_clip", folder, "local-1"))
    cosines = np.zeros((1, 2), np.float32)
    assert model.similarity_to_probability(cosines) == pytest.approx(1 / (1 + np.exp(2.0)))
    model.close()
