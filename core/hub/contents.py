"""What a repository is that has no weights for us, by the names of its files: nothing is fetched.

Each kind has a name and what a user can do instead.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ..text import clean, counted
from .weight_files import INDEX, ReadJson, WeightFiles

_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")
_ENDPOINT = "name it as an endpoint (http://HOST:PORT/v1#MODEL)"
_CONVERTED = "choose a repository that has it as safetensors"
_FORMATS = (
    ((".onnx",), "ONNX"),
    ((".msgpack",), "Flax"),
    ((".h5", ".keras", "saved_model.pb"), "TensorFlow"),
    ((".tflite",), "TensorFlow Lite"),
    (("openvino_model.xml",), "OpenVINO"),
    ((".mlmodel", "Manifest.json"), "Core ML"),
    ((".npz",), "NumPy"),
    ((".engine", ".plan"), "TensorRT"),
    ((".nemo",), "NeMo"),
)


@dataclass(frozen=True, slots=True)
class Contents:
    """What files are: `is_` continues "ORG/REPO ...", `instead` says what to do.

    `partial`: these may be a part of a repository that has other weights too. `known`: it is a kind
    of its own, not only something that is absent.
    """

    is_: str
    instead: str
    partial: bool = False
    known: bool = True
    folder: str = ""
    """what to do instead with a folder of the user's own, where that differs"""

    @property
    def text(self) -> str:
        """Return both in one line."""
        return f"{self.is_}; {self.instead}"

    @property
    def local(self) -> str:
        """Return both in one line, for a folder of the user's own."""
        return f"{self.is_}; {self.folder or self.instead}"


def contents(names: Collection[str], found: WeightFiles, read: ReadJson) -> Contents:
    """Return what files without loadable weights are; `found` is what `weight_files` says."""
    for look in (_adapter, _pipeline):
        if what := look(names, read):
            return what
    if found.missing:
        return _incomplete(found.missing)
    if found.others:
        return Contents(
            "has no model.safetensors",
            f"name one of its weights with --weights: {clean(', '.join(found.others), limit=200)}",
        )
    return _mistral(names) or _subfolder(names) or _gguf(names) or _other_format(names)


def without_config(names: Collection[str], read: ReadJson) -> Contents:
    """Return what files without a config.json are."""
    special = _adapter(names, read) or _pipeline(names, read) or _subfolder(names)
    return special or _gguf(names) or _mistral(names) or Contents(
        "has no config.json or open_clip_config.json",
        "it is not a model that sightline can load",
        known=False,
    )  # fmt: skip


def without_processor(lacking: str) -> Contents:
    """Return what a model is that lacks its processor."""
    return Contents(
        f"has no {lacking}, which says how pictures are prepared for it",
        "choose a repository that has one, such as that of the model it was made from",
    )


def without_tokenizer(names: Collection[str]) -> Contents:
    """Return what a model is that lacks its tokenizer."""
    if "tekken.json" in names:
        return Contents(
            "has its tokenizer only as tekken.json, Mistral's own format",
            f"choose a repository with a tokenizer.json, or serve it with vLLM and {_ENDPOINT}",
        )
    return Contents(
        "has no tokenizer (tokenizer.json, tokenizer.model, vocab.json or vocab.txt)",
        "choose a repository that has one, such as that of the model it was made from",
    )


def _adapter(names: Collection[str], read: ReadJson) -> Contents | None:
    file = "adapter_config.json"
    if file not in names and not any(name.startswith("adapter_model.") for name in names):
        return None
    base = (read(file) or {}).get("base_model_name_or_path") if file in names else ""
    of = f" of {clean(str(base), limit=120)}" if base else ""
    return Contents(
        f"is an adapter (PEFT){of}, not a whole model",
        "merge it into that model with peft (merge_and_unload), save that with its processor, and "
        "name the folder",
    )


def _pipeline(names: Collection[str], _read: ReadJson) -> Contents | None:
    if "model_index.json" not in names:
        return None
    return Contents(
        "is a pipeline of diffusers (model_index.json), which generates pictures",
        "choose a model that reads pictures; `sightline models list` has some of each kind",
    )


def _incomplete(missing: tuple[str, ...]) -> Contents:
    instead = "ask its authors to complete it, or choose another commit or repository"
    if missing == (INDEX,):
        return Contents(f"has shards of weights without a readable {INDEX}", instead)
    return Contents(
        f"is incomplete: its index names {counted(len(missing), 'file')} that it does not have "
        f"({clean(missing[0], limit=120)}{', …' if len(missing) > 1 else ''})",
        instead,
    )


def _mistral(names: Collection[str]) -> Contents | None:
    if not any(n.startswith("consolidated") and n.endswith(".safetensors") for n in names):
        return None
    return Contents(
        "has its weights only in Mistral's own layout (consolidated*.safetensors)",
        f"choose its conversion for transformers, or serve it with vLLM and {_ENDPOINT}",
        partial=True,
    )


def _subfolder(names: Collection[str]) -> Contents | None:
    folders = sorted({n.rpartition("/")[0] for n in names if n.endswith("/config.json")})
    if not folders or "config.json" in names:
        return None
    first = clean(folders[0], limit=120)
    return Contents(
        f"keeps its model in a subfolder ({clean(', '.join(folders), limit=120)})",
        f"download that with another tool (hf download ORG/REPO --include '{first}/*' --local-dir "
        f"DIR) and name the folder DIR/{first}",
        partial=True,
        folder=f"name the folder {first} in it",
    )


def _gguf(names: Collection[str]) -> Contents | None:
    if not any(name.endswith(".gguf") for name in names):
        return None
    return Contents(
        "has its weights only as GGUF",
        f"serve it with llama.cpp, Ollama or LM Studio and {_ENDPOINT}, or {_CONVERTED}",
        partial=True,
    )


def _other_format(names: Collection[str]) -> Contents:
    formats = [kind for ends, kind in _FORMATS if any(n.endswith(ends) for n in names)]
    pickles = sorted(name for name in names if name.endswith(_PICKLES))
    if pickles and "OpenVINO" not in formats:
        also = f" and as {', '.join(formats)}" if formats else ""
        return Contents(
            f"has no safetensors weights (only {clean(', '.join(pickles), limit=120)}, a pickle"
            f"{also})",
            "pickles are never loaded, so look for a conversion of it to safetensors",
            partial=True,
        )
    if formats:
        return Contents(f"has its weights only as {', '.join(formats)}", _CONVERTED, partial=True)
    return Contents("has no safetensors weights", _CONVERTED, known=False)
