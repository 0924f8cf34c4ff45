"""Pictures into a checkpoint's input tensors, by its own processor, in batches that are exact.

A checkpoint's processor is the truth about its preprocessing, and with its torchvision backend it
works on uint8 tensors, several times faster than through PIL. Processors pad pictures of different
sizes to a common one, and most detectors then see the padding. So each picture is processed alone
and only those of equal size share a batch: an answer never depends on its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..device.memory import is_out_of_memory
from ..errors import ImageRejected, SightlineError
from ..text import clean
from .lean_imports import transforms
from .protocols import Pixels

if TYPE_CHECKING:
    import torch

MOST_STRETCHED = 16


@dataclass(frozen=True, slots=True)
class Batch:
    """Inputs of equal shape, and which pictures (counted from 0) they belong to, in order."""

    indices: tuple[int, ...]
    inputs: dict[str, torch.Tensor]


def tensor(picture: Pixels) -> torch.Tensor:
    """Return the picture as uint8 (3, height, width), sharing its memory where that is allowed."""
    import torch

    whole = np.ascontiguousarray(picture)
    if not whole.flags.writeable:
        whole = whole.copy()
    return torch.from_numpy(whole).permute(2, 0, 1)


def middle(picture: Pixels) -> Pixels:
    """Return the picture, or of a very long one the middle.

    Where the shorter side is resized to a fixed length and the middle cut out, the ends of a long
    strip are never seen, but resizing them would take gigabytes.
    """
    height, width = picture.shape[:2]
    most = MOST_STRETCHED * min(height, width)
    top, left = max(0, (height - most) // 2), max(0, (width - most) // 2)
    return picture[top : height - top, left : width - left]


def preresized(processor: Any, picture: Pixels) -> tuple[torch.Tensor, dict[str, Any]]:
    """Return the picture as a tensor, resized already where that comes to the same.

    A processor first makes the picture contiguous by channel, on which resizing is five times
    slower than on the interleaved pixels it comes with. So the processor's own `resize` is called
    on those, if it is the usual one; the second value then makes the processor skip it.
    """
    from transformers.image_processing_backends import TorchvisionBackend

    usual = getattr(type(processor), "resize", None) is TorchvisionBackend.resize
    size = getattr(processor, "size", None)
    if not (usual and size and getattr(processor, "do_resize", False)):
        return tensor(picture), {}
    shortest = size.get("shortest_edge") and not size.get("longest_edge")
    cut = getattr(processor, "do_center_crop", False)
    whole = tensor(middle(picture) if shortest and cut else picture)
    resized = processor.resize(whole, size, resample=processor.resample)
    return resized, {"do_resize": False}


def shrunk(picture: Pixels, longest: int) -> Pixels:
    """Return the picture with its longer side at most `longest` pixels."""
    height, width = picture.shape[:2]
    if max(height, width) <= longest:
        return picture
    scale = longest / max(height, width)
    size = [max(1, round(height * scale)), max(1, round(width * scale))]
    resized = transforms().resize(tensor(picture), size, antialias=True)
    return np.ascontiguousarray(resized.permute(1, 2, 0).numpy())


def process(
    processor: Any,
    pictures: Sequence[Pixels],
    before: Callable[[Pixels], Pixels] = lambda picture: picture,
) -> list[dict[str, Any]]:
    """Return the processor's tensors for each picture by itself, each of batch size one.

    `before` is done to every picture first. Raises ImageRejected, naming which, for a picture
    the processor cannot take.
    """
    return each(pictures, lambda picture: _processed(processor, before(picture)))


def check(pictures: Sequence[Pixels]) -> None:
    """Raise ImageRejected for the first that is no picture at all."""
    each(pictures, lambda picture: {})


def each(
    pictures: Sequence[Pixels], work: Callable[[Pixels], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Do `work` on each picture; what it raises becomes ImageRejected with the index."""
    processed: list[dict[str, Any]] = []
    for index, picture in enumerate(pictures):
        try:
            processed.append(work(_checked(picture)))
        except SightlineError:
            raise
        except Exception as error:
            if is_out_of_memory(error):
                raise
            raise ImageRejected(_why(picture, error), index) from error
    return processed


def batches(processed: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[Batch]:
    """Put together what has the same shape under all `names`, each in order of pictures."""
    import torch

    groups: dict[tuple[Any, ...], list[int]] = {}
    for index, one in enumerate(processed):
        shape = tuple(tuple(one[name].shape) for name in names)
        groups.setdefault(shape, []).append(index)
    return [
        Batch(
            tuple(members),
            {name: torch.cat([processed[i][name] for i in members]) for name in names},
        )
        for members in groups.values()
    ]


def to_device(
    inputs: Mapping[str, torch.Tensor], device: str, dtype: torch.dtype
) -> dict[str, torch.Tensor]:
    """Move inputs, floating point ones into the model's dtype."""
    return {
        name: value.to(device, dtype if value.is_floating_point() else None, non_blocking=True)
        for name, value in inputs.items()
    }


def _processed(processor: Any, picture: Pixels) -> dict[str, Any]:
    pixels, changed = preresized(processor, picture)
    made = processor(
        images=[pixels], return_tensors="pt", input_data_format="channels_first", **changed
    )
    return dict(made)


def _checked(picture: Pixels) -> Pixels:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(f"expected uint8 (height, width, 3), got {picture.dtype} {picture.shape}")
    if not picture.size:
        raise ValueError("it has no pixels")
    return picture


def _why(picture: Pixels, error: Exception) -> str:
    size = "x".join(str(number) for number in picture.shape[1::-1])
    reason = clean(str(error).strip() or type(error).__name__, limit=160)
    return f"the model cannot take a picture of {size} pixels: {reason}"
