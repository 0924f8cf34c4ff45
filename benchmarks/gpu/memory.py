"""Running out of the GPU's memory for real: the batch is halved until it fits, nothing is lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
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


def out_of_memory(setup: Setup) -> Outcome:
    """Scan with a batch four times what fits, and require every picture to be answered.

    On a GPU the memory of this process is limited so that a quarter of the batch fits. On a CPU,
    where only the scripts are tried, the model refuses larger batches with torch's own error.
    """
    batch = setup.of(64, 4)
    spec = spec_of(setup, ["embed"], **{"models.batch_size": batch})
    notes: list[str] = []
    resolved = resolve_models(spec, print)
    folder = setup.folder / "full"
    shutil.rmtree(folder, ignore_errors=True)
    with closing(Library(folder)) as library:
        fits = batch // 4
        loader = load if setup.is_cuda else _refusing(fits)
        residency = Residency(library.footprints, loader=loader)
        loading = resolved.loadings["embed"]
        with _limited(setup, residency, loading, fits):
            answered = _scan(setup, library, residency, resolved, notes, 2 * batch)
        remembered = residency.most_at_once(loading, "embed")
        residency.close()
    halved = [note for note in notes if "out of memory, so" in note]
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


@contextmanager
def _limited(setup: Setup, residency: Residency, loading: Loading, fits: int) -> Iterator[None]:
    """Leave this process about as much memory as the model needs for so many pictures at once."""
    if not setup.is_cuda:
        yield
        return
    import torch

    with residency.lease(loading) as model:
        needed = _needed(setup.device, model, fits)
    total = torch.cuda.mem_get_info(setup.device)[1]
    empty_caches(setup.device)
    torch.cuda.set_per_process_memory_fraction(min(1.0, needed / total), setup.device)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, setup.device)


def _needed(device: str, model: Any, fits: int) -> int:
    """Return bytes: what is allocated, and for so many pictures what one of them takes."""
    import torch

    prepared = model.prepare([scene(seed, 320, 240) for seed in range(PROBED)])
    model.embed(prepared)  # the first call also allocates workspaces
    held = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    model.embed(prepared)
    each = (torch.cuda.max_memory_allocated(device) - held) / PROBED
    return int(held + 1.5 * fits * each)


def _refusing(most: int) -> Any:
    """Return a loader of models that take no larger batch, as a full GPU would not."""

    def loaded(loading: Loading) -> Model:
        import torch

        model: Any = load(loading)
        embed = model.embed

        def limited(prepared: Any) -> Any:
            if sum(len(batch.indices) for batch in prepared) > most:
                raise torch.OutOfMemoryError(f"more than {most} at once (simulated)")
            return embed(prepared)

        model.embed = limited
        found: Model = model
        return found

    return loaded
