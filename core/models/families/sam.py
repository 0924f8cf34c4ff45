"""SAM: the longer side is brought to the model's side, the rest is padded below and right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..masks import BoxSegmenter, Frame

if TYPE_CHECKING:
    import torch


class Sam(BoxSegmenter):
    """Boxes into masks, by SAM."""

    def frame(self, original: tuple[int, int]) -> Frame:
        """Return how a picture of (height, width) comes to lie in the model's input."""
        processor = self._loaded.processor.image_processor
        scale = int(processor.size["longest_edge"]) / max(original)
        scaled = int(original[0] * scale + 0.5), int(original[1] * scale + 0.5)
        pad = processor.pad_size
        return Frame(original, scaled, (int(pad["height"]), int(pad["width"])))

    def image_embeddings(self, pixels: torch.Tensor) -> list[Any]:
        """Return what the model sees, one embedding (1, channels, rows, columns) a picture."""
        return list(self._loaded.model.get_image_embeddings(pixels).split(1))
