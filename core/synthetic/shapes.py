"""A tiny embedder that really knows something: coloured shapes, learnt from drawings in a minute.

Random weights make every search a lottery. This draws pictures of one coloured shape each, trains a
small CLIP on them and saves it as any open_clip checkpoint lies on disk, so that demonstrations and
tests of searching and tagging find red circles when asked for a red circle, with no download.

Its vision tower is a ResNet because that learns what a triangle is within a few hundred steps;
vision transformers of the same cost had learnt the colours by then and nothing of the shapes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..models.protocols import Pixels

if TYPE_CHECKING:
    import torch

FAMILY = "open_clip"
"""the model family that loads what `train` saves"""

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 34, 38),
    "orange": (245, 140, 20),
    "yellow": (240, 224, 40),
    "green": (36, 158, 60),
    "blue": (36, 72, 212),
    "purple": (148, 48, 176),
}
SHAPES = ("circle", "square", "triangle", "cross")
NAMES = tuple(f"{colour} {shape}" for colour in COLOURS for shape in SHAPES)
"""every "colour shape" there is"""

TEMPLATES = ("{}", "a {}", "one {}", "the {}", "a picture of a {}", "a photo of a {}")
NOTHING = ("an empty picture", "nothing")
OTHERS = ("a cat", "a dog", "a person", "a car", "a tree", "grass", "a house", "lightning")
EMPTY_SHARE = 0.05
EASY_SHARE = 0.35
SIDE = 48
CONTEXT = 16
WORDS = 49408

Floats = NDArray[np.float32]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Course:
    """How long it learns, and from how many pictures at a time."""

    steps: int = 400
    pictures: int = 48
    rate: float = 3e-3
    seed: int = 0


def draw(
    colour: str, shape: str, rng: np.random.Generator, width: int = 96, height: int = 96
) -> Pixels:
    """Draw one shape somewhere, of some size, a little turned, on a greyish background."""
    truth = np.array([[list(COLOURS).index(colour), SHAPES.index(shape)]])
    return np.asarray(_drawn(rng, truth, width, height, np.ones(1))[0])


def empty(rng: np.random.Generator, width: int = 96, height: int = 96) -> Pixels:
    """Draw a background with nothing on it."""
    return np.asarray(_drawn(rng, np.array([[-1, -1]]), width, height, np.ones(1))[0])


def train(folder: Path, course: Course | None = None) -> float:
    """Train the embedder and save it into `folder`; return its last loss.

    The same seed and versions give the same weights.
    """
    import torch

    plan = course or Course()
    with torch.random.fork_rng(devices=[]), _one_thread():
        torch.manual_seed(plan.seed)
        texts = _Texts()
        model = _model(len(texts.words))
        loss = _learn(model, texts, plan)
        _save(model.eval(), texts, folder)
    return loss


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep torch to one thread, so that sums come out alike everywhere.

    On nets this small a second thread gains a third at best, and on a busy machine loses far more.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _drawn(
    rng: np.random.Generator,
    truth: Numbers,
    width: int,
    height: int,
    squash: NDArray[Any],
    variety: float = 1.0,
) -> Pixels:
    """Return uint8 (n, height, width, 3); `truth` are (colour, shape) numbers, -1 for nothing.

    `squash` is how much narrower than high each shape is drawn, as a wide picture made square is.
    With `variety` 0 all are large and in the middle.
    """
    count = len(truth)
    least = 0.38 - 0.16 * variety
    across = rng.uniform(least, 0.38, count) * min(width, height) / np.maximum(squash, 1)
    down = across * squash
    x = width / 2 + variety * rng.uniform(across - width / 2, width / 2 - across)
    y = height / 2 + variety * rng.uniform(down - height / 2, height / 2 - down)
    turn = rng.uniform(-0.25, 0.25, count)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32) + 0.5
    u = (columns[None] - _each(x)) / _each(across)
    v = (rows[None] - _each(y)) / _each(down)
    sine, cosine = _each(np.sin(turn)), _each(np.cos(turn))
    outside = _outside(truth[:, 1], u * cosine + v * sine, v * cosine - u * sine)
    cover = np.clip(0.5 - outside * _each(np.minimum(across, down)), 0, 1)[..., None]
    paint = np.array(list(COLOURS.values()))[truth[:, 0]] + rng.normal(0, 6, (count, 3))
    ground = _ground(rng, count, width, height)
    mixed = ground + (paint.astype(np.float32)[:, None, None] - ground) * cover
    grain = rng.standard_normal((count, height, width, 3), np.float32)
    mixed += grain * rng.uniform(1, 8, (count, 1, 1, 1)).astype(np.float32)
    return np.asarray(mixed.clip(0, 255).round(), np.uint8)


def _ground(rng: np.random.Generator, count: int, width: int, height: int) -> Floats:
    tint = rng.uniform(40, 215, (count, 1)) + rng.normal(0, 8, (count, 3))
    slopes = rng.uniform(-40, 40, (2, count, 1, 1, 1)).astype(np.float32)
    down = np.linspace(0, 1, height, dtype=np.float32)[None, :, None, None]
    across = np.linspace(0, 1, width, dtype=np.float32)[None, None, :, None]
    ground = tint.astype(np.float32)[:, None, None] + slopes[0] * down + slopes[1] * across
    return np.asarray(ground, np.float32)


def _each(values: NDArray[Any]) -> Floats:
    return np.asarray(values, np.float32)[:, None, None]


def _outside(shapes: Numbers, u: Floats, v: Floats) -> Floats:
    """Return the distance to each outline in radii, negative within; far away for no shape."""
    wide, high = np.abs(u), np.abs(v)
    cross = np.minimum(np.maximum(wide - 0.27, high - 0.95), np.maximum(wide - 0.95, high - 0.27))
    outlines = [
        np.hypot(u, v) - 0.9,
        np.maximum(wide, high) - 0.78,
        np.maximum(0.88 * wide - 0.47 * (v + 0.9), v - 0.75),
        cross,
    ]
    chosen = [shapes[:, None, None] == number for number in range(len(SHAPES))]
    return np.asarray(np.select(chosen, outlines, np.float32(9)), np.float32)


class _Texts:
    """All texts it learns from, in numbers of the few words that occur in them."""

    def __init__(self) -> None:
        import open_clip
        import torch

        names = [*NAMES, *(f"{colour} shape" for colour in COLOURS), *SHAPES]
        self.meaning = _meaning()
        self.others = [*NOTHING, *OTHERS]
        full = [template.format(name) for name in names for template in TEMPLATES]
        said = open_clip.SimpleTokenizer(context_length=CONTEXT)([*full, *self.others])
        self.words, compact = torch.unique(said, return_inverse=True)
        self._named = compact[: len(full)].reshape(len(names), len(TEMPLATES), CONTEXT)
        self._others = compact[len(full) :]

    def sample(self, rng: np.random.Generator) -> torch.Tensor:
        """Return every name in some wording, then the other texts: (texts, CONTEXT)."""
        import torch

        wording = rng.integers(0, len(TEMPLATES), len(self._named))
        chosen = self._named[torch.arange(len(self._named)), torch.from_numpy(wording)]
        return torch.cat([chosen, self._others])


def _meaning() -> Numbers:
    """Return (colour, shape) numbers of every text; -1 for any, -2 for nothing, -3 for never."""
    both = [(colour, shape) for colour in range(len(COLOURS)) for shape in range(len(SHAPES))]
    one = [(colour, -1) for colour in range(len(COLOURS))]
    one += [(-1, shape) for shape in range(len(SHAPES))]
    rest = [(-2, -2)] * len(NOTHING) + [(-3, -3)] * len(OTHERS)
    return np.array([*both, *one, *rest])


def _learn(model: Any, texts: _Texts, plan: Course) -> float:
    import torch

    rng = np.random.default_rng(plan.seed)
    steps = torch.optim.AdamW(model.parameters(), lr=plan.rate, weight_decay=0.01)
    pace = torch.optim.lr_scheduler.OneCycleLR(steps, plan.rate, plan.steps, pct_start=0.15)
    loss = torch.zeros(())
    for step in range(plan.steps):
        # Easy ones first: shown the full variety at once it may take long to see any shape at all.
        pixels, truth = _lesson(rng, plan.pictures, min(1.0, step / (plan.steps * EASY_SHARE)))
        seen = model.encode_image(pixels, normalize=True)
        read = model.encode_text(texts.sample(rng), normalize=True)
        logits = model.logit_scale.exp() * seen @ read.T + model.logit_bias
        loss = _loss(logits, truth, texts.meaning)
        steps.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        steps.step()
        pace.step()
    return float(loss.detach())


def _lesson(rng: np.random.Generator, count: int, variety: float) -> tuple[torch.Tensor, Numbers]:
    """Return normalised pictures, some squashed, and their (colour, shape) numbers."""
    import torch

    truth = np.stack([rng.integers(0, len(COLOURS), count), rng.integers(0, len(SHAPES), count)], 1)
    truth[rng.random(count) < EMPTY_SHARE] = -1
    squash = np.where(rng.random(count) < 0.5, 1, np.exp(rng.uniform(-0.6, 0.6, count)))
    drawn = torch.from_numpy(_drawn(rng, truth, SIDE, SIDE, squash, variety))
    return drawn.permute(0, 3, 1, 2).float() / 127.5 - 1, truth


def _loss(logits: torch.Tensor, truth: Numbers, meaning: Numbers) -> torch.Tensor:
    """Judge every pair by itself, and which name, colour and shape fits best among its like.

    The first makes probabilities that mean something for each text alone; the second learns faster.
    """
    import torch
    from torch.nn.functional import cross_entropy, logsigmoid

    fits = ((truth[:, None] == meaning[None]) | (meaning[None] == -1)).all(2)
    shown = truth[:, 0] >= 0
    fits = np.where(shown[:, None], fits, meaning[None, :, 0] == -2)
    signs = torch.from_numpy(fits).float() * 2 - 1
    loss = -logsigmoid(signs * logits).sum(1).mean()
    colour, shape = torch.from_numpy(truth[shown]).unbind(1)
    names, colours = len(NAMES), len(NAMES) + len(COLOURS)
    of_shown = logits[torch.from_numpy(shown)]
    loss = loss + cross_entropy(of_shown[:, :names], colour * len(SHAPES) + shape)
    loss = loss + cross_entropy(of_shown[:, names:colours], colour)
    return loss + cross_entropy(of_shown[:, colours : colours + len(SHAPES)], shape)


def _shape(words: int) -> dict[str, Any]:
    vision = {"layers": [1, 1, 1, 1], "width": 16, "image_size": SIDE, "head_width": 32}
    text = {"context_length": CONTEXT, "vocab_size": words, "width": 32, "heads": 2, "layers": 1}
    start = {"init_logit_scale": 2.3, "init_logit_bias": -3.0}
    return {"embed_dim": 48, "vision_cfg": vision, "text_cfg": text, **start}


def _model(words: int) -> Any:
    from open_clip.model import CLIP

    return CLIP(**_shape(words)).train()


def _save(model: Any, texts: _Texts, folder: Path) -> None:
    """Save with the full vocabulary; words it never met keep small random vectors."""
    import torch
    from safetensors.torch import save_file

    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    learnt = weights["token_embedding.weight"]
    table = torch.randn(WORDS, learnt.shape[1]) * 0.02
    table[texts.words] = learnt
    weights["token_embedding.weight"] = table.half()
    looks = {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic"}
    said = {"model_cfg": _shape(WORDS), "preprocess_cfg": {**looks, "resize_mode": "squash"}}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "open_clip_config.json").write_text(json.dumps(said), encoding="utf-8")
    save_file(weights, folder / "open_clip_model.safetensors")
