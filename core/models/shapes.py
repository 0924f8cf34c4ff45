"""A tiny embedder that really knows something: coloured shapes, learnt from drawings in a minute.

Random weights make every search a lottery. This draws pictures of one coloured shape each, trains a
small SigLIP on them and saves it as any checkpoint is saved, so that demonstrations and tests of
searching and tagging find red circles when asked for a red circle, with no download.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .model import Picture

if TYPE_CHECKING:
    import torch

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 34, 38),
    "orange": (245, 140, 20),
    "yellow": (240, 224, 40),
    "green": (36, 158, 60),
    "blue": (36, 72, 212),
    "purple": (148, 48, 176),
}
SHAPES = ("circle", "square", "triangle", "cross")
TEMPLATES = ("a {} on a grey background", "a picture of a {}", "a {}", "{}", "one {}", "the {}")
OTHERS = ("an empty picture", "nothing", "a cat", "a dog", "a person", "a car", "a tree", "grass")
SIDE = 64
TEXT_LENGTH = 16


@dataclass(frozen=True, slots=True)
class Course:
    """How long and how hard it learns; the defaults reach what the tests ask for."""

    steps: int = 700
    pictures: int = 48
    rate: float = 2e-3
    seed: int = 0


def names() -> list[str]:
    """Return every "colour shape" there is."""
    return [f"{colour} {shape}" for colour in COLOURS for shape in SHAPES]


def draw(
    colour: str, shape: str, rng: np.random.Generator, width: int = 96, height: int = 96
) -> Picture:
    """Draw one shape somewhere, of some size, a little turned, on a greyish background."""
    picture = background(rng, width, height)
    radius = rng.uniform(0.16, 0.36) * min(width, height)
    x = rng.uniform(radius, width - radius)
    y = rng.uniform(radius, height - radius)
    turn = rng.uniform(-0.3, 0.3)
    rows, columns = np.mgrid[0:height, 0:width] + 0.5
    across, down = (columns - x) / radius, (rows - y) / radius
    inside = _inside(
        shape,
        across * np.cos(turn) + down * np.sin(turn),
        down * np.cos(turn) - across * np.sin(turn),
    )
    cover = np.clip(0.5 - inside * radius, 0, 1)[..., None]
    paint = np.array(COLOURS[colour]) + rng.normal(0, 10, 3)
    mixed = picture * (1 - cover) + (paint + rng.normal(0, 4, picture.shape)) * cover
    return np.asarray(mixed.clip(0, 255).round(), np.uint8)


def background(rng: np.random.Generator, width: int, height: int) -> Picture:
    """Return a greyish slope with some grain."""
    down = np.linspace(0, 1, height)[:, None, None]
    across = np.linspace(0, 1, width)[None, :, None]
    tint = rng.uniform(40, 215) + rng.normal(0, 8, 3)
    slope = rng.uniform(-40, 40) * down + rng.uniform(-40, 40) * across
    grain = rng.normal(0, rng.uniform(1, 10), (height, width, 3))
    return np.asarray((tint + slope + grain).clip(0, 255).round(), np.uint8)


def train(folder: Path, course: Course | None = None) -> float:
    """Train the embedder and save it into `folder`; return its last loss.

    The same seed, threads and versions give the same weights. Load it with the family "siglip".
    """
    import torch

    plan = course or Course()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        tokenizer = _tokenizer()
        model = _model(tokenizer)
        loss = _learn(model, tokenizer, plan)
    _save(model, tokenizer, folder)
    return loss


def _inside(shape: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the distance to the outline in radii, negative within."""
    if shape == "circle":
        return np.asarray(np.hypot(x, y) - 0.9)
    if shape == "square":
        return np.asarray(np.maximum(np.abs(x), np.abs(y)) - 0.78)
    if shape == "triangle":
        return np.asarray(np.maximum(np.abs(x) * 0.866 - y * -0.5 - 0.45, -y - 0.55) * 1.0)
    upright = np.maximum(np.abs(x) - 0.27, np.abs(y) - 0.95)
    level = np.maximum(np.abs(x) - 0.95, np.abs(y) - 0.27)
    return np.asarray(np.minimum(upright, level))


def _learn(model: Any, tokenizer: Any, plan: Course) -> float:
    """Sigmoid loss of every picture against every text: a picture may fit several, or none."""
    import torch

    rng = np.random.default_rng(plan.seed)
    best = torch.optim.AdamW(model.parameters(), lr=plan.rate, weight_decay=0.01)
    pace = torch.optim.lr_scheduler.OneCycleLR(best, plan.rate, plan.steps, pct_start=0.1)
    loss = torch.zeros(())
    for _ in range(plan.steps):
        pixels, truth = _pictures(rng, plan.pictures)
        tokens, meaning = _texts(rng, tokenizer)
        logits = model(input_ids=tokens, pixel_values=pixels).logits_per_image
        signs = _fits(truth, meaning) * 2 - 1
        loss = -torch.nn.functional.logsigmoid(signs * logits).sum(1).mean()
        best.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        best.step()
        pace.step()
    return float(loss.detach())


