"""Speed of whole scans beside that of their models alone, for batch sizes, with peak memory.

As `sightline check speed` and `check batch` do: `core/experiments/batch_sizes.py` scans, then
repeats the models' calls with nothing around them. `share` is the speed of the scan by theirs.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.gpu.part import Outcome, Setup, need
from benchmarks.gpu.pictures import jpegs
from core.config.profiles import resolve
from core.config.spec import Spec
from core.device.memory import watch_peak
from core.experiments.batch_sizes import AS_IN_PROFILE, BatchComparison, lines, sources_of
from core.models.residency import Residency
from core.pipeline.channel import Control
from core.protocol.views import BatchLine
from core.scans.resolve_models import resolve_models
from core.storage.library import Library

SHARE = 0.90
WANTED = f"share of the models' own speed >= {SHARE:.2f}"


@dataclass(frozen=True, slots=True)
class Compared:
    """A line for each batch size, the most memory held, and the models that were in it."""

    lines: list[BatchLine]
    peak_bytes: int | None
    held: tuple[str, ...]


def models(setup: Setup) -> Outcome:
    """Build both models where they are not there yet."""
    from benchmarks.gpu import models as sizes_of

    chosen = (sizes_of.TINY_SIGLIP, sizes_of.TINY_QWEN) if setup.tiny else (
        sizes_of.SIGLIP2_SO400M, sizes_of.QWEN3_VL_2B)  # fmt: skip
    figures: dict[str, Any] = {}
    for name, folder, build, sizes in (
        ("SigLIP2-so400m size", setup.siglip, sizes_of.siglip, chosen[0]),
        ("Qwen3-VL-2B size", setup.qwen, sizes_of.qwen3_vl, chosen[1]),
    ):
        began = time.perf_counter()
        if not folder.is_dir():
            figures[f"{name}, million parameters"] = build(folder, setup.device, sizes) / 1e6
        figures[f"{name}, built in s"] = time.perf_counter() - began
    return Outcome(figures)


def embed(setup: Setup) -> Outcome:
    """Measure the embedder's share, with the profile's batch size."""
    count = setup.of(1024, 6)
    found = compared(setup, ["embed"], (AS_IN_PROFILE,), setup.of(3, 1), count)
    return _shared(found)


def vlm(setup: Setup) -> Outcome:
    """Measure the VLM's share, with the profile's batch size."""
    found = compared(
        setup, ["caption"], (AS_IN_PROFILE,), 1, setup.of(32, 2), tokens=setup.of(64, 2)
    )
    return _shared(found)


def two_stages(setup: Setup) -> Outcome:
    """Measure the share of an embedder and a VLM that take turns on one device."""
    found = compared(
        setup, ["embed", "caption"], (AS_IN_PROFILE,), 1, setup.of(32, 2), tokens=setup.of(32, 2)
    )
    said = {stage.stage for stage in found.lines[0].stages}
    need(said == {"embed", "caption"}, f"only {sorted(said)} answered")
    need(len(found.held) == 2, f"in memory at the end: {found.held}")
    return _shared(found)


def embed_batches(setup: Setup) -> Outcome:
    """Compare batch sizes of the embedder."""
    sizes = (1, 2) if setup.tiny else (1, 8, 32, 128)
    return _by_size(compared(setup, ["embed"], sizes, setup.of(2, 1), setup.of(256, 4)))


def vlm_batches(setup: Setup) -> Outcome:
    """Compare batch sizes of the VLM."""
    sizes = (1, 2) if setup.tiny else (1, 4, 8, 16)
    frames, tokens = setup.of(16, 2), setup.of(32, 2)
    return _by_size(compared(setup, ["caption"], sizes, 1, frames, tokens=tokens))


def compared(
    setup: Setup, stages: Sequence[str], sizes: Sequence[int], rounds: int, count: int,
    *, tokens: int = 16,
) -> Compared:  # fmt: skip
    """Scan so many pictures with each batch size in turn, beside the models alone."""
    spec = spec_of(setup, stages, tokens)
    resolved = resolve_models(spec, print)
    sources = sources_of(resolved.spec, [str(pictures(setup, count))], count)
    folder = setup.folder / "comparison"
    shutil.rmtree(folder, ignore_errors=True)
    with closing(Library(folder / "library")) as library:
        residency = Residency(library.footprints)
        comparison = BatchComparison(
            folder / "scans", residency, resolved, sources, sizes, rounds, count, print, Control()
        )
        comparison.warm_up()
        peak = watch_peak(setup.device)
        rows = {unit.number: comparison.measure(unit) for unit in comparison.units}
        found = Compared(lines(rows, sizes), _most(peak, rows), _names(residency))
        residency.close()
    return found


def spec_of(setup: Setup, stages: Sequence[str], tokens: int = 16, **settings: Any) -> Spec:
    """Return what is scanned with: the built models, on the device, in its own precision."""
    return resolve(
        "quick",
        {
            "stages": list(stages), "sampling.mode": "fps", "models.device": setup.device,
            "embed.model": str(setup.siglip), "vlm.model": str(setup.qwen),
            "vlm.max_tokens": tokens, **settings,
        },
    )  # fmt: skip


def pictures(setup: Setup, count: int) -> Path:
    """Return the folder of so many pictures."""
    width, height = (96, 64) if setup.tiny else (1024, 768)
    return jpegs(setup.folder, count, width, height)


def _most(peak: Callable[[], int | None], rows: dict[int, dict[str, Any]]) -> int | None:
    """Return the peak of all rows; a VLM begins to watch anew at each call."""
    seen = [peak(), *(row["peak_bytes"] for row in rows.values())]
    return max((each for each in seen if each), default=None)


def _names(residency: Residency) -> tuple[str, ...]:
    return tuple(each.name for each in residency.held())


def _shared(found: Compared) -> Outcome:
    (line,) = found.lines
    need(line.share is not None, "the models alone were not measured")
    figures = {
        "share": line.share, "frames/s": line.frames_per_second, "frames": line.frames,
        "peak MiB": _mib(found.peak_bytes),
    }  # fmt: skip
    return Outcome(figures, WANTED, (line.share or 0.0) >= SHARE)


def _by_size(found: Compared) -> Outcome:
    figures: dict[str, Any] = {}
    for line in found.lines:
        (stage,) = line.stages
        cosine = "" if stage.least_cosine is None else f", cosine {stage.least_cosine:.5f}"
        figures[f"batch {line.batch}"] = (
            f"{line.frames_per_second:.4g}/s, {line.speed:.2f} times, share {line.share or 0:.2f}, "
            f"same {stage.same} of {stage.answers}{cosine}"
        )
    figures["peak MiB"] = _mib(found.peak_bytes)
    return Outcome(figures)


def _mib(size: int | None) -> float | None:
    return None if size is None else size / 2**20
