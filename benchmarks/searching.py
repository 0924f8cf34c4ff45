"""Searches: quality with trained weights, the cut-off, and a query from the shell against rclip.

Quality: the model of `trained_model.py` (trained, but no published model) over all pictures of the
media. Two captions of each picture of coco33 were kept from its training; they are asked here.
Searches for things that no picture shows (`ABSENT`, checked by eye) must find nothing. The single
threshold is the one with the best F1 over the same cosines, chosen with the truth.
Times: an index of 10,000 drawn vectors and ViT-B-32-256 with random weights, on both sides the same
text side; rclip gets as many vectors. Each run asks another text, as somebody at a shell does.
Needs the media in `SIGHTLINE_MEDIA`, PyPI at first use, and .venv-rivals (make bench) for rclip.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.embedding import saved_model
from benchmarks.measure import CACHE, ROOT, SIGHTLINE, Taken, run, table
from benchmarks.real_weights import MEDIA
from benchmarks.trained_model import TRAINED_CAPTIONS, captions, embedded, trained_clip
from core.protocol.requests.search import Search, SearchReply
from core.protocol.search_terms import SearchTerm
from core.service.client import LibraryClient, wait_for

VECTORS = int(os.environ.get("SIGHTLINE_BENCH_VECTORS", "10000"))
RUNS = int(os.environ.get("SIGHTLINE_BENCH_RUNS", "5"))
ARCHITECTURE, DIMENSION = "ViT-B-32-256", 512
RIVAL = ROOT / ".venv-rivals"
ABSENT = (
    "a submarine under the ice", "a violin and a bow", "an accordion player",
    "a space shuttle launch", "a camel in the desert", "a penguin on the ice", "a kangaroo",
    "a jellyfish", "a snow plough", "a typewriter", "a lawn mower", "a harp", "a pineapple",
    "an hourglass", "a gondola in venice", "a windmill", "a parachute", "a sewing machine",
    "a barometer", "a totem pole", "an orangutan", "a scorpion", "a starfish on a beach",
    "a flamingo", "a mushroom", "a polar bear", "a cannon", "a chainsaw", "a drum kit",
    "a tractor in a field", "a wolf howling", "a goldfish bowl", "a lighthouse at night",
    "a bulldozer", "a carousel", "a golf ball", "an electric guitar", "a peacock",
    "a castle on a hill", "a snowmobile",
)  # fmt: skip
ASKED = ("a red car in the rain", "two dogs on a beach", "an empty road at night",
         "people with umbrellas", "a cat on a chair", "a bridge over a river",
         "a plate of pasta", "a storm above the city")  # fmt: skip
EXPORT = """
import sys
sys.path.append(sys.argv[1])
import open_clip, torch
from pathlib import Path
from safetensors.torch import load_file
model = open_clip.create_model(sys.argv[2], pretrained=None).eval()
model.load_state_dict(load_file(Path(sys.argv[3]) / "open_clip_model.safetensors"))
class Text(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model
    def forward(self, tokens):
        return self.model.encode_text(tokens)
torch.onnx.export(
    Text(model), (torch.zeros(1, 77, dtype=torch.long),), sys.argv[4], dynamo=True,
    input_names=["input"], output_names=["output"], external_data=False,
)
"""
FILL = """
import sys
import numpy as np
from pathlib import Path
from rclip.db import DB, NewImage
database = DB(Path(sys.argv[1]) / "db.sqlite3")
rows = np.random.default_rng(0).standard_normal((int(sys.argv[3]), 512)).astype(np.float32)
rows /= np.linalg.norm(rows, axis=1, keepdims=True)
for number, row in enumerate(rows):
    database.upsert_image(NewImage(filepath=f"{sys.argv[2]}/{number}.jpg", modified_at=0.0, size=1,
                                   vector=row.tobytes(), hash=str(number)), commit=False)
database.close()
"""
Vectors = NDArray[np.float32]


def main() -> None:
    """Print how well searches find, and what one costs."""
    if (MEDIA / "images" / "coco33" / "references.jsonl").is_file():
        with tempfile.TemporaryDirectory() as scratch:
            _quality(Path(scratch) / "library")
    else:
        print(f"no pictures of coco33 in {MEDIA}: quality was not measured")
    with tempfile.TemporaryDirectory() as scratch:
        _times(Path(scratch))


def _quality(library: Path) -> None:
    model = trained_clip(MEDIA)
    index = [*SIGHTLINE, "--library", str(library), "--quiet", "index", str(MEDIA / "images"),
             "--stages", "embed", "--set", f"embed.model={model}"]  # fmt: skip
    subprocess.run(index, cwd=ROOT, check=False, stderr=subprocess.DEVNULL)  # some are damaged
    asked = [(text, str(each["path"])) for each in captions(MEDIA)
             for text in each["captions"][TRAINED_CAPTIONS:]]  # fmt: skip
    replies = wait_for(_asked(library, [text for text, _ in asked], every=True))
    absent = wait_for(_asked(library, ABSENT, every=False))
    ranks = np.array([_rank(reply.rows, path) for reply, (_, path) in zip(replies, asked,
                      strict=True)])  # fmt: skip
    by_cosine = np.array([
        _rank(sorted(reply.rows, key=lambda row: -row["cosine"]), path)
        for reply, (_, path) in zip(replies, asked, strict=True)
    ])  # fmt: skip
    cosines, wanted = _by_open_clip(model, asked, replies[0])
    direct = (cosines > cosines[np.arange(len(wanted)), wanted][:, None]).sum(axis=1)
    table(
        ("held-out captions", "queries", "pictures", "R@1", "R@5", "MRR"),
        [
            ("sightline search, as ranked", len(asked), cosines.shape[1], *_figures(ranks)),
            ("the same, by cosine", len(asked), cosines.shape[1], *_figures(by_cosine)),
            ("open_clip itself, by cosine", len(asked), cosines.shape[1], *_figures(direct)),
        ],
    )
    passed = [path in [row["path"] for row in reply.rows[: reply.total]]
              for reply, (_, path) in zip(replies, asked, strict=True)]  # fmt: skip
    single = _recall_of_best_threshold(cosines, wanted)
    finding = sum(reply.total > 0 for reply in absent)
    table(
        ("cut-off at 5 %", "value", "wanted"),
        [
            ("recall of the caption's own picture", float(np.mean(passed)), ""),
            ("the same of the best single threshold on the cosines", single, ""),
            ("ratio", float(np.mean(passed)) / max(single, 1e-9), ">= 2"),
            ("absent things that find something", f"{finding} of {len(absent)}", "<= 5 %"),
            ("notes", "; ".join({note for reply in replies for note in reply.notes}), ""),
        ],
    )


async def _asked(library: Path, texts: Sequence[str], *, every: bool) -> list[SearchReply]:
    client = LibraryClient(library)
    try:
        return [
            await client.ask(Search((SearchTerm("text", text),), every=every, last=1000))
            for text in texts
        ]
    finally:
        await client.close()


def _rank(rows: Sequence[dict[str, Any]], path: str) -> int:
    return next((n for n, row in enumerate(rows) if row["path"] == path), len(rows))


def _figures(ranks: NDArray[np.int64]) -> tuple[float, float, float]:
    return float((ranks < 1).mean()), float((ranks < 5).mean()), float((1 / (ranks + 1)).mean())


def _by_open_clip(
    folder: Path, asked: Sequence[tuple[str, str]], reply: SearchReply
) -> tuple[Vectors, NDArray[np.int64]]:
    """Return cosines (queries, pictures) of open_clip alone, and which picture is wanted."""
    import open_clip
    import torch

    model = open_clip.create_model(f"local-dir:{folder}").eval()
    paths = sorted(row["path"] for row in reply.rows)
    readable = [path for path in paths if _opens(path)]
    tokens = open_clip.get_tokenizer(f"local-dir:{folder}")([text for text, _ in asked])
    with torch.no_grad():
        texts = model.encode_text(tokens, normalize=True).numpy()
    pictures = embedded(model, [Path(path) for path in readable]).numpy()
    return texts @ pictures.T, np.array([readable.index(path) for _, path in asked])


def _opens(path: str) -> bool:
    """Return whether Pillow reads a picture; a few formats of the media it does not."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.convert("RGB")
    except OSError:
        return False
    return True


def _recall_of_best_threshold(cosines: Vectors, wanted: NDArray[np.int64]) -> float:
    truth = np.zeros_like(cosines, bool)
    truth[np.arange(len(wanted)), wanted] = True
    hits = [cosines > limit for limit in np.linspace(cosines.min(), cosines.max(), 400)]
    best = max(hits, key=lambda hit: 2 * (hit & truth).sum() / (hit.sum() + truth.sum()))
    return float((best & truth).sum() / truth.sum())


def _times(scratch: Path) -> None:
    model = saved_model(ARCHITECTURE)
    library = scratch / "library"
    _drawn_index(library, model)
    ours = [*SIGHTLINE, "--library", str(library), "search"]
    run(
        [*ours, ASKED[-1]], (0, 5)
    )  # the first query of an index also measures what chance reaches in it
    rival = _rival(scratch, model)
    sides: dict[str, list[Taken]] = {"cold": [], "repeated": [], "rclip": []}
    for number in range(RUNS):
        words = ASKED[number % (len(ASKED) - 1)].split()
        text = " ".join([*words, str(number)])
        sides["cold"].append(run([*ours, text], (0, 5)))
        sides["repeated"].append(run([*ours, text], (0, 5)))
        if rival:
            sides["rclip"].append(run([*rival, text], folder=scratch / "pictures"))
    rows = [(name, *_medians(taken)) for name, taken in sides.items() if taken]
    table((f"query over {VECTORS} vectors", "wall s", "CPU s", "peak MiB"), rows)
    if sides["rclip"]:
        ratio = median(t.cpu_seconds for t in sides["cold"]) / median(
            t.cpu_seconds for t in sides["rclip"]
        )
        name = "CPU seconds of a cold query, ours by rclip's"
        table(("figure", "value", "wanted"), [(name, ratio, "<= 1.0, aim 0.6")])


def _medians(taken: Sequence[Taken]) -> Iterator[float]:
    for name in ("wall_seconds", "cpu_seconds", "peak_mib"):
        yield float(median(getattr(each, name) for each in taken))


def _drawn_index(folder: Path, model: Path) -> None:
    """Make a library whose index holds drawn vectors, as if they were made with a model."""
    from core.hub.hub import Hub
    from core.models.numpy_texts import text_side
    from core.records import SourceInfo
    from core.search.background import sentences
    from core.search.index import SearchIndex
    from core.search.space import space_of
    from core.storage.library import Library
    from core.stores.answers import Annotation, AnswerKey

    found = Hub(offline=True, notify=lambda _: None).resolve(str(model), "stable")
    identity = {"model": str(model), "revision": found.revision, "family": "open_clip",
                "dtype": "float32", "attn": "sdpa", "quantize": "none",
                "preprocessing": "drawn", "version": 1}  # fmt: skip
    rows = np.random.default_rng(0).standard_normal((VECTORS, DIMENSION)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    side = text_side(model)
    assert side is not None
    with closing(Library(folder)) as library:
        infos = [SourceInfo(f"/drawn/{n}.jpg", "picture", f"b2:{n:032x}", 1, 64, 64, "jpeg", "jpeg")
                 for n in range(VECTORS)]  # fmt: skip
        library.results.remember((info, 1) for info in infos)
        key = library.annotations.register(AnswerKey("embed", identity))
        library.annotations.keep(key, [(info.content, Annotation("embed", 0, 0.0, "", {}, row))
                                       for info, row in zip(infos, rows, strict=True)])  # fmt: skip
        with closing(SearchIndex(library, writable=True)) as index, index.indexer() as indexer:
            space = space_of(identity, DIMENSION)
            indexer.set_background(space, lambda _: side.embed_texts(sentences()))
            indexer.update()


def _rival(scratch: Path, model: Path) -> list[str]:
    """Return rclip's command over as many vectors; none where it is not installed."""
    if not (RIVAL / "bin" / "rclip").exists() or not (RIVAL / "onnx").is_dir():
        print("no .venv-rivals with rclip and onnx here: run `make bench` once")
        return []
    data = CACHE / "rclip-query-data"
    if not data.is_dir():
        _rclip_data(data, model)
    own = scratch / "rclip"
    subprocess.run(["cp", "-r", str(data), str(own)], check=True)
    pictures = scratch / "pictures"
    pictures.mkdir()
    fill = [str(RIVAL / "bin" / "python"), "-c", FILL, str(own), str(pictures), str(VECTORS)]
    subprocess.run(fill, check=True)
    return ["env", f"RCLIP_DATADIR={own}", str(RIVAL / "bin" / "rclip"), "--no-indexing",
            "--filepath-only"]  # fmt: skip


def _rclip_data(data: Path, model: Path) -> None:
    import shutil

    import open_clip

    scratch = data.with_suffix(".new")
    shutil.rmtree(scratch, ignore_errors=True)
    folder = scratch / "ViT-B-32-256-datacomp_s34b_b86k"
    folder.mkdir(parents=True)
    (scratch / "tokenizer").mkdir()
    subprocess.run(
        [sys.executable, "-c", EXPORT, str(RIVAL / "onnx"), ARCHITECTURE, str(model),
         str(folder / "textual.onnx")],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    (folder / "visual.onnx").touch()  # only there to be found: no image is asked for
    vocabulary = "bpe_simple_vocab_16e6.txt.gz"
    shutil.copy(Path(open_clip.__file__).with_name(vocabulary), scratch / "tokenizer" / vocabulary)
    scratch.rename(data)


if __name__ == "__main__":
    main()
