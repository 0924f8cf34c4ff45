"""What the SAM families share: an image is encoded once, then each box is turned into a mask.

Numbers of boxes differ from picture to picture and the models take no padding, so boxes are decoded
picture by picture, which costs little beside the encoding. Masks stay small until `finish`, where
they are brought to the picture's size away from the thread that holds the device.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageRejected
from ..records import Box
from .boxes import longest_side
from .loading import Resident, open_pretrained
from .preprocessing import Batch, batches, check, process, to_device
from .protocols import Kind, Loading, Pixels

if TYPE_CHECKING:
    import torch

BOXES_AT_ONCE = 32
MASKS_AT_ONCE = 8
"""so many are brought to full size at once; a 12 megapixel one takes 48 MB until it is bool"""


@dataclass(frozen=True, slots=True)
class Frame:
    """How a picture lies in the model's input, all as (height, width) in pixels.

    `original` is the picture, `scaled` what became of it, `padded` the whole input.
    """

    original: tuple[int, int]
    scaled: tuple[int, int]
    padded: tuple[int, int]


@dataclass(frozen=True, slots=True)
class SegmenterInputs:
    """Batches of pictures; per picture its frame and its boxes as float32 (boxes, 4) corners."""

    parts: tuple[Batch, ...]
    frames: tuple[Frame, ...]
    corners: tuple[NDArray[np.float32], ...]


class BoxSegmenter(Resident):
    """Boxes into masks; see `model.Segmenter`. A family says how a picture lies in its input."""

    kind: ClassVar[Kind] = "segmenter"

    def __init__(self, loading: Loading) -> None:
        super().__init__(
            open_pretrained(
                loading, "AutoModelForMaskGeneration", needs=("image_processor",), exact=True
            )
        )

    @abstractmethod
    def frame(self, original: tuple[int, int]) -> Frame:
        """Return how a picture of (height, width) comes to lie in the model's input."""

    @abstractmethod
    def image_embeddings(self, pixels: torch.Tensor) -> list[Any]:
        """Return what the model sees in (n, 3, height, width), as one `image_embeddings` each."""

    @property
    def side(self) -> int:
        """Return the longest side in pixels above which a picture shows it nothing more."""
        return longest_side(self._loaded.processor.image_processor)

    def prepare(
        self, pictures: Sequence[Pixels], boxes: Sequence[Sequence[Box]]
    ) -> SegmenterInputs:
        """Resize and normalise; any number of boxes per picture, none included."""
        check(pictures)
        frames = tuple(self.frame((one.shape[0], one.shape[1])) for one in pictures)
        corners = tuple(_corners(some, frame) for some, frame in zip(boxes, frames, strict=True))
        with_boxes = [index for index, some in enumerate(corners) if len(some)]
        found = batches(self._processed(pictures, with_boxes), ["pixel_values"])
        parts = [Batch(tuple(with_boxes[i] for i in one.indices), one.inputs) for one in found]
        return SegmenterInputs(tuple(parts), frames, corners)

    def segment(self, prepared: SegmenterInputs) -> Any:
        """Run the model; return for each picture its logits (boxes, 1, height, width), small."""
        import torch

        small: list[Any] = [None] * len(prepared.frames)
        with torch.inference_mode():
            for part in prepared.parts:
                inputs = to_device(part.inputs, self.device, self._loaded.dtype)
                embeddings = self.image_embeddings(inputs["pixel_values"])
                for index, one in zip(part.indices, embeddings, strict=True):
                    small[index] = self._decode(one, prepared.corners[index])
        return small, prepared.frames

    def finish(self, raw: Any) -> list[list[NDArray[np.bool_]]]:
        """Return for each picture one mask per box, bool (height, width) of that picture."""
        return [
            [] if small is None else _masks(small, frame) for small, frame in zip(*raw, strict=True)
        ]

    def _processed(self, pictures: Sequence[Pixels], with_boxes: list[int]) -> list[dict[str, Any]]:
        """Process the pictures that have boxes; a rejected one is named by its own number."""
        try:
            chosen = [pictures[index] for index in with_boxes]
            return process(self._loaded.processor.image_processor, chosen)
        except ImageRejected as error:
            raise ImageRejected(str(error), with_boxes[error.index]) from error

    def _decode(self, embeddings: Any, corners: NDArray[np.float32]) -> torch.Tensor:
        import torch

        parts = [
            self._loaded.model(
                image_embeddings=embeddings,
                input_boxes=torch.from_numpy(corners[None, at : at + BOXES_AT_ONCE]).to(
                    self.device
                ),
                multimask_output=False,
            )
            .pred_masks[0]
            .float()
            .cpu()
            for at in range(0, len(corners), BOXES_AT_ONCE)
        ]
        return torch.cat(parts)


def _corners(boxes: Sequence[Box], frame: Frame) -> NDArray[np.float32]:
    """Return boxes as corners in the model's input, inside the picture."""
    rows = [(box.x, box.y, box.x + box.width, box.y + box.height) for box in boxes]
    height, width = frame.original
    scale = np.array([frame.scaled[1] / width, frame.scaled[0] / height] * 2)
    inside = np.array(rows, np.float64).reshape(-1, 4).clip(0, [width, height, width, height])
    return np.asarray(inside * scale, np.float32)


def _masks(small: torch.Tensor, frame: Frame) -> list[NDArray[np.bool_]]:
    masks: list[NDArray[np.bool_]] = []
    for at in range(0, len(small), MASKS_AT_ONCE):
        full = _enlarged(small[at : at + MASKS_AT_ONCE], frame)
        masks += list((full[:, 0] > 0).numpy())
    return masks


def _enlarged(logits: torch.Tensor, frame: Frame) -> torch.Tensor:
    from torch.nn.functional import interpolate

    if frame.scaled != frame.padded:
        logits = interpolate(logits, frame.padded, mode="bilinear", align_corners=False)
        logits = logits[..., : frame.scaled[0], : frame.scaled[1]]
    return interpolate(logits, frame.original, mode="bilinear", align_corners=False)
