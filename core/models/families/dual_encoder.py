"""CLIP and its kin as transformers has them: CLIP, MetaCLIP 2, SigLIP, SigLIP 2 (also NaFlex).

SigLIP models were trained on lower-case texts padded to full length; CLIP pads to the longest.
Texts longer than the model's context lose their end.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...device.capability import capability
from ...device.precision import choose_dtype, torch_dtype
from .. import cpu_precision
from ..cpu_batches import ParallelBatches
from ..int8 import refuse_without_blocks, tower_to_eight_bits, wants_eight_bits
from ..loading import Pretrained, Resident, folder_of, open_pretrained, quiet, refusals
from ..preprocessing import Batch, batches, process, to_device
from ..protocols import Kind, Loading, Pixels
from ..similarity import calibration, unit
from ..unseen_text import unseen_text

TEXTS_AT_ONCE = 128


class DualEncoder(Resident):
    """Pictures and texts into one space; see `model.Embedder`."""

    kind: ClassVar[Kind] = "embedder"

    def __init__(self, loading: Loading) -> None:
        device = capability(loading.device)
        dtype = choose_dtype(loading.dtype, device)
        eight_bits = wants_eight_bits(loading.quantize, device, dtype)
        plain = replace(loading, quantize="none")
        loaded = open_pretrained(plain, "AutoModel", needs=("image_processor", "tokenizer"))
        if eight_bits:
            tower_to_eight_bits(loaded.model.vision_model, loading.name)
            loaded.identity = replace(loaded.identity, quantize=loading.quantize)
        self._loaded = loaded
        self._padded = str(loaded.model.config.model_type).startswith("siglip")
        self._length = int(loaded.model.config.text_config.max_position_embeddings)
        if cpu_precision.is_open(loading, device, loaded.model.vision_model):
            self._take_faster(loaded)
        super().__init__(loaded)
        self._cores = ParallelBatches(loaded.device)
        self._calibration = calibration(loaded.model)
        self._dimension = _dimension(loaded.model.config) or int(self.embed_texts(["a"]).shape[1])

    @staticmethod
    def check_loading(loading: Loading) -> None:
        """Refuse eight bits of a network that has none of the layers for it."""
        if loading.quantize != "none":
            with refusals(loading), quiet():
                tower = _without_weights(folder_of(loading)).vision_model
            refuse_without_blocks(tower, loading.name)

    @property
    def dimension(self) -> int:
        """Return the length of a vector."""
        return self._dimension

    @property
    def side(self) -> int:
        """Return the shortest side in pixels above which a picture shows it nothing more."""
        return shortest_side(self._loaded.processor.image_processor)

    def prepare(self, pictures: Sequence[Pixels]) -> list[Batch]:
        """Resize and normalise; raises ImageRejected naming the picture."""
        processed = process(self._loaded.processor.image_processor, pictures)
        return batches(processed, list(processed[0])) if processed else []

    def embed(self, prepared: list[Batch]) -> NDArray[np.float32]:
        """Return float32 (pictures, dimension), each row of unit length."""
        count = sum(len(batch.indices) for batch in prepared)
        vectors = np.empty((count, self._dimension), np.float32)
        for batch in prepared:
            parts = self._cores.run(partial(self._pictures, batch.inputs), _rows(batch))
            vectors[list(batch.indices)] = np.concatenate(parts)
        return vectors

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return float32 (texts, dimension), each row of unit length."""
        if not texts:
            return np.empty((0, self._dimension), np.float32)
        parts = [
            self._run("get_text_features", self._tokens(texts[at : at + TEXTS_AT_ONCE]))
            for at in range(0, len(texts), TEXTS_AT_ONCE)
        ]
        return np.concatenate(parts)

    def unseen_text(self, text: str) -> str:
        """Return the end of a text that is beyond the model's context, or an empty string."""
        return unseen_text(self._loaded.processor.tokenizer, text, self._length)

    def similarity_to_probability(self, similarity: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn cosines (pictures, texts) into the model's own probabilities."""
        return self._calibration.probability(similarity)

    def close(self) -> None:
        """Release all memory; the object cannot be used afterwards."""
        self._cores.close()
        super().close()

    def _pictures(self, inputs: Mapping[str, Any], rows: Any) -> NDArray[np.float32]:
        return self._run("get_image_features", {name: each[rows] for name, each in inputs.items()})

    def _tokens(self, texts: Sequence[str]) -> Any:
        return self._loaded.processor.tokenizer(
            [text.lower() for text in texts] if self._padded else list(texts),
            padding="max_length" if self._padded else True,
            truncation=True,
            max_length=self._length,
            return_tensors="pt",
        )

    def _run(self, side: str, inputs: Any) -> NDArray[np.float32]:
        return self._run_on(self._loaded.model, side, inputs)

    def _run_on(self, model: Any, side: str, inputs: Any) -> NDArray[np.float32]:
        import torch

        dtype = next(model.parameters()).dtype
        with torch.inference_mode():
            said = getattr(model, side)(**to_device(inputs, self._loaded.device, dtype))
        return unit(getattr(said, "pooler_output", said))

    def _take_faster(self, loaded: Pretrained) -> None:
        """Exchange the model for itself in the precision that this CPU is faster in."""
        (batch,) = self.prepare([cpu_precision.trial_picture()])
        tokens = self._tokens(["a photo of waves"])
        loaded.model, dtype = cpu_precision.faster_of_both(
            loaded.model,
            lambda model: self._run_on(model, "get_image_features", batch.inputs),
            lambda model: self._run_on(model, "get_text_features", tokens),
        )
        loaded.dtype = torch_dtype(dtype)
        loaded.identity = replace(loaded.identity, dtype=dtype)


def _dimension(config: Any) -> int:
    """Return the length of a vector where the configuration says it, else 0."""
    if str(config.model_type).startswith("siglip"):
        return int(getattr(config.text_config, "projection_size", 0) or 0)
    return int(getattr(config, "projection_dim", 0) or 0)


def _without_weights(folder: Path) -> Any:
    """Return the network as its configuration describes it, on the meta device."""
    import torch
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    with torch.device("meta"):
        return AutoModel.from_config(config, trust_remote_code=False)


def _rows(batch: Batch) -> Any:
    import torch

    return torch.arange(len(batch.indices))


def shortest_side(processor: Any) -> int:
    """Return the side to which a processor brings a picture, in pixels."""
    patches = getattr(processor, "max_num_patches", None)
    if patches is not None:
        return math.ceil(math.sqrt(patches)) * int(processor.patch_size)
    size = processor.size
    sides = [size.get(key) for key in ("shortest_edge", "height", "width", "longest_edge")]
    return int(max(side for side in sides if side))
