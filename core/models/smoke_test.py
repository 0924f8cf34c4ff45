"""Whether a model really works here: loaded, given one synthetic image, its output checked.

Tried with every attention backend that can work on the device. Says that something comes out, not
that it is right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..device.attention import choose_attention
from ..device.capability import capability
from ..device.precision import choose_dtype
from ..errors import SightlineError
from ..records import Box
from ..text import clean
from .protocols import Loading, Model, Pixels, VlmRequest
from .registry import load

BACKENDS = ("sdpa", "eager", "flash_attention_2")
TOKENS = 4
_PROMPT = "Describe this picture."


class ModelFiles(Protocol):
    """What must be known of a model to load it: the shape of `hub.resolved.Resolved`."""

    @property
    def name(self) -> str:
        """Return the model's name."""

    @property
    def family(self) -> str:
        """Return what loads it."""

    @property
    def folder(self) -> Path | None:
        """Return where it lies; None for an endpoint."""

    @property
    def revision(self) -> str:
        """Return its full commit."""

    @property
    def remote_code(self) -> bool:
        """Return whether its own code may run."""

    @property
    def url(self) -> str:
        """Return an endpoint's address."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Return the family's own settings."""


@dataclass(frozen=True, slots=True)
class SmokeReport:
    """What worked: `attn` the backends, in `dtype` on `device`; `failure` why none, or "".

    `attn` names what transformers really took, so a backend that an architecture lacks is absent.
    """

    attn: tuple[str, ...]
    dtype: str
    device: str
    failure: str


def smoke(found: ModelFiles, device: str = "cpu", dtype: str = "auto") -> SmokeReport:
    """Load a model with each attention backend and run it on one image. Raises nothing."""
    worked: list[str] = []
    seen = (dtype, device)
    failure = ""
    for attn in _backends(found, device, dtype):
        try:
            identity, where = _once(_loading(found, device, dtype, attn))
        except Exception as error:
            failure = failure or _words(error)
            continue
        seen = (identity.dtype, where)
        worked.append(identity.attn)
    attns = tuple(dict.fromkeys(worked))
    return SmokeReport(attns, *seen, "" if attns else failure or "no attention backend works here")


def faulty_output(model: Model) -> str:
    """Run a loaded model on one synthetic image; return what is wrong with its output, or ""."""
    picture = drawn()
    kinds: dict[str, Callable[[Any, Pixels], str]] = {
        "embedder": _embeds,
        "detector": _detects,
        "segmenter": _segments,
        "vlm": _answers,
    }
    return kinds[model.kind](model, picture)


def drawn() -> Pixels:
    """Return a picture with something on it: a red disc on a green ground, 224 by 224."""
    rows, columns = np.mgrid[0:224, 0:224]
    picture = np.full((224, 224, 3), (40, 120, 60), np.uint8)
    picture[(rows - 100) ** 2 + (columns - 120) ** 2 < 60**2] = (200, 30, 30)
    return picture


def _once(loading: Loading) -> tuple[Any, str]:
    model = load(loading)
    try:
        wrong = faulty_output(model)
        identity, where = model.identity, model.device
    finally:
        model.close()
    if wrong:
        raise SightlineError(f"{clean(loading.name)} {wrong}")
    return identity, where


def _backends(found: ModelFiles, device: str, dtype: str) -> tuple[str, ...]:
    """Return the backends worth trying: those that can work on this device at all."""
    if found.folder is None or found.family == "open_clip":
        return ("auto",)
    able = capability(device)
    usable = []
    for name in BACKENDS:
        try:
            choose_attention(name, able, choose_dtype(dtype, able))
        except SightlineError:
            continue
        usable.append(name)
    return tuple(usable)


def _loading(found: ModelFiles, device: str, dtype: str, attn: str) -> Loading:
    options = dict(found.options) | ({"url": found.url} if found.url else {})
    return Loading(
        name=found.name,
        family=found.family,
        folder=found.folder,
        revision=found.revision,
        device=device,
        dtype=dtype,
        attn=attn,
        remote_code=found.remote_code,
        options=options,
    )


def _embeds(model: Any, picture: Pixels) -> str:
    vectors = model.embed(model.prepare([picture]))
    texts = model.embed_texts(["a red disc"])
    if vectors.shape != texts.shape:
        return f"gives vectors of {vectors.shape[1]} for pictures and {texts.shape[1]} for texts"
    sound = np.isfinite(vectors).all() and np.isfinite(texts).all() and vectors.any()
    return "" if sound else "gives vectors that are not numbers"


def _detects(model: Any, picture: Pixels) -> str:
    labels = ["red disc"] if model.open_vocabulary else []
    boxes = model.finish(model.detect(model.prepare([picture], [labels])), 0.0)[0]
    if not boxes:
        return "finds no box, not even one that it is not sure of"
    numbers = [(box.score, box.x, box.y, box.width, box.height) for box in boxes]
    sound = np.isfinite(numbers).all()
    return "" if sound else "gives boxes that are not numbers"


def _segments(model: Any, picture: Pixels) -> str:
    box = Box("disc", 1.0, 60.0, 40.0, 120.0, 120.0)
    masks = model.finish(model.segment(model.prepare([picture], [[box]])))[0]
    fits = len(masks) == 1 and masks[0].shape == picture.shape[:2]
    return "" if fits else "gives no mask of the picture's size"


def _answers(model: Any, picture: Pixels) -> str:
    ask = VlmRequest((picture,), _PROMPT, max_tokens=TOKENS)
    (answer,) = model.finish(model.answer(model.prepare([ask]), lambda: False))
    if answer.finish == "failed":
        return f"failed: {answer.error}"
    made = answer.tokens_out if answer.tokens_out is not None else len(answer.text)
    return "" if made else "gave an empty answer"


def _words(error: Exception) -> str:
    if isinstance(error, SightlineError):
        return str(error)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return clean(f"{type(error).__name__}: {lines[0] if lines else ''}", limit=300)
