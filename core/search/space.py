"""What vectors must share to be compared: the embedding space. Each has a collection of its own."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..config.spec import tagged_hash

FRAME = ""
"""the part of a frame that is the frame itself"""
_NAMESPACE = uuid.UUID("6f0e6f5c-52a5-5d0e-9d4f-6a3b1f4f2c11")
_SLUG = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class EmbeddingSpace:
    """An embedder as far as its vectors depend on it.

    Vectors of one embedder in several precisions are comparable (see `models/cpu_precision.py`):
    `precision` is empty unless the user set it. `quantisation` is empty without.
    """

    model: str
    revision: str
    preprocessing: str
    dimension: int
    precision: str = ""
    quantisation: str = ""

    @property
    def name(self) -> str:
        """Return the name of its collection: ASCII, the same on every machine."""
        known = _SLUG.sub("-", self.model.lower()).strip("-")[-40:].strip("-") or "model"
        return f"{known}-{self.digest[:12]}"

    @property
    def digest(self) -> str:
        """Return the hash of all that identifies it."""
        return tagged_hash("space", asdict(self))

    def point_id(self, content: str, frame: int, part: str = FRAME) -> uuid.UUID:
        """Return the id of a vector: uuid5 of content, frame, part and space."""
        return uuid.uuid5(_NAMESPACE, "\n".join((self.digest, content, str(frame), part)))


def space_of(
    identity: Mapping[str, Any], dimension: int, *, precision_is_set: bool = False
) -> EmbeddingSpace:
    """Return the space of vectors from what identifies the model that made them.

    `identity` has the fields of `models.protocols.Identity`, as in `AnswerKey.identity`.
    """
    quantised = str(identity.get("quantize", "none"))
    return EmbeddingSpace(
        str(identity["model"]),
        str(identity["revision"]),
        str(identity["preprocessing"]),
        dimension,
        str(identity["dtype"]) if precision_is_set else "",
        "" if quantised == "none" else quantised,
    )
