"""Whether a quantised checkpoint answers as its dequantised weights do.

The model is loaded once more with its weights decoded by `dequantised.py`, and one answer of both
is compared: the vectors of a picture and a text, or the logits of the next token.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelRefused
from ..text import clean
from .dequantised import decodes
from .protocols import Loading, Pixels, VlmRequest
from .quantised_files import method_of
from .registry import load

LEAST_COSINE = 0.98
"""FP8 with activations quantised too reaches 0.99; weights without their scales give 0.67"""
Answer = NDArray[np.float32]


def quantised_by(folder: Path | None) -> str:
    """Return the method that a checkpoint's weights are quantised by, or an empty string."""
    return method_of(_config(folder)) if folder is not None else ""


def refuse_incomparable(folder: Path | None, name: str) -> None:
    """Raise ModelRefused for a checkpoint whose quantised weights cannot be decoded here."""
    method = quantised_by(folder)
    if method and not decodes(_config(folder)):
        raise ModelRefused(
            f"{clean(name)} is quantised by {clean(method, limit=60)}, whose answer cannot be "
            "compared with that of its dequantised weights: it was loaded and gave an answer, but "
            "was not verified, and nothing is recorded"
        )


def answer_of(model: Any, picture: Pixels, words: str) -> Answer | None:
    """Return what a loaded model computes of a picture, float32; None if it is not compared."""
    if model.kind == "embedder":
        pictures = model.embed(model.prepare([picture]))
        return np.concatenate([pictures[0], model.embed_texts([words])[0]])
    if model.kind == "vlm":
        return _logits(model, VlmRequest((picture,), words, max_tokens=1))
    return None


def compare(loading: Loading, answer: Answer | None, picture: Pixels, words: str) -> str:
    """Return how an answer compares with that of the dequantised weights, in words.

    Raises ModelRefused if it cannot be compared, or differs.
    """
    if answer is None:
        raise ModelRefused(
            f"{clean(loading.name)} is quantised, and answers of the family {loading.family} are "
            "not compared with dequantised weights: it was not verified, and nothing is recorded"
        )
    model = load(replace(loading, dequantised=True))
    try:
        expected = answer_of(model, picture, words)
    finally:
        model.close()
    assert expected is not None
    cosine = _cosine(answer, expected)
    method = quantised_by(loading.folder)
    if not cosine >= LEAST_COSINE:
        raise ModelRefused(
            f"{clean(loading.name)} is quantised by {clean(method, limit=60)}, and its answer "
            f"differs from that of its dequantised weights: cosine {cosine:.3f}, at least "
            f"{LEAST_COSINE} is expected"
        )
    return f"{clean(method, limit=60)}, cosine {cosine:.4f} with its dequantised weights"


def _logits(model: Any, ask: VlmRequest) -> Answer | None:
    import torch

    loaded, prepared = model._loaded, model.prepare([ask])
    if getattr(prepared, "inputs", None) is None:
        return None  # its own code does all of it
    inputs = dict(prepared.inputs.to(loaded.device, dtype=loaded.dtype))
    if loaded.model.config.is_encoder_decoder:
        start = loaded.model.generation_config.decoder_start_token_id
        inputs["decoder_input_ids"] = torch.tensor([[start]], device=loaded.device)
    with torch.inference_mode():
        logits = loaded.model(**inputs).logits[0, -1]
    found: Answer = logits.float().cpu().numpy()
    return found


def _cosine(one: Answer, other: Answer) -> float:
    both = float(np.linalg.norm(one)) * float(np.linalg.norm(other))
    return float(np.dot(one, other)) / both if both else float("nan")


def _config(folder: Path | None) -> dict[str, Any]:
    try:
        read = json.loads(((folder or Path()) / "config.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}
