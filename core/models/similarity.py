"""What embedders share: rows of unit length, and cosines turned into a model's probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Calibration:
    """The trained scale and bias of a model's logits; `bias` is None for CLIP-like models."""

    scale: float
    bias: float | None

    def probability(self, similarity: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn cosines (pictures, texts) into float32 probabilities of the same shape."""
        logits = similarity.astype(np.float64) * self.scale
        if self.bias is not None:
            return _sigmoid(logits + self.bias).astype(np.float32)
        if not logits.size:
            return logits.astype(np.float32)
        risen = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(risen / risen.sum(axis=1, keepdims=True), np.float32)


def calibration(model: Any) -> Calibration:
    """Read the trained scale, kept as its logarithm, and the bias if the model has one."""
    bias = getattr(model, "logit_bias", None)
    scale = float(model.logit_scale.detach().float().exp())
    return Calibration(scale, None if bias is None else float(bias.detach().float()))


def unit(vectors: Any) -> NDArray[np.float32]:
    """Return a torch tensor (rows, dimension) as float32 rows of unit length on the CPU."""
    rows = vectors.detach().float()
    rows = rows / rows.norm(dim=-1, keepdim=True).clamp_min(1e-12)
    return np.asarray(rows.cpu().numpy(), np.float32)


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    small = np.exp(-np.abs(logits))
    return np.where(logits >= 0, 1 / (1 + small), small / (1 + small))
