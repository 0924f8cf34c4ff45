"""Detectors with labels of their own: RT-DETR, RF-DETR, D-FINE, YOLOS, DETR and their kin."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from ...records import Box
from ...text import clean
from ..boxes import RawDetections, collect, longest_side
from ..loading import Resident, open_pretrained
from ..preprocessing import Batch, batches, process, to_device
from ..protocols import Kind, Loading, Pixels

INPUTS = ("pixel_values", "pixel_mask")


@dataclass(frozen=True, slots=True)
class ClosedDetectorInputs:
    """Batches of pictures of equal shape, and the (height, width) of every picture."""

    parts: tuple[Batch, ...]
    sizes: tuple[tuple[int, int], ...]


class ClosedDetector(Resident):
    """Where things are of the kinds it was trained on; see `model.Detector`."""

    kind: ClassVar[Kind] = "detector"
    open_vocabulary: ClassVar[bool] = False

    def __init__(self, loading: Loading) -> None:
        loaded = open_pretrained(
            loading, "AutoModelForObjectDetection", processor="AutoImageProcessor", exact=True
        )
        super().__init__(loaded)
        taken = inspect.signature(loaded.model.forward).parameters
        self._inputs = [name for name in INPUTS if name in taken]
        names = loaded.model.config.id2label
        self._names = {int(number): clean(str(names[number]), limit=80) for number in names}

    @property
    def labels(self) -> tuple[str, ...]:
        """Return all labels it knows, in the order of its numbers."""
        return tuple(self._names[number] for number in sorted(self._names))

    @property
    def side(self) -> int:
        """Return the longest side in pixels above which a picture shows it nothing more."""
        return longest_side(self._loaded.processor)

    def prepare(
        self, pictures: Sequence[Pixels], labels: Sequence[Sequence[str]] = ()
    ) -> ClosedDetectorInputs:
        """Resize and normalise; `labels` are ignored."""
        processed = process(self._loaded.processor, pictures)
        names = [name for name in self._inputs if processed and name in processed[0]]
        return ClosedDetectorInputs(
            tuple(batches(processed, names)), tuple(picture.shape[:2] for picture in pictures)
        )

    def detect(self, prepared: ClosedDetectorInputs) -> Any:
        """Run the model on each batch."""
        return [(part.indices, self._run(part)) for part in prepared.parts], prepared.sizes

    def finish(self, raw: Any, threshold: float) -> list[list[Box]]:
        """Return for each picture its boxes, best first."""
        rows, sizes = raw
        found: list[list[Box]] = [[] for _ in sizes]
        for indices, said in rows:
            detections = self._loaded.processor.post_process_object_detection(
                said, threshold=threshold, target_sizes=[sizes[index] for index in indices]
            )
            for index, one in zip(indices, detections, strict=True):
                found[index] = collect([self._found(one)], sizes[index], threshold)
        return found

    def _run(self, part: Batch) -> SimpleNamespace:
        import torch

        with torch.inference_mode():
            said = self._loaded.model(**to_device(part.inputs, self.device, self._loaded.dtype))
        return SimpleNamespace(
            logits=said.logits.float().cpu(), pred_boxes=said.pred_boxes.float().cpu()
        )

    def _found(self, one: Any) -> RawDetections:
        numbers = one["labels"].tolist()
        return RawDetections(
            tuple(self._names.get(number, str(number)) for number in numbers),
            np.asarray(one["scores"].numpy(), np.float32),
            np.asarray(one["boxes"].numpy(), np.float32),
        )
