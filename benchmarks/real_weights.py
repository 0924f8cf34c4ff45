"""Tags and retrieval with trained weights: a scan of real pictures, its results against people.

The model is made by `trained_model.py` (trained, but no published model). The 33 pictures of coco33
carry five captions and the names of objects in them, by people; the model was trained on three
captions of each, the other two are asked here. The product embeds and tags the pictures and exports
vectors and tags; open_clip, called directly, embeds the same pictures for comparison. Chance: R@1
0.03. Needs the media in `SIGHTLINE_MEDIA` (else ../shared/media) and PyPI at first use.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import ROOT, SIGHTLINE, table
from benchmarks.trained_model import GROUPS, TRAINED_CAPTIONS, captions, embedded, trained_clip

MEDIA = Path(os.environ.get("SIGHTLINE_MEDIA", str(ROOT.parent / "shared" / "media")))
Vectors = NDArray[np.float32]


def main() -> None:
    """Print how well held-out captions find their picture, and how often the top tag is true."""
    if not (MEDIA / "images" / "coco33" / "references.jsonl").is_file():
        print(f"no pictures of coco33 in {MEDIA}: nothing was measured")
        return
    pictures, folder = captions(MEDIA), trained_clip(MEDIA)
    with tempfile.TemporaryDirectory() as scratch:
        vectors, tags, dtype = _scanned(Path(scratch), folder, pictures)
    asked = [(text, n) for n, each in enumerate(pictures)
             for text in each["captions"][TRAINED_CAPTIONS:]]  # fmt: skip
    texts, library = _by_open_clip(folder, [text for text, _ in asked], pictures)
    wanted = np.array([number for _, number in asked])
    table(
        ("side", "precision", "queries", "R@1", "R@5", "MRR"),
        [
            ("the product", dtype, len(asked), *_retrieval(texts @ vectors.T, wanted)),
            ("open_clip itself", "float32", len(asked), *_retrieval(texts @ library.T, wanted)),
        ],
    )
    known = [n for n, each in enumerate(pictures) if set(each["objects"]) & set(GROUPS)]
    true = sum(tags[n] in pictures[n]["objects"] for n in known)
    table(
        ("figure", "value"),
        [
            ("least cosine between a vector of the product and of open_clip",
             f"{(vectors * library).sum(1).min():.6f}"),
            ("pictures of an object with a word in the vocabulary: top tag is true",
             f"{true} of {len(known)}"),
        ],
    )  # fmt: skip


def _scanned(
    scratch: Path, model: Path, pictures: Sequence[dict[str, Any]]
) -> tuple[Vectors, list[str], str]:
    """Return the product's vectors (pictures, dimension), top tags, and the precision it took."""
    library, out = ["--library", str(scratch / "library"), "--quiet"], scratch / "out"
    words = json.dumps(sorted(GROUPS))
    scan = [*SIGHTLINE, *library, "scan", str(pictures[0]["path"].parent), "--stages", "embed,tag",
            "--set", f"embed.model={model}", "--set", f"tag.vocabulary={words}",
            "--set", "tag.threshold=0", "--set", "sampling.mode=fps"]  # fmt: skip
    export = [*SIGHTLINE, *library, "export", "1", "--out", str(out), "--format", "vectors",
              "--format", "json"]  # fmt: skip
    for command in (scan, export):
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    rows, tags, dtype = [], [], ""
    for each in pictures:
        name = each["path"].name
        with np.load(out / f"{name}.vectors.npz") as arrays:
            rows.append(arrays["vectors"][0])
        body = json.loads((out / f"{name}.json").read_text(encoding="utf-8"))
        tags.append(_frames(body)[0]["tags"][0]["tag"])
        dtype = body["provenance"]["models"]["embed"]["dtype"]
    return np.stack(rows), tags, dtype


def _frames(body: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body.get("looks") or body.get("frames") or []
    return found


def _by_open_clip(
    folder: Path, texts: Sequence[str], pictures: Sequence[dict[str, Any]]
) -> tuple[Vectors, Vectors]:
    """Return unit vectors of texts and of pictures, by open_clip alone."""
    import open_clip
    import torch

    model = open_clip.create_model(f"local-dir:{folder}").eval()
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")(list(texts))
    with torch.no_grad():
        said = model.encode_text(tokens, normalize=True).numpy()
    return said, embedded(model, [each["path"] for each in pictures]).numpy()


def _retrieval(scores: Vectors, wanted: NDArray[np.int64]) -> tuple[float, float, float]:
    """Return recall at 1 and at 5 and the mean reciprocal rank of scores (queries, pictures)."""
    right = scores[np.arange(len(wanted)), wanted]
    rank = (scores > right[:, None]).sum(1)
    return float((rank < 1).mean()), float((rank < 5).mean()), float((1 / (rank + 1)).mean())


if __name__ == "__main__":
    main()
