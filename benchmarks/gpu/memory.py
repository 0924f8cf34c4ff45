"""Running out of the GPU's memory for real: the batch is halved until it fits, nothing is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

from benchmarks.gpu.part import Outcome, Setup, need
from benchmarks.gpu.pictures import scene
from benchmarks.gpu.speed import pictures, spec_of
from core.device.memory import empty_caches
from core.experiments.batch_sizes import sources_of
from core.models.protocols import Loading, Model
from core.models.registry import load
from core.models.residency import Residency
from core.scans.resolve_models import ResolvedModels, open_session, resolve_models
from core.scans.scan_job import ScanJob
from core.storage.library import Library

PROBED = 8
"""pictures in the batch whose memory is measured"""
TAKEN_BYTES = 64 * 2**20
"""what a tiny model takes on a GPU for each picture"""


def out_of_memory(setup: Setup) -> Outcome:
    """Scan with a batch four times what fits, and require every picture to be answered.

    On a GPU the memory of this process is limited so that a quarter of the batch fits; a tiny model
    takes additional memory for each picture there, since its own is less than what the allocator
    takes at once. On a CPU, where only the scripts are tried, the model refuses larger batches with
    torch's own error.
    """
    batch = setup.of(64, 4)
    spec = spec_of(setup, ["embed"], **{"models.batch_size": batch})
    notes: list[str] = []
    resolved = resolve_models(spec, print)
    folder = setup.folder / "full"
    shutil.rmtree(folder, ignore_errors=True)
    with closing(Library(folder)) as library:
        fits = batch // 4
        loader = _loader(setup, fits)
        residency = Residency(library.footprints, loader=loader)
        loading = resolved.loadings["embed"]
        with _limited(setup, residency, loading, fits):
            answered = _scan(setup, library, residency, resolved, notes, 2 * batch)
        remembered = residency.most_at_once(loading, "embed")
        residency.close()
    halved = [note for note in notes if "batch size reduced" in note]
    need(answered == 2 * batch, f"{answered} of {2 * batch} pictures answered; {notes[-3:]}")
    need(halved and 0 < remembered < batch, f"never halved; {notes[-3:]}")
    figures = {
        "limit": "set_per_process_memory_fraction" if setup.is_cuda else "simulated (CPU)",
        "batch asked": batch, "halvings": len(halved), "batch that fitted": remembered,
        "pictures answered": f"{answered} of {2 * batch}",
    }  # fmt: skip
    return Outcome(figures, "halved until it fits, every picture answered", True)


def _scan(
    setup: Setup, library: Library, residency: Residency, resolved: ResolvedModels,
    notes: list[str], count: int,
) -> int:  # fmt: skip
    """Scan so many pictures and return how many have a vector."""
    spec = resolved.spec
    session = open_session(library, residency, resolved, notes.append, redo=False)
    number = library.runs.create(spec.profile, spec.model_dump(mode="json"), spec.hash(), {}, [])
    job = ScanJob(
        library, number, spec.profile, spec, lambda _event: None, redo=False, session=session
    )
    job.run(sources_of(spec, [str(pictures(setup, count))], count))
    found = 0
    for task in library.runs.tasks(number):
        said = library.annotations.of_result(task.content, spec.hash()) if task.content else []
        found += any(note.vector is not None for note in said)
    return found


def _loader(setup: Setup, fits: int) -> Callable[[Loading], Model]:
    if not setup.is_cuda:
        return _changed(partial(_refuse, fits))
    return _changed(partial(_take, setup.device)) if setup.tiny else load


@contextmanager
def _limited(setup: Setup, residency: Residency, loading: Loading, fits: int) -> Iterator[None]:
    """Leave this process about as much memory as the model needs for so many pictures at once."""
    if not setup.is_cuda:
        yield
        return
    import torch

    with residency.lease(loading) as model:
        each = _bytes_of_a_picture(setup.device, model)
    empty_caches(setup.device)
    limit = torch.cuda.memory_reserved(setup.device) + 1.5 * fits * each
    total = torch.cuda.mem_get_info(setup.device)[1]
    torch.cuda.set_per_process_memory_fraction(min(1.0, limit / total), setup.device)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, setup.device)


def _bytes_of_a_picture(device: str, model: Any) -> float:
    """Return what a picture of a batch takes on the device beside what the model holds."""
    import torch

    prepared = model.prepare([scene(seed, 320, 240) for seed in range(PROBED)])
    model.embed(prepared)  # the first call also allocates workspaces, which stay
    held = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    model.embed(prepared)
    return float(torch.cuda.max_memory_allocated(device) - held) / PROBED


def _changed(before: Callable[[int], object]) -> Callable[[Loading], Model]:
    """Return a loader of models that do something first, given the number of pictures."""

    def loaded(loading: Loading) -> Model:
        model: Any = load(loading)
        embed = model.embed

        def changed(prepared: Any) -> Any:
            kept = before(sum(len(batch.indices) for batch in prepared))
            vectors = embed(prepared)
            del kept
            return vectors

        model.embed = changed
        found: Model = model
        return found

    return loaded


def _refuse(most: int, count: int) -> None:
    import torch

    if count > most:
        raise torch.OutOfMemoryError(f"{count} pictures, {most} fit (simulated)")


def _take(device: str, count: int) -> object:
    """Return so much memory of a device: torch raises its own error where that is not there."""
    import torch

    return torch.empty(count * TAKEN_BYTES, dtype=torch.uint8, device=device)
