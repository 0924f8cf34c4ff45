"""Share of engine speed: a whole embedding scan against the bare model and against bare decoding.

2,000 JPEGs of 1024x768 through ViT-B/32 (open_clip's own, random weights: what they are does not
change the time). Every side is a whole process, imports and loading included. The bare model is
open_clip called as its own documentation does, given the same batches, drawn once; the bare decoder
does what the scan's reader must: decode and reduce each picture. The share is that of the slower of
the two. Our own model, which computes less than open_clip (`core/models/first_token.py`) and on
each core by itself (`core/models/cpu_batches.py`), is given the same batches too: that is what the
pipeline around it costs.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import CACHE, SIGHTLINE, in_turn, medians, table

PICTURES = int(os.environ.get("SIGHTLINE_BENCH_PICTURES", "2000"))
RUNS = int(os.environ.get("SIGHTLINE_BENCH_RUNS", "3"))
SIDES = ("bare model", "bare decoding", "scan", "our model alone")
BATCH = 16
ARCHITECTURE = "ViT-B-32"
LIBRARY = """
import sys
import open_clip, torch
folder, pictures, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
model = open_clip.create_model(f"local-dir:{folder}").eval()
torch.manual_seed(0)
drawn = torch.randn(batch, 3, *model.visual.image_size)
with torch.no_grad():
    for _ in range(pictures // batch):
        model.encode_image(drawn, normalize=True)
"""
MODEL = """
import sys
import numpy as np
from pathlib import Path
from core.models.protocols import Loading
from core.models.registry import load
folder, pictures, batch = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
model = load(Loading("bare", "open_clip", folder, "bare"))
drawn = np.random.default_rng(0).integers(0, 255, (batch, 480, 640, 3), np.uint8)
prepared = model.prepare(list(drawn))
for _ in range(pictures // batch):
    model.embed(prepared)
model.close()
"""
DECODE = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from core.sources.picture import open_picture, picture_roughly
def one(path):
    with open_picture(str(path), 2e8) as image:
        return picture_roughly(image).size
paths = sorted(Path(sys.argv[1]).rglob("*.jpg"))
with ThreadPoolExecutor(2) as threads:
    print(sum(threads.map(one, paths)))
"""


def main() -> None:
    """Print what a scan takes beside its two halves, and its share of the slower one."""
    folder, pictures = saved_model(ARCHITECTURE), jpegs(PICTURES)
    with tempfile.TemporaryDirectory() as scratch:
        kept = ["--library", f"{scratch}/library", "--quiet"]
        scan = [*SIGHTLINE, *kept, "scan", str(pictures), "--stages", "embed", "--redo",
                "--set", f"embed.model={folder}", "--set", f"models.batch_size={BATCH}",
                "--set", "sampling.mode=fps"]  # fmt: skip
        asked = [str(folder), str(PICTURES), str(BATCH)]
        library = [sys.executable, "-c", LIBRARY, *asked]
        model = [sys.executable, "-c", MODEL, *asked]
        decode = [sys.executable, "-c", DECODE, str(pictures)]
        sides = [medians(runs) for runs in in_turn([library, decode, scan, model], RUNS)]
    table(
        ("side", "wall s", "CPU s", "pictures/s", "peak MiB"),
        [
            (name, side.wall_seconds, side.cpu_seconds, PICTURES / side.wall_seconds, side.peak_mib)
            for name, side in zip(SIDES, sides, strict=True)
        ],
    )
    slower = max(side.wall_seconds for side in sides[:2])
    table(
        ("figure", "value", "wanted"),
        [
            ("share of engine speed", slower / sides[2].wall_seconds, ">= 0.95"),
            ("of our own model's speed", sides[3].wall_seconds / sides[2].wall_seconds, ""),
        ],
    )


def jpegs(count: int) -> Path:
    """Draw pictures with detail at every scale, as photographs have, and return their folder."""
    import numpy as np
    from PIL import Image

    folder = CACHE / f"jpegs-{count}"
    if not folder.is_dir():
        scratch = folder.with_suffix(".new")
        scratch.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(0)
        for number in range(count):
            whole = np.zeros((768, 1024, 3), np.float32)
            for side in (4, 16, 64, 256):
                part = random.normal(0, 1, (side * 3 // 4, side, 3)).astype(np.float32)
                shown = [
                    Image.fromarray(part[..., channel]).resize(
                        (1024, 768), Image.Resampling.BICUBIC
                    )
                    for channel in range(3)
                ]
                whole += np.stack([np.asarray(each) for each in shown], -1) * (30 / side**0.3)
            pixels = np.clip(whole + 128, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(scratch / f"IMG_{number:05d}.jpg", quality=88)
        scratch.rename(folder)
    return folder


def saved_model(architecture: str) -> Path:
    """Save an architecture with random weights, as a folder open_clip's models come in."""
    folder = CACHE / f"open_clip-{architecture}"
    if not folder.is_dir():
        import json

        import open_clip
        import torch
        from safetensors.torch import save_file

        torch.manual_seed(0)
        model = open_clip.create_model(architecture, pretrained=None)
        scratch = folder.with_suffix(".new")
        scratch.mkdir(parents=True, exist_ok=True)
        config = {
            "model_cfg": open_clip.get_model_config(architecture),
            "preprocess_cfg": open_clip.get_model_preprocess_cfg(model),
        }
        (scratch / "open_clip_config.json").write_text(json.dumps(config))
        state = {name: value.contiguous() for name, value in model.state_dict().items()}
        save_file(state, scratch / "open_clip_model.safetensors")
        scratch.rename(folder)
    return folder


if __name__ == "__main__":
    main()