def _pictures(rng: np.random.Generator, count: int) -> tuple[torch.Tensor, NDArray[np.int64]]:
    """Return normalised pictures and their (colour, shape) numbers; (-1, -1) where empty."""
    import torch

    truth = np.stack([rng.integers(0, len(COLOURS), count), rng.integers(0, len(SHAPES), count)], 1)
    truth[rng.random(count) < 0.06] = -1
    drawn = np.stack([_example(rng, int(colour), int(shape)) for colour, shape in truth])
    pixels = torch.from_numpy(drawn).permute(0, 3, 1, 2).float()
    return pixels / 127.5 - 1, truth


def _example(rng: np.random.Generator, colour: int, shape: int) -> Picture:
    """Draw at some aspect ratio, squashed to a square as the processor does it."""
    import torch

    wide, high = SIDE, SIDE
    if rng.random() < 0.5:
        longer = int(SIDE * rng.uniform(1, 1.8))
        wide, high = (longer, SIDE) if rng.random() < 0.7 else (SIDE, longer)
    if colour < 0:
        drawn = background(rng, wide, high)
    else:
        drawn = draw(list(COLOURS)[colour], SHAPES[shape], rng, wide, high)
    if (wide, high) == (SIDE, SIDE):
        return drawn
    whole = torch.from_numpy(drawn).permute(2, 0, 1)[None]
    square = torch.nn.functional.interpolate(whole, (SIDE, SIDE), mode="bilinear", antialias=True)
    return np.asarray(square[0].permute(1, 2, 0).numpy())


def _texts(rng: np.random.Generator, tokenizer: Any) -> tuple[torch.Tensor, NDArray[np.int64]]:
    """Return tokens of every name, colour, shape and some others, and what each one means."""
    said = [(name, divmod(index, len(SHAPES))) for index, name in enumerate(names())]
    said += [(f"{colour} shape", (index, -1)) for index, colour in enumerate(COLOURS)]
    said += [(shape, (-1, index)) for index, shape in enumerate(SHAPES)]
    texts = [str(rng.choice(TEMPLATES)).format(text) for text, _ in said] + list(OTHERS)
    meaning = [pair for _, pair in said] + [(-2, -2)] * len(OTHERS)
    return _tokens(tokenizer, texts), np.array(meaning)


def _fits(truth: NDArray[np.int64], meaning: NDArray[np.int64]) -> torch.Tensor:
    """Return float (pictures, texts): 1 where the text is true of the picture."""
    import torch

    same = (truth[:, None] == meaning[None]) | (meaning[None] == -1)
    fits = same.all(2) & (truth[:, None, 0] >= 0)
    fits |= (
        (truth[:, None, 0] < 0)
        & (np.arange(len(meaning)) >= len(meaning) - len(OTHERS))
        & (np.arange(len(meaning)) < len(meaning) - len(OTHERS) + 2)
    )
    return torch.from_numpy(fits).float()


def _tokens(tokenizer: Any, texts: list[str]) -> torch.Tensor:
    made: torch.Tensor = tokenizer(
        texts,
        padding="max_length",
        truncation=True,
        max_length=TEXT_LENGTH,
        return_tensors="pt",
        return_attention_mask=False,
    ).input_ids
    return made


def _tokenizer() -> Any:
    import tokenizers
    import transformers
    from tokenizers import models, normalizers, pre_tokenizers, trainers

    made: Any = tokenizers.Tokenizer(models.BPE())
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(
        vocab_size=512,
        special_tokens=["<pad>", "<eos>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    corpus = [template.format(name) for template in TEMPLATES for name in [*names(), "shape"]]
    made.train_from_iterator([*corpus, *OTHERS], trainer)
    wrapped: Any = transformers.PreTrainedTokenizerFast
    return wrapped(
        tokenizer_object=made,
        pad_token="<pad>",
        eos_token="<eos>",
        model_max_length=TEXT_LENGTH,
        model_input_names=["input_ids"],
    )


def _model(tokenizer: Any) -> Any:
    import transformers

    tower = {"hidden_size": 64, "intermediate_size": 160, "num_attention_heads": 4}
    text = {**tower, "num_hidden_layers": 1, "vocab_size": len(tokenizer), "projection_size": 64}
    text |= {"max_position_embeddings": TEXT_LENGTH, "pad_token_id": 0, "eos_token_id": 1}
    text["bos_token_id"] = 1
    vision = {**tower, "num_hidden_layers": 3, "image_size": SIDE, "patch_size": 8}
    config = transformers.SiglipConfig(text_config=text, vision_config=vision)
    model: Any = transformers.SiglipModel(config)
    model.logit_scale.data.fill_(2.0)
    model.logit_bias.data.fill_(-3.0)
    return model.train()


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    import transformers

    from .loading import quiet

    images: Any = transformers.SiglipImageProcessor
    whole: Any = transformers.SiglipProcessor
    with quiet():
        model.eval().save_pretrained(folder)
        whole(images(size={"height": SIDE, "width": SIDE}), tokenizer).save_pretrained(folder)
