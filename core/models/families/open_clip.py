"""CLIP models in the format of open_clip: `open_clip_config.json` beside its safetensors.

open_clip's own loader would start from random weights where a file is absent, read pickles, and
let the config of a folder switch remote code on; so the weights are handed to it here by name.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...device.attention import choose_attention
from ...device.capability import capability
from ...device.precision import choose_dtype, torch_dtype
from ...errors import ModelRefused
from ...text import clean
from .. import cpu_precision
from ..cpu_batches import ParallelBatches
from ..first_token import keep_first_token
from ..int8 import refuse_without_blocks, tower_to_eight_bits, wants_eight_bits
from ..lean_imports import open_clip_package, transforms, without_compiler
from ..loading import Pretrained, Resident, digest_of, folder_of, quiet, refusals
from ..preprocessing import each, middle, tensor
from ..protocols import Identity, Kind, Loading, Pixels
from ..quick_build import without_random_weights
from ..similarity import calibration, unit
from ..unseen_text import unseen_text
from ..weights import again
from .open_clip_files import (
    PREFERRED,
    check_open_clip_files,
    learned_bias,
    refuse_other_network,
)
from .open_clip_texts import encode_short, ends_at_end_token

if TYPE_CHECKING:
    import torch

CONFIG = "open_clip_config.json"
TEXTS_AT_ONCE = 128


class OpenClip(Resident):
    """Pictures and texts into one space; see `model.Embedder`."""

    kind: ClassVar[Kind] = "embedder"

    def __init__(self, loading: Loading) -> None:
        super().__init__(_open(loading))
        self._cores = ParallelBatches(self.device)
        self._resize = Resize(self._loaded.model.visual.preprocess_cfg)
        self._calibration = calibration(self._loaded.model)
        self._dimension = int(_config(folder_of(loading), loading.name)["embed_dim"])

    @staticmethod
    def check_loading(loading: Loading) -> None:
        """Refuse unusable files, and eight bits of a network that has no layers for it."""
        folder = folder_of(loading)
        check_open_clip_files(folder, loading)
        if loading.quantize == "none":
            return
        config = _config(folder, loading.name)
        with refusals(loading), _no_root_handler():
            tower = _without_weights(folder, config).visual
        refuse_without_blocks(tower, loading.name)

    @property
    def dimension(self) -> int:
        """Return the length of a vector."""
        return self._dimension

    @property
    def side(self) -> int:
        """Return the shortest side in pixels above which a picture shows it nothing more."""
        return max(self._resize.height, self._resize.width)

    def prepare(self, pictures: Sequence[Pixels]) -> Any:
        """Resize and normalise to float32 (pictures, 3, side, side)."""
        import torch

        made = [one["pixels"] for one in each(pictures, lambda one: {"pixels": self._resize(one)})]
        empty = torch.empty((0, 3, self._resize.height, self._resize.width), dtype=torch.uint8)
        return self._resize.normalise(torch.stack(made) if made else empty)

    def embed(self, prepared: Any) -> NDArray[np.float32]:
        """Return float32 (pictures, dimension), each row of unit length."""
        if not len(prepared):
            return np.empty((0, self._dimension), np.float32)
        pictures = prepared.to(self.device, self._loaded.dtype)
        return np.concatenate(self._cores.run(partial(self._run, "encode_image"), pictures))

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 (texts, dimension), each row of unit length."""
        if not texts:
            return np.empty((0, self._dimension), np.float32)
        tokens = self._loaded.processor(list(texts))
        parts = [
            self._texts(tokens[at : at + TEXTS_AT_ONCE].to(self.device))
            for at in range(0, len(texts), TEXTS_AT_ONCE)
        ]
        return np.concatenate(parts)

    def unseen_text(self, text: str) -> str:
        """Return the end of a text that is beyond the model's context, or an empty string."""
        tokenizer = self._loaded.processor
        return unseen_text(tokenizer, text, int(tokenizer.context_length))

    def similarity_to_probability(self, similarity: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn cosines (pictures, texts) into the model's own probabilities."""
        return self._calibration.probability(similarity)

    def close(self) -> None:
        """Release all memory; the object cannot be used afterwards."""
        self._cores.close()
        super().close()

    def _texts(self, tokens: torch.Tensor) -> NDArray[np.float32]:
        import torch

        if not ends_at_end_token(self._loaded.model):
            return self._run("encode_text", tokens)
        with torch.inference_mode():
            return unit(encode_short(self._loaded.model, tokens))

    def _run(self, side: str, inputs: Any) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            return unit(getattr(self._loaded.model, side)(inputs))


class Resize:
    """What open_clip's transform does, on uint8 tensors instead of PIL pictures.

    At most one level of difference for a picture that is made smaller, several times faster.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        size = settings.get("size", 224)
        sides = (size, size) if isinstance(size, int) else size
        self.height, self.width = int(sides[0]), int(sides[1])
        self.mode = str(settings.get("resize_mode") or "shortest")
        self.interpolation = str(settings.get("interpolation") or "bicubic")
        self.fill = int(settings.get("fill_color") or 0)
        self.mean, self.std = settings["mean"], settings["std"]

    def __call__(self, picture: Pixels) -> torch.Tensor:
        """Return uint8 (3, height, width)."""
        functional = transforms()
        whole = tensor(middle(picture) if self.mode == "shortest" else picture)
        mode = "bilinear" if self.interpolation == "bilinear" else "bicubic"
        resized = functional.resize(
            whole, self._size(*whole.shape[1:]), functional.InterpolationMode(mode), antialias=True
        )
        return self._cut(resized).contiguous()

    def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return uint8 (n, 3, height, width) as float32 with the model's mean and deviation."""
        scaled = pixels.float().div_(255)
        vectors: torch.Tensor = transforms().normalize(
            scaled, list(self.mean), list(self.std), inplace=True
        )
        return vectors

    def _size(self, height: int, width: int) -> list[int]:
        if self.mode == "squash":
            return [self.height, self.width]
        if self.mode == "shortest" and self.height == self.width:
            long = int(self.height * max(height, width) / min(height, width))
            return [self.height, long] if height <= width else [long, self.width]
        ratios = height / self.height, width / self.width
        ratio = max(ratios) if self.mode == "longest" else min(ratios)
        return [max(1, round(height / ratio)), max(1, round(width / ratio))]

    def _cut(self, pixels: torch.Tensor) -> torch.Tensor:
        height, width = pixels.shape[1:]
        high, wide = max(0, self.height - height), max(0, self.width - width)
        if high or wide:
            border = [wide // 2, high // 2, (wide + 1) // 2, (high + 1) // 2]
            pixels = transforms().pad(pixels, border, fill=self.fill)
            height, width = pixels.shape[1:]
        top, left = round((height - self.height) / 2.0), round((width - self.width) / 2.0)
        return pixels[:, top : top + self.height, left : left + self.width]


def _open(loading: Loading) -> Pretrained:
    folder = folder_of(loading)
    device = capability(loading.device)
    dtype = choose_dtype(loading.dtype, device)
    eight_bits = wants_eight_bits(loading.quantize, device, dtype)
    if choose_attention(loading.attn, device, dtype) not in ("auto", "sdpa"):
        raise ModelRefused(f"open_clip has no attention backend {loading.attn}; use auto or sdpa")
    weights = check_open_clip_files(folder, loading)
    config = _config(folder, loading.name, loading.local)
    with refusals(loading), _quiet(config), _no_root_handler():
        model = _model(loading, folder, config, weights)
        tokenizer = _tokenizer(folder, config)
    model = model.to(loading.device, torch_dtype(dtype)).eval().requires_grad_(False)
    if cpu_precision.is_open(loading, device, model.visual):
        model, dtype = _faster(model, tokenizer)
    keep_first_token(model)
    if eight_bits:
        tower_to_eight_bits(model.visual, loading.name)
    facts = {} if weights.name in PREFERRED else {"weights": weights.name}
    identity = Identity(
        model=loading.name,
        revision=loading.revision,
        family=loading.family,
        dtype=dtype,
        attn="sdpa",
        quantize=loading.quantize,
        preprocessing=digest_of({"open_clip": dict(model.visual.preprocess_cfg), **facts}),
    )
    return Pretrained(model, tokenizer, identity, loading.device, torch_dtype(dtype))


def _faster(model: Any, tokenizer: Any) -> tuple[Any, str]:
    """Return the model in the precision that this CPU is faster in, and its name."""
    import torch

    resize = Resize(model.visual.preprocess_cfg)
    shown = resize.normalise(resize(cpu_precision.trial_picture())[None])
    tokens = tokenizer(["a photo of waves"])

    def pictures(one: Any) -> NDArray[np.float32]:
        with torch.inference_mode():
            return unit(one.encode_image(shown.to(next(one.parameters()).dtype)))

    def texts(one: Any) -> NDArray[np.float32]:
        with torch.inference_mode():
            return unit(one.encode_text(tokens))

    return cpu_precision.faster_of_both(model, pictures, texts)


def _model(loading: Loading, folder: Path, config: dict[str, Any], weights: Path) -> Any:
    open_clip = open_clip_package(config["vision_cfg"])
    with without_compiler(), without_random_weights():
        model = _built(open_clip, folder, **learned_bias(config, weights))
    with _by_reference(model), refuse_other_network(loading):
        open_clip.load_checkpoint(model, str(weights), strict=True)
    return model


@contextmanager
def _by_reference(model: Any) -> Iterator[None]:
    """Let a network take over the tensors it loads, rather than copy them into its own."""
    vars(model)["load_state_dict"] = partial(model.load_state_dict, assign=True)
    try:
        yield
    finally:
        del vars(model)["load_state_dict"]


def _without_weights(folder: Path, config: dict[str, Any]) -> Any:
    """Return the network as its configuration describes it, on the meta device."""
    import torch

    with torch.device("meta"):
        return _built(open_clip_package(config["vision_cfg"]), folder, "meta")


def _built(open_clip: Any, folder: Path, device: str = "cpu", **more: Any) -> Any:
    return open_clip.create_model(
        f"local-dir:{folder}", load_weights=False, pretrained_image=False, pretrained_text=False,
        device=device, **more,
    )  # fmt: skip


def _tokenizer(folder: Path, config: dict[str, Any]) -> Any:
    open_clip = open_clip_package(config["vision_cfg"])
    # A folder's config may ask for remote code; what is passed here overrules it.
    safe: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
    return open_clip.get_tokenizer(f"local-dir:{folder}", **(safe if _by_hub(config) else {}))


def _by_hub(config: dict[str, Any]) -> bool:
    """Return whether the tokenizer is one of transformers."""
    return bool(config["text_cfg"].get("hf_tokenizer_name"))


def _quiet(config: dict[str, Any]) -> AbstractContextManager[None]:
    """Keep transformers quiet, where it is used at all: importing it takes most of a second."""
    return quiet() if _by_hub(config) else nullcontext()


def _config(folder: Path, name: str, local: bool = False) -> dict[str, Any]:
    """Return the network's configuration. Raises ModelRefused where it cannot be used."""
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))["model_cfg"]
        text, vision = config["text_cfg"], config["vision_cfg"]
        dimension = config["embed_dim"]
        usable = isinstance(text, dict) and isinstance(vision, dict) and isinstance(dimension, int)
    except (OSError, ValueError, KeyError, TypeError):
        usable = False
    if not usable:
        raise ModelRefused(
            f"{clean(name)} has no usable {CONFIG}; it is not an open_clip model, or its files "
            f"are not complete: {again(name, local)}"
        )
    if text.get("hf_model_name"):
        raise ModelRefused(
            f"{clean(name)} takes its text tower's layout from another repository, "
            f"{clean(str(text['hf_model_name']), limit=80)}, which is not in its folder; choose "
            "a complete multilingual model, such as SigLIP 2 or MetaCLIP 2"
        )
    return dict(config)


@contextmanager
def _no_root_handler() -> Iterator[None]:
    """Keep open_clip's `logging.info` calls from giving the root logger a handler for stderr."""
    handler = logging.NullHandler()
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
