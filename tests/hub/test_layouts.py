"""Repositories as they are laid out by others: what is fetched of each, or why nothing is.

Public reports that describe these layouts:

- gpustack/gpustack#2257, vllm-project/vllm#7523, vllm#40765: consolidated and sharded weights, both
  are downloaded; llama.cpp#8807 the same with `consolidated-*-of-*`
- Blaizzy/mlx-vlm#1464: a stray model.safetensors beside the shards that the index names
- ggml-org/llama.cpp#6666: BLOOM's `model_00001-of-00072`; vllm-project/vllm-metal#418: `layers-0`
- T0mSIlver/localvoxtral#140: an index that names a file in a subfolder
- Blaizzy/mlx-vlm#624: an index copied from the model before it was quantised
- unslothai/unsloth#10558: records of training beside the weights
- huggingface/transformers#43640, huggingface/peft#298: an adapter read as a model
- vllm-project/llm-compressor#1305, lmstudio-ai/lmstudio-bug-tracker#468: no processor
- hiyouga/LlamaFactory#8709, LlamaFactory#6532: no tokenizer but tekken.json
- huggingface/diffusers#13559: Git LFS pointers in a copy of a repository
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from core.errors import ModelRefused
from core.hub.hub import Hub
from tests.hub.local_hub import LocalHub

Files = dict[str, bytes]

NOISE = random.Random(14).randbytes(1 << 20)
W = NOISE[:9000]
"""weights of a size that makes a large file of the hub"""
YOLOS: Files = {"config.json": b'{"model_type": "yolos"}', "preprocessor_config.json": b"{}"}
CHAT: Files = {
    "config.json": json.dumps({
        "model_type": "mistral3", "architectures": ["Mistral3ForConditionalGeneration"],
        "vision_config": {},
    }).encode(),
    "processor_config.json": b"{}",
}  # fmt: skip
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 4976698672\n" % (
    b"a" * 64
)
INDEX = "model.safetensors.index.json"
FIVE = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


def index(*names: str) -> Files:
    return {INDEX: json.dumps({"weight_map": {f"w{n}": p for n, p in enumerate(names)}}).encode()}


def sharded(*names: str) -> Files:
    return {**index(*names), **dict.fromkeys(names, W)}


FP16 = ("model.fp16-00001-of-00002.safetensors", "model.fp16-00002-of-00002.safetensors")
FP16_INDEX = "model.safetensors.index.fp16.json"


def variant(*names: str) -> Files:
    """Return shards as transformers saves them with `variant="fp16"`."""
    return {FP16_INDEX: index(*names)[INDEX], **dict.fromkeys(names, W)}


FETCHED: dict[str, tuple[Files, Files]] = {
    # what it is: (files that are needed, files that lie beside them)
    "consolidated weights beside shards": (
        {**CHAT, **sharded(*FIVE), "tokenizer.json": b"{}"},
        {"consolidated.safetensors": W, "params.bin": W, "tekken.json": W,
         "consolidated-00001-of-00002.safetensors": W, "consolidated.safetensors.index.json": W},
    ),
    "half precision beside shards": (
        {**YOLOS, **sharded(*FIVE)},
        {"model.fp16-00001-of-00002.safetensors": W, "model.safetensors.index.fp16.json": W,
         "model-00001-of-00002.fp16.safetensors": W, "model.fp16.safetensors": W},
    ),
    "another split of the same weights": (
        {**YOLOS, **sharded(*FIVE)},
        {f"model-0000{n}-of-00004.safetensors": W for n in range(1, 5)},
    ),
    "a stray single file beside shards": (
        {**YOLOS, **sharded(*FIVE)}, {"model.safetensors": W[:5000]},
    ),
    "six digits": (
        {**YOLOS, **sharded("model-000001-of-000002.safetensors",
                            "model-000002-of-000002.safetensors")}, {},
    ),
    "underscores": (
        {**YOLOS, **sharded("model_00001-of-00002.safetensors",
                            "model_00002-of-00002.safetensors")}, {},
    ),
    "names of layers": ({**YOLOS, **sharded("layers-0.safetensors", "layers-1.safetensors")}, {}),
    "a shard in a subfolder": (
        {**YOLOS, **sharded("model-00001-of-00001.safetensors", "optiq/vision.safetensors")},
        {"optiq/other.safetensors": W},
    ),
    "an index that names the single file": ({**YOLOS, **sharded("model.safetensors")}, {}),
    "a stale index beside the single file": (
        {**YOLOS, "model.safetensors": W}, index("model-00001-of-00010.safetensors"),
    ),
    "a broken index beside the single file": (
        {**YOLOS, "model.safetensors": W}, {INDEX: b"{"},
    ),
    "half precision only": ({**YOLOS, "model.fp16.safetensors": W}, {}),
    "half precision only, in shards": (
        {**YOLOS, **variant(*FP16)}, {"model.safetensors.index.json.bak": W},
    ),
    "half precision only, in shards of the former names": (
        {**YOLOS, **variant("model-00001-of-00002.fp16.safetensors",
                            "model-00002-of-00002.fp16.safetensors")}, {},
    ),
    "an index of pickles beside the single file": (
        {**YOLOS, "model.safetensors": W}, {**index("pytorch_model.bin"), "pytorch_model.bin": W},
    ),
    "records of training": (
        {**YOLOS, "model.safetensors": W, "training_args.json": b"{}"},
        {"trainer_state.json": NOISE + b"\n", "log.txt": NOISE + b" ", "optimizer.pt": W,
         "checkpoint-100/model.safetensors": W, "optimizer.safetensors": W},
    ),
    "an adapter beside the model": (
        {**YOLOS, "model.safetensors": W, "adapter_config.json": b"{}"},
        {"adapter_model.safetensors": W},
    ),
    "every other format beside": (
        {**YOLOS, "model.safetensors": W},
        {"pytorch_model.bin": W, "pytorch_model.bin.index.json": W, "tf_model.h5": W,
         "flax_model.msgpack": W, "model.gguf": W, "onnx/model.onnx": W,
         "onnx/config.json": b"{}", "original/consolidated.00.pth": W},
    ),
    "a configuration of Windows": (
        {**YOLOS, "model.safetensors": W,
         "config.json": b'{\r\n  "model_type": "yolos"\r\n}\r\n'}, {},
    ),
}  # fmt: skip

REFUSED: dict[str, tuple[Files, str]] = {
    "adapter without configuration": (
        {"adapter_config.json": b'{"base_model_name_or_path": "org/base"}',
         "adapter_model.safetensors": W, "README.md": b"x"},
        r"REPO is an adapter \(PEFT\) of org/base, not a whole model; merge it .*merge_and_unload",
    ),
    "adapter with configuration": (
        {**YOLOS, "adapter_model.safetensors": W}, r"REPO is an adapter \(PEFT\), not a whole",
    ),
    "diffusers": (
        {"model_index.json": b"{}", "unet/config.json": b"{}",
         "unet/diffusion_pytorch_model.safetensors": W},
        r"REPO is a pipeline of diffusers \(model_index\.json\), which generates pictures",
    ),
    "GGUF": (
        {"model-Q4_K_M.gguf": W, "mmproj-F16.gguf": W},
        r"REPO has its weights only as GGUF; serve it with llama\.cpp.*http://HOST:PORT/v1#MODEL",
    ),
    "GGUF with configuration": ({**CHAT, "m.gguf": W}, r"REPO has its weights only as GGUF"),
    "subfolder": (
        {"vision/config.json": b"{}", "vision/model.safetensors": W},
        r"REPO keeps its model in a subfolder \(vision\); .*--include 'vision/\*' --local-dir DIR",
    ),
    "sentence transformer": (
        {"modules.json": b"[]", "0_CLIPModel/config.json": b"{}",
         "0_CLIPModel/model.safetensors": W},
        r"keeps its model in a subfolder \(0_CLIPModel\); .*name the folder DIR/0_CLIPModel$",
    ),
    "missing shard": (
        {**YOLOS, **index(*FIVE), FIVE[0]: W},
        rf"REPO is incomplete: its index names 1 file that it does not have \({FIVE[1]}\)",
    ),
    "stale index": (
        {**YOLOS, **index(*(f"model-0000{n}-of-00009.safetensors" for n in range(1, 10))),
         FIVE[0]: W, FIVE[1]: W},
        r"its index names 9 files that it does not have \(model-00001-of-00009\.safetensors, …\)",
    ),
    "missing index": (
        {**YOLOS, FIVE[0]: W, FIVE[1]: W}, rf"has shards of weights without a readable {INDEX}",
    ),
    "broken index": (
        {**YOLOS, FIVE[0]: W, FIVE[1]: W, INDEX: b"<html>"}, rf"without a readable {INDEX}",
    ),
    "no processor": (
        {**CHAT, "processor_config.json": b"", "model.safetensors": W, "tokenizer.json": b"{}"},
        r"'processor_config\.json' has 0 bytes in the repository",
    ),
    "no processor at all": (
        {"config.json": CHAT["config.json"], "model.safetensors": W, "tokenizer.json": b"{}"},
        r"REPO has no preprocessor_config\.json or processor_config\.json, which says how pictures",
    ),
    "no tokenizer": ({**CHAT, "model.safetensors": W}, r"REPO has no tokenizer \(tokenizer\.json"),
    "tekken only": (
        {**CHAT, "model.safetensors": W, "tekken.json": W},
        r"REPO has its tokenizer only as tekken\.json, Mistral's own format; .* serve it with vLLM",
    ),
    "consolidated only": (
        {**CHAT, "consolidated.safetensors": W, "params.json": b"{}", "tokenizer.json": b"{}"},
        r"REPO has its weights only in Mistral's own layout \(consolidated\*\.safetensors\)",
    ),
    "pickle": (
        {**YOLOS, "pytorch_model.bin": W},
        r"only pytorch_model\.bin, a pickle\); pickles are never loaded",
    ),
    "pickle and ONNX": (
        {**YOLOS, "a.pt": W, "onnx/model.onnx": W}, r"only a\.pt, a pickle and as ONNX\)",
    ),
    "ONNX": ({**YOLOS, "onnx/model.onnx": W}, r"REPO has its weights only as ONNX; choose"),
    "TensorFlow and Flax": (
        {**YOLOS, "tf_model.h5": W, "flax_model.msgpack": W}, r"only as Flax, TensorFlow; choose",
    ),
    "OpenVINO": (
        {**YOLOS, "openvino_model.xml": W, "openvino_model.bin": W}, r"only as OpenVINO; choose",
    ),
    "Core ML": ({**YOLOS, "m.mlpackage/Manifest.json": b"{}"}, r"only as Core ML; choose"),
    "several precisions": (
        {**YOLOS, "model.fp16.safetensors": W, "model.fp8.safetensors": W},
        r"has no model\.safetensors; name one .* --weights: model\.fp16\.safetensors, model\.fp8",
    ),
    "a variant in shards beside another precision": (
        {**YOLOS, **variant(*FP16), "model.fp8.safetensors": W},
        rf"name one of its weights with --weights: {FP16_INDEX}, model\.fp8\.safetensors",
    ),
    "a missing shard of a variant": (
        {**YOLOS, **variant(*FP16[:1]), FP16_INDEX: index(*FP16)[INDEX]},
        rf"REPO is incomplete: its index names 1 file that it does not have \({FP16[1]}\)",
    ),
    "an index of pickles": (
        {**YOLOS, **index("pytorch_model.bin"), "pytorch_model.bin": W}, r"without a readable",
    ),
    "an unknown quantisation": (
        {**YOLOS, "model.safetensors": W, "config.json": json.dumps({
            "model_type": "yolos", "quantization_config": {"quant_method": "modelopt"}}).encode()},
        r"REPO is quantised by 'modelopt', which cannot be decoded here",
    ),
    "no weights": (YOLOS, r"REPO has no safetensors weights; choose a repository"),
    "nothing": ({"README.md": b"soon"}, r"REPO has no config\.json or open_clip_config\.json"),
    "empty weights": (
        {**YOLOS, "model.safetensors": b""}, r"'model\.safetensors' has 0 bytes in the repository",
    ),
    "empty shard": (
        {**YOLOS, **sharded(*FIVE), FIVE[1]: b""}, rf"'{FIVE[1]}' has 0 bytes in the repository",
    ),
    "pointer for weights": (
        {**YOLOS, **sharded(*FIVE), FIVE[1]: POINTER},
        rf"'{FIVE[1]}' is a Git LFS pointer in the repository, not the file itself",
    ),
    "pointer for the configuration": (
        {**YOLOS, "config.json": POINTER, "model.safetensors": W},
        r"'config\.json' is a Git LFS pointer",
    ),
    "empty configuration": (
        {**YOLOS, "config.json": b"\r\n", "model.safetensors": W},
        r"'config\.json' is empty in the repository \(2 bytes\)",
    ),
    "broken configuration": (
        {**YOLOS, "config.json": b'{"model_type": "yolos",}', "model.safetensors": W},
        r"'config\.json' is not valid JSON in the repository \(",
    ),
    "byte order mark": (
        {**YOLOS, "config.json": b"\xef\xbb\xbf" + YOLOS["config.json"], "model.safetensors": W},
        r"'config\.json' begins with a byte order mark in the repository",
    ),
    "UTF-16": (
        {**YOLOS, "config.json": '{"model_type": "yolos"}'.encode("utf-16-le"),
         "model.safetensors": W},
        r"'config\.json' is not valid JSON in the repository",
    ),
    "Latin-1": (
        {**YOLOS, "config.json": b'{"model_type": "yolos", "by": "\xe9"}', "model.safetensors": W},
        r"'config\.json' is not valid JSON in the repository .*utf-8",
    ),
    "list as configuration": (
        {**YOLOS, "config.json": b"[1]", "model.safetensors": W}, r"is JSON, but not an object",
    ),
}  # fmt: skip


def repo_of(number: int) -> str:
    return f"org/case-{number}"


def stored(hub: Hub, repo: str) -> Files:
    """Pull a model and return the files of its snapshot."""
    folder = hub.pull(hub.plan(hub.resolve(repo))).folder
    assert folder is not None
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_of_each_layout_only_the_needed_files_are_fetched(local_hub: LocalHub, hub: Hub) -> None:
    wrong = {}
    for number, (what, (needed, beside)) in enumerate(FETCHED.items()):
        local_hub.add(repo_of(number), {**beside, **needed})
        found = stored(hub, repo_of(number))
        if found != needed:
            wrong[what] = sorted(found.keys() ^ needed.keys())
        assert Hub(offline=True).resolve(repo_of(number)).folder is not None, what
    assert not wrong


def test_what_cannot_be_loaded_is_refused_before_its_weights_are_fetched(
    local_hub: LocalHub, hub: Hub
) -> None:
    for number, (what, (files, expected)) in enumerate(REFUSED.items()):
        repo = repo_of(number)
        local_hub.add(repo, files)
        with pytest.raises(ModelRefused, match=expected.replace("REPO", repo)) as raised:
            stored(hub, repo)
        assert "\n" not in str(raised.value), what
        assert not any(seen.store for seen in local_hub.requests), what
        assert not list(hub.cache.glob(f"models--{repo.replace('/', '--')}/blobs/*")), what


@pytest.mark.parametrize("what", ["consolidated weights beside shards", "another split of the same "
                                  "weights", "a stray single file beside shards"])  # fmt: skip
def test_bytes_fetched_are_those_of_the_needed_files(
    local_hub: LocalHub, hub: Hub, what: str
) -> None:
    needed, beside = FETCHED[what]
    large = {path: NOISE + path.encode() for path, body in needed.items() if body == W}
    needed = needed | large
    local_hub.add("org/large", {**beside, **needed})
    stored(hub, "org/large")
    size = sum(map(len, needed.values()))
    assert size > 2 * len(NOISE)
    assert size <= local_hub.served_bytes <= 1.01 * size


def snapshot(cache: Path, repo: str, files: Files, *, links: bool = True) -> str:
    """Lay out a snapshot as other tools do, and return its commit."""
    commit = "c" * 40
    folder = cache / f"models--{repo.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    for number, (path, body) in enumerate(files.items()):
        file = folder / "snapshots" / commit / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if not links:
            file.write_bytes(body)
            continue
        blob = folder / "blobs" / f"{number:040x}"
        blob.parent.mkdir(exist_ok=True)
        blob.write_bytes(body)
        file.symlink_to(blob)
    return commit


HERE = {
    "adapter without configuration": "an adapter",
    "adapter with configuration": "an adapter",
    "diffusers": "a pipeline of diffusers",
    "GGUF": "weights only as GGUF",
    "GGUF with configuration": "weights only as GGUF",
    "subfolder": "in a subfolder",
    "consolidated only": "only in Mistral's own layout",
    "ONNX": "only as ONNX",
    "pickle": "a pickle",
}
"""what a snapshot of another tool is called by a scan, `profiles validate` and the Models screen"""


def test_what_other_tools_left_is_named_for_what_it_is(local_hub: LocalHub, hub: Hub) -> None:
    from core.hub.overview import lines
    from core.hub.refusals import refused_here

    names = dict(zip(HERE, map(repo_of, range(len(HERE))), strict=True))
    for what, repo in names.items():
        snapshot(hub.cache, repo, REFUSED[what][0])
    snapshot(hub.cache, "org/whole", {**YOLOS, "model.safetensors": W})
    snapshot(hub.cache, "org/half", {**YOLOS, **index(*FIVE), FIVE[0]: W})
    refused = refused_here([*names.values(), "org/whole", "org/half", "org/absent"])
    assert refused.keys() == set(names.values())
    listed = {line.repo: line for line in lines(hub)}
    for what, repo in names.items():
        assert HERE[what] in refused[repo]
        other_tool = not HERE[what].startswith(("an adapter", "a pipeline"))
        assert (f"run `sightline models pull {repo}`" in refused[repo]) == other_tool, what
        assert (listed[repo].state, HERE[what] in listed[repo].why) == ("other", True), what
    assert (listed["org/whole"].state, listed["org/half"].state) == ("whole", "half")
    assert not local_hub.requests
