"""OWLv2: any labels, each on its own, so one label's score does not depend on the others.

Pictures are padded to a square below and to the right; boxes come as shares of that square's side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...records import Box
from ..boxes import RawDetections, collect, longest_side
from ..loading import Resident, open_pretrained
from ..preprocessing import process, shrunk, to_device
from ..protocols import Kind, Loading, Pixels

if TYPE_CHECKING:
    import torch

LABELS_AT_ONCE = 64
LABELS_KEPT = 4096


@dataclass(frozen=True, slots=True)
class Owlv2Inputs:
    """float32 (pictures, 3, side, side), each picture's labels, and its (height, width)."""

    pixels: torch.Tensor | None
    labels: tuple[tuple[str, ...], ...]
    sizes: tuple[tuple[int, int], ...]


class Owlv2(Resident):
    """Where things are that were named; see `model.Detector`."""

    kind: ClassVar[Kind] = "detector"
    open_vocabulary: ClassVar[bool] = True

    def __init__(self, loading: Loading) -> None:
        loaded = open_pretrained(
            loading,
            "AutoModelForZeroShotObjectDetection",
            needs=("image_processor", "tokenizer"),
            exact=True,
        )
        super().__init__(loaded)
        self._known: dict[str, torch.Tensor] = {}
        self._length = int(loaded.model.config.text_config.max_position_embeddings)

    @property
    def labels(self) -> tuple[str, ...]:
        """Return nothing: it takes any labels."""
        return ()

    @property
    def side(self) -> int:
        """Return the longest side in pixels above which a picture shows it nothing more."""
        return longest_side(self._loaded.processor.image_processor)

    def prepare(self, pictures: Sequence[Pixels], labels: Sequence[Sequence[str]]) -> Owlv2Inputs:
        """Resize, pad and normalise; the texts are read by `detect`, each only once."""
        import torch

        processor = self._loaded.processor.image_processor
        # Its own way of making a large picture small takes half a second.
        processed = process(processor, pictures, before=lambda one: shrunk(one, self.side))
        pixels = [one["pixel_values"] for one in processed]
        return Owlv2Inputs(
            torch.cat(pixels) if pixels else None,
            tuple(tuple(label for label in named if label.strip()) for named in labels),
            tuple(picture.shape[:2] for picture in pictures),
        )

    def detect(self, prepared: Owlv2Inputs) -> Any:
        """Run the model; return logits (places, labels) and boxes (places, 4) per picture."""
        import torch

        if prepared.pixels is None:
            return [], prepared
        with torch.inference_mode():
            self._learn(prepared.labels)
            inputs = to_device({"pixels": prepared.pixels}, self.device, self._loaded.dtype)
            maps = self._loaded.model.image_embedder(inputs["pixels"])[0]
            features = maps.flatten(1, 2)
            places = self._loaded.model.box_predictor(features, maps).float().cpu()
            logits = [
                self._logits(features[index : index + 1], named)
                for index, named in enumerate(prepared.labels)
            ]
        return list(zip(logits, places, strict=True)), prepared

    def finish(self, raw: Any, threshold: float) -> list[list[Box]]:
        """Return for each picture its boxes, best first; a box is of its best label only."""
        rows, prepared = raw
        outputs = zip(rows, prepared.labels, prepared.sizes, strict=True)
        return [
            collect([_found(logits, places, named, max(size))], size, threshold) if named else []
            for (logits, places), named, size in outputs
        ]

    def close(self) -> None:
        """Release all memory; the object cannot be used afterwards."""
        self._known.clear()
        super().close()

    def _logits(self, features: torch.Tensor, labels: Sequence[str]) -> Any:
        import torch

        if not labels:
            return None
        queries = torch.stack([self._known[label] for label in labels])[None]
        return self._loaded.model.class_predictor(features, queries)[0][0].float().cpu()

    def _learn(self, labels: Sequence[Sequence[str]]) -> None:
        """Embed each label that is new; the same few come with every picture of a scan."""
        if len(self._known) > LABELS_KEPT:
            self._known.clear()
        new = [*dict.fromkeys(one for named in labels for one in named if one not in self._known)]
        for at in range(0, len(new), LABELS_AT_ONCE):
            some = new[at : at + LABELS_AT_ONCE]
            self._known.update(zip(some, self._embed(some), strict=True))

    def _embed(self, labels: list[str]) -> torch.Tensor:
        tokens = self._loaded.processor.tokenizer(
            labels,
            padding="max_length",
            truncation=True,
            max_length=self._length,
            return_tensors="pt",
        )
        said = self._loaded.model.owlv2.get_text_features(
            **to_device(tokens, self.device, self._loaded.dtype)
        )
        vectors: torch.Tensor = getattr(said, "pooler_output", said)
        units: torch.Tensor = vectors / vectors.norm(dim=-1, keepdim=True)
        return units


def _found(logits: Any, places: Any, labels: tuple[str, ...], side: int) -> RawDetections:
    best = logits.max(dim=-1)
    centre, half = places[:, :2], places[:, 2:] / 2
    corners = np.concatenate([(centre - half).numpy(), (centre + half).numpy()], axis=1)
    return RawDetections(
        tuple(labels[index] for index in best.indices.tolist()),
        best.values.sigmoid().numpy(),
        corners * np.float32(side),
    )
