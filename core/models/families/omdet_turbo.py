"""OmDet-Turbo: any labels, fast.

Where pictures of one batch have different numbers of labels, the model fills up with empty ones,
and these take part in choosing where to look. So only pictures with the same labels share a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ...records import Box
from ..boxes import RawDetections, collect, longest_side
from ..loading import Resident, open_pretrained
from ..preprocessing import batches, process, to_device
from ..protocols import Kind, Loading, Pixels

if TYPE_CHECKING:
    import torch

OVERLAP = 0.5
"""of two boxes of one label that overlap more, the worse is dropped; the value its authors use"""


@dataclass(frozen=True, slots=True)
class LabelGroup:
    """Pictures (counted from 0) that share their labels and the shape of their inputs."""

    indices: tuple[int, ...]
    labels: tuple[str, ...]
    inputs: dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class OmDetInputs:
    """The parts, and the (height, width) of every picture."""

    parts: tuple[LabelGroup, ...]
    sizes: tuple[tuple[int, int], ...]


class OmDetTurbo(Resident):
    """Where things are that were named; see `model.Detector`."""

    kind: ClassVar[Kind] = "detector"
    open_vocabulary: ClassVar[bool] = True

    def __init__(self, loading: Loading) -> None:
        super().__init__(
            open_pretrained(
                loading,
                "AutoModelForZeroShotObjectDetection",
                needs=("image_processor", "tokenizer"),
                exact=True,
            )
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """Return nothing: it takes any labels."""
        return ()

    @property
    def side(self) -> int:
        """Return the longest side in pixels above which a picture shows it nothing more."""
        return longest_side(self._loaded.processor.image_processor)

    def prepare(self, pictures: Sequence[Pixels], labels: Sequence[Sequence[str]]) -> OmDetInputs:
        """Resize, normalise and tokenise; one list of labels per picture."""
        processed = process(self._loaded.processor.image_processor, pictures)
        groups: dict[tuple[str, ...], list[int]] = {}
        for index, named in enumerate(labels):
            meant = tuple(label for label in named if label.strip())
            if meant:
                groups.setdefault(meant, []).append(index)
        parts = [
            LabelGroup(
                tuple(members[index] for index in batch.indices),
                meant,
                {**batch.inputs, **self._text(meant, len(batch.indices))},
            )
            for meant, members in groups.items()
            for batch in batches([processed[index] for index in members], ["pixel_values"])
        ]
        return OmDetInputs(tuple(parts), tuple(picture.shape[:2] for picture in pictures))

    def detect(self, prepared: OmDetInputs) -> Any:
        """Run the model on each part."""
        return [(part, self._run(part)) for part in prepared.parts], prepared.sizes

    def finish(self, raw: Any, threshold: float) -> list[list[Box]]:
        """Return for each picture its boxes, best first."""
        rows, sizes = raw
        found: list[list[Box]] = [[] for _ in sizes]
        for part, said in rows:
            detections = self._loaded.processor.post_process_grounded_object_detection(
                said,
                threshold=threshold,
                nms_threshold=OVERLAP,
                target_sizes=[sizes[index] for index in part.indices],
            )
            for index, one in zip(part.indices, detections, strict=True):
                found[index] = collect([_found(one, part.labels)], sizes[index], threshold)
        return found

    def _run(self, part: LabelGroup) -> SimpleNamespace:
        import torch

        with torch.inference_mode():
            said = self._loaded.model(**to_device(part.inputs, self.device, self._loaded.dtype))
        return SimpleNamespace(
            decoder_coord_logits=said.decoder_coord_logits.float().cpu(),
            decoder_class_logits=said.decoder_class_logits.float().cpu(),
            classes_structure=part.inputs["classes_structure"],
        )

    def _text(self, labels: tuple[str, ...], count: int) -> dict[str, torch.Tensor]:
        import torch

        classes = self._tokens(list(labels))
        task = self._tokens([f"Detect {', '.join(labels)}."])
        return {
            **{f"classes_{name}": value.repeat(count, 1) for name, value in classes.items()},
            **{f"tasks_{name}": value.repeat(count, 1) for name, value in task.items()},
            "classes_structure": torch.full((count,), len(labels)),
        }

    def _tokens(self, texts: list[str]) -> dict[str, torch.Tensor]:
        made = self._loaded.processor.tokenizer(
            texts,
            padding="max_length",
            truncation=True,
            max_length=77,
            return_tensors="pt",
        )
        return {name: made[name] for name in ("input_ids", "attention_mask")}


def _found(one: Any, labels: tuple[str, ...]) -> RawDetections:
    return RawDetections(
        tuple(labels[index] for index in one["labels"].tolist()),
        np.asarray(one["scores"].numpy(), np.float32),
        np.asarray(one["boxes"].numpy(), np.float32),
    )
