"""Whether a model really works here: loaded, given one synthetic image, its output checked.

Tried with every attention backend that can work on the device. Says that something comes out, not
that it is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..device.attention import choose_attention
from ..device.capability import capability
from ..device.precision import choose_dtype
from ..errors import SightlineError
from ..records import Box
from ..text import clean
from .processor_facts import processor_facts, saved_with
from .protocols import Identity, Loading, Model, Pixels, VlmRequest
from .quantised_check import answer_of, compare, quantised_by, refuse_incomparable
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
    def weights(self) -> str:
        """Return the one file of weights that was asked for, or an empty string."""

    @property
    def options(self) -> Mapping[str, Any]:
        """Return the family's own settings."""


@dataclass(frozen=True, slots=True)
class SmokeReport:
    """What worked: `attn` the backends, in `dtype` on `device`; `failure` why none, or "".

    `attn` names what transformers really took, so a backend that an architecture lacks is absent.
    `tried` has every backend that was asked for, with the reason where it gave no answer.
    `processor` says what is done to a picture (see `processor_facts.py`); `saved_with` is the
    version of transformers that the model's configuration names. `quantised` is how the answer of a
    quantised checkpoint compares with that of its dequantised weights; without that, no backend
    counts as working.
    """

    attn: tuple[str, ...]
    dtype: str
    device: str
    failure: str
    tried: Mapping[str, str] = field(default_factory=dict)
    processor: Mapping[str, str] = field(default_factory=dict)
    saved_with: str = ""
    quantised: str = ""


def smoke(found: ModelFiles, device: str = "cpu", dtype: str = "auto") -> SmokeReport:
    """Load a model with each attention backend and run it on one image. Raises nothing."""
    tried: dict[str, str] = {}
    runs: list[_Run] = []
    for attn in _backends(found, device, dtype, tried):
        try:
            run = _once(_loading(found, device, dtype, attn), compared=not runs)
        except Exception as error:
            tried[attn] = _words(error)
            continue
        tried[attn] = "" if attn in ("auto", run.identity.attn) else f"{run.identity.attn} was used"
        runs.append(run)
    attns = tuple(dict.fromkeys(run.identity.attn for run in runs))
    failure = (
        "" if runs else next(iter(tried.values()), "no attention backend works on this machine")
    )
    last = runs[-1] if runs else None
    seen = (last.identity.dtype, last.device) if last else (dtype, device)
    facts = last.processor if last else {}
    quantised = runs[0].quantised if runs else ""
    return SmokeReport(attns, *seen, failure, tried, facts, saved_with(found.folder), quantised)


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


@dataclass(frozen=True, slots=True)
class _Run:
    """One model that gave an answer."""

    identity: Identity
    device: str
    processor: Mapping[str, str]
    quantised: str = ""


def _once(loading: Loading, *, compared: bool) -> _Run:
    """Load a model and run it once; `compared` compares a quantised one with its plain weights."""
    quantised = bool(quantised_by(loading.folder))
    model = load(loading)
    try:
        wrong = faulty_output(model)
        answer = answer_of(model, drawn(), _PROMPT) if quantised and compared else None
        run = _Run(model.identity, model.device, processor_facts(model))
    finally:
        model.close()
    if wrong:
        raise SightlineError(f"{clean(loading.name)} {wrong}")
    refuse_incomparable(loading.folder, loading.name)
    if not (quantised and compared):
        return run
    return replace(run, quantised=compare(loading, answer, drawn(), _PROMPT))


def _backends(found: ModelFiles, device: str, dtype: str, tried: dict[str, str]) -> Iterator[str]:
    """Yield the backends that can work on this device at all; note in `tried` why others cannot."""
    if found.folder is None or found.family == "open_clip":
        yield "auto"
        return
    able = capability(device)
    for name in BACKENDS:
        try:
            choose_attention(name, able, choose_dtype(dtype, able))
        except SightlineError as error:
            tried[name] = str(error)
            continue
        yield name


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
        weights=found.weights,
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
    if answer.finish == "failed" and not answer.thought_letters:
        return f"failed: {answer.error}"
    if answer.thought_letters:
        return ""  # it generates, though so few tokens do not suffice for its reasoning
    made = answer.tokens_out if answer.tokens_out is not None else len(answer.text)
    return "" if made else "gave an empty answer"


def _words(error: Exception) -> str:
    if isinstance(error, SightlineError):
        return str(error)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return clean(f"{type(error).__name__}: {lines[0] if lines else ''}", limit=300)
