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
import re
import resource
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import ROOT, SIGHTLINE, table
from benchmarks.trained_model import GROUPS, TRAINED_CAPTIONS, captions, embedded, trained_clip
from core.inference.vocabulary import built_in

MEDIA = Path(os.environ.get("SIGHTLINE_MEDIA", str(ROOT.parent / "shared" / "media")))
Vectors = NDArray[np.float32]


def main() -> None:
    """Print how well held-out captions find their picture, and how often tags are true."""
    if not (MEDIA / "images" / "coco33" / "references.jsonl").is_file():
        print(f"no pictures of coco33 in {MEDIA}: nothing was measured")
        return
    pictures, folder = captions(MEDIA), trained_clip(MEDIA)
    scans = {}
    for title, words in _lists().items():
        with tempfile.TemporaryDirectory() as scratch:
            scans[title] = _scanned(Path(scratch), folder, pictures, words)
    _print_retrieval(folder, pictures, next(iter(scans.values())))
    _print_tags(pictures, scans)


def _lists() -> dict[str, Sequence[str]]:
    """Return the lists of words that tags are chosen from, by title."""
    edits = tomllib.loads((ROOT / "scripts" / "vocabulary_edits.toml").read_text("utf-8"))
    own = [word for words in edits["own"].values() for word in words]
    return {"names the model learned": sorted(GROUPS), "our own words": own, "ships": built_in()}


@dataclass(frozen=True, slots=True)
class _Scan:
    """What the product made of the pictures: vectors (pictures, dimension), five tags of each."""

    vectors: Vectors
    tags: list[list[str]]
    dtype: str
    words: int
    cpu: tuple[float, float]
    """seconds of a first scan, and of a second one of the same library that does all again"""


def _scanned(
    scratch: Path, model: Path, pictures: Sequence[dict[str, Any]], words: Sequence[str]
) -> _Scan:
    library, out = ["--library", str(scratch / "library"), "--quiet"], scratch / "out"
    listed = scratch / "words.txt"
    listed.write_text("\n".join(words), "utf-8")
    scan = [*SIGHTLINE, *library, "scan", str(pictures[0]["path"].parent), "--stages", "embed,tag",
            "--set", f"embed.model={model}", "--set", f"tag.vocabulary={listed}",
            "--set", "tag.threshold=0", "--set", "tag.top=5",
            "--set", "sampling.mode=fps"]  # fmt: skip
    export = [*SIGHTLINE, *library, "export", "1", "--out", str(out), "--format", "vectors",
              "--format", "json"]  # fmt: skip
    cpu = (_cpu_seconds(scan), _cpu_seconds([*scan, "--redo"]))
    _cpu_seconds(export)
    rows, tags, dtype = [], [], ""
    for each in pictures:
        name = each["path"].name
        with np.load(out / f"{name}.vectors.npz") as arrays:
            rows.append(arrays["vectors"][0])
        body = json.loads((out / f"{name}.json").read_text(encoding="utf-8"))
        tags.append([tag["tag"] for tag in _frames(body)[0]["tags"]])
        dtype = body["provenance"]["models"]["embed"]["dtype"]
    return _Scan(np.stack(rows), tags, dtype, len(words), cpu)


def _cpu_seconds(command: Sequence[str]) -> float:
    """Run a command and return the CPU seconds of it and of what it started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _print_retrieval(folder: Path, pictures: Sequence[dict[str, Any]], scan: _Scan) -> None:
    asked = [(text, n) for n, each in enumerate(pictures)
             for text in each["captions"][TRAINED_CAPTIONS:]]  # fmt: skip
    texts, library = _by_open_clip(folder, [text for text, _ in asked], pictures)
    wanted = np.array([number for _, number in asked])
    table(
        ("side", "precision", "queries", "R@1", "R@5", "MRR"),
        [
            ("the product", scan.dtype, len(asked), *_retrieval(texts @ scan.vectors.T, wanted)),
            ("open_clip itself", "float32", len(asked), *_retrieval(texts @ library.T, wanted)),
        ],
    )
    least = (scan.vectors * library).sum(1).min()
    print(f"least cosine between a vector of the product and of open_clip: {least:.6f}")


def _print_tags(pictures: Sequence[dict[str, Any]], scans: Mapping[str, _Scan]) -> None:
    """Print how often tags are true, of the pictures with an object that the model learned.

    Named is a tag that is an object people marked, or a word of one of the five captions.
    """
    known = [n for n, each in enumerate(pictures) if set(each["objects"]) & set(GROUPS)]
    rows = []
    for title, scan in scans.items():
        named = np.array([[_named(tag, pictures[n]) for tag in scan.tags[n]] for n in known])
        marked = sum(scan.tags[n][0] in pictures[n]["objects"] for n in known)
        rows.append((title, scan.words, len(known), marked, int(named[:, 0].sum()),
                     int(named.any(1).sum()), f"{named.mean():.3f}",
                     f"{scan.cpu[0]:.1f}", f"{scan.cpu[1]:.1f}"))  # fmt: skip
    table(
        ("list", "words", "pictures", "first tag is a marked object", "first tag is named",
         "one of five is named", "share of the five that is", "CPU s", "CPU s, second scan"),
        rows,
    )  # fmt: skip


def _named(tag: str, picture: Mapping[str, Any]) -> bool:
    text = " ".join(picture["captions"]).lower()
    return tag in picture["objects"] or bool(re.search(rf"\b{re.escape(tag)}(s|es)?\b", text))


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
