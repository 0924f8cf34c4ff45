"""SAM 2 and EdgeTAM: images are resized to a square, embeddings have several resolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..masks import BoxSegmenter, Frame

if TYPE_CHECKING:
    import torch


class Sam2(BoxSegmenter):
    """Boxes into masks, by SAM 2 or one built like it."""

    def frame(self, original: tuple[int, int]) -> Frame:
        """Return how a picture of (height, width) comes to lie in the model's input."""
        size = self._loaded.processor.image_processor.size
        square = int(size["height"]), int(size["width"])
        return Frame(original, square, square)

    def image_embeddings(self, pixels: torch.Tensor) -> list[Any]:
        """Return what the model sees, one list of embeddings, fine to coarse, a picture."""
        levels = self._loaded.model.get_image_embeddings(pixels)
        return [[level[index : index + 1] for level in levels] for index in range(pixels.shape[0])]
