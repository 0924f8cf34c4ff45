"""`mean_colour`: an embedder without a network, whose vector of a picture is its mean colour.

Loads any checkpoint whose config.json has the `model_type` "mean_colour"; weights are not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from core.models.protocols import Identity, Kind, Loading, Pixels

COLOURS = {"red": (1.0, 0.0, 0.0), "green": (0.0, 1.0, 0.0), "blue": (0.0, 0.0, 1.0)}
Vectors = NDArray[np.float32]


class MeanColour:
    """Pictures and colour names into one space of three dimensions: red, green, blue."""

    kind: ClassVar[Kind] = "embedder"
    model_types: ClassVar[tuple[str, ...]] = ("mean_colour",)

    def __init__(self, loading: Loading) -> None:
        self._identity = Identity(
            loading.name, loading.revision, loading.family, "float32", "none", "none", "rgb-mean-1"
        )

    @property
    def identity(self) -> Identity:
        """Return what of it is part of a result's key."""
        return self._identity

    @property
    def device(self) -> str:
        """Return where it computes."""
        return "cpu"

    @property
    def memory_bytes(self) -> int:
        """Return what it takes: nothing to speak of."""
        return 0

    @property
    def dimension(self) -> int:
        """Return the length of a vector."""
        return 3

    @property
    def side(self) -> int:
        """Return the shortest side in pixels above which a picture shows it nothing more."""
        return 64

    def prepare(self, pictures: Sequence[Pixels]) -> Vectors:
        """Return the mean colours, float32 (pictures, 3), between 0 and 1."""
        means = [picture.reshape(-1, 3).mean(axis=0) / 255 for picture in pictures]
        return np.array(means, np.float32).reshape(len(pictures), 3)

    def embed(self, prepared: Vectors) -> Vectors:
        """Return float32 (pictures, 3), each row of unit length; grey for a black picture."""
        norms = np.linalg.norm(prepared, axis=1, keepdims=True)
        unit = np.where(norms > 0, prepared / np.maximum(norms, 1e-12), 3**-0.5)
        return np.asarray(unit, np.float32)

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Return float32 (texts, 3): the colour that a text names, else grey."""
        grey = (3**-0.5,) * 3
        return np.array([COLOURS.get(text.lower(), grey) for text in texts], np.float32)

    def similarity_to_probability(self, similarity: Vectors) -> Vectors:
        """Return a softmax over the texts, float32 (pictures, texts)."""
        raised = np.exp(similarity - similarity.max(axis=1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=1, keepdims=True), np.float32)

    def close(self) -> None:
        """Free nothing: it holds nothing."""
