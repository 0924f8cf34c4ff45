"""Indexing pictures against rclip: pictures per CPU second, on the CPU, same pictures and network.

Both embed with ViT-B-32-256 (the network rclip 3 uses), each in batches of the size it takes unless
told otherwise: rclip 8, we 16. The weights are random: what they are does not change the time.
rclip takes an ONNX export of the very weights we load, put where it keeps its own; its index is
made by the function its command line calls, since asking it something would need the text side as
well. rclip computes in float32, as we do unless told otherwise; `embed.quantize = 8bit` is shown
beside. Needs .venv-rivals (make bench).
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks.embedding import jpegs, saved_model
from benchmarks.measure import CACHE, ROOT, SIGHTLINE, in_turn, medians, table

PICTURES = int(os.environ.get("SIGHTLINE_BENCH_PICTURES", "2000"))
RUNS = int(os.environ.get("SIGHTLINE_BENCH_RUNS", "3"))
BATCH = 8
"""rclip's own"""
ARCHITECTURE = "ViT-B-32-256"
SIDES = ("scan --stages embed", "rclip 3", "the scan in eight bits")
RIVAL = ROOT / ".venv-rivals"
ONNX = RIVAL / "onnx"
EXPORT = """
import sys
sys.path.append(sys.argv[1])
import open_clip, torch
from pathlib import Path
from safetensors.torch import load_file
model = open_clip.create_model(sys.argv[2], pretrained=None)
model.load_state_dict(load_file(Path(sys.argv[3]) / "open_clip_model.safetensors"))
batch = {0: torch.export.Dim("batch", min=1, max=256)}
torch.onnx.export(
    model.visual.eval(), (torch.zeros(8, 3, 256, 256),), sys.argv[4], dynamo=True,
    input_names=["input"], output_names=["output"], dynamic_shapes=(batch,), external_data=False,
)
"""
INDEX = """
import sys
from rclip.main import init_rclip
_, _, database = init_rclip(sys.argv[1], int(sys.argv[2]))
print(database._con.execute("select count(*) from images where vector is not null").fetchone()[0])
"""


def main() -> None:
    """Print CPU seconds of both sides and how many pictures each indexes in one."""
    if not (RIVAL / "bin" / "rclip").exists() or not ONNX.is_dir():
        print("no .venv-rivals with rclip and onnx here: run `make bench` once")
        return
    pictures, model = jpegs(PICTURES), saved_model(ARCHITECTURE)
    data = _rclip_data(model)
    with tempfile.TemporaryDirectory() as scratch:
        ours = [*SIGHTLINE, "--library", f"{scratch}/library", "--quiet", "scan", str(pictures),
                "--stages", "embed", "--redo", "--set", f"embed.model={model}",
                "--set", "sampling.mode=fps"]  # fmt: skip
        rival = ["env", f"RCLIP_DATADIR={data}", "sh", "-c",
                 f'rm -f "{data}"/db.sqlite3*; exec "$0" "$@"',
                 str(RIVAL / "bin" / "python"), "-c", INDEX, str(pictures), str(BATCH)]  # fmt: skip
        eight = [*ours, "--set", "embed.quantize=8bit"]
        sides = [medians(runs) for runs in in_turn([ours, rival, eight], RUNS)]
    if sides[1].output.split()[-1:] != [str(PICTURES)]:
        sys.exit(f"rclip indexed {sides[1].output.strip()[-200:]!r}, not {PICTURES} pictures")
    table(
        ("side", "wall s", "CPU s", "pictures / CPU s", "peak MiB"),
        [
            (name, side.wall_seconds, side.cpu_seconds, PICTURES / side.cpu_seconds, side.peak_mib)
            for name, side in zip(SIDES, sides, strict=True)
        ],
    )
    ratio, eight_bits = (sides[1].cpu_seconds / sides[n].cpu_seconds for n in (0, 2))
    table(
        ("figure", "value", "wanted"),
        [
            ("pictures per CPU second, ours by rclip's, both in float32", ratio, ">= 1.3"),
            ("the same, ours in eight bits", eight_bits, ""),
        ],
    )


def _rclip_data(model: Path) -> Path:
    """Return a folder in which rclip finds all it would have fetched."""
    data = CACHE / "rclip-data"
    if data.is_dir():
        return data
    scratch = data.with_suffix(".new")
    shutil.rmtree(scratch, ignore_errors=True)
    folder = scratch / "ViT-B-32-256-datacomp_s34b_b86k"
    folder.mkdir(parents=True)
    (scratch / "tokenizer").mkdir()
    import subprocess

    import open_clip

    subprocess.run(
        [sys.executable, "-c", EXPORT, str(ONNX), ARCHITECTURE, str(model), folder / "visual.onnx"],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    # Only there to be found: nothing is asked by text.
    (folder / "textual.onnx").touch()
    vocabulary = "bpe_simple_vocab_16e6.txt.gz"
    shutil.copy(Path(open_clip.__file__).with_name(vocabulary), scratch / "tokenizer" / vocabulary)
    scratch.rename(data)
    return data


if __name__ == "__main__":
    main()
