"""Indexing beside a scan: vectors become searchable while the scan that makes them runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from ...config.stages import in_slot
from ...errors import ModelMissing, SightlineError
from ...pipeline.channel import Cancelled
from ...search.space import space_of
from ...text import clean, counted

if TYPE_CHECKING:
    from ...models.protocols import Embedder, Loading
    from ...models.residency import Residency
    from ...scans.resolve_models import ResolvedModels
    from ...search.index import SearchIndex
    from ...search.space import EmbeddingSpace
    from ...storage.index_state import SpaceRow
    from ...storage.library import Library
    from ..job import JobContext

EVERY_SECONDS = 1.0
"""between two steps of indexing beside a scan"""
_TEXTS = 64
"""background sentences embedded at once: a scan waits so long for its device"""


class _Ending(Exception):
    """The scan has ended, and a step of indexing with it."""


class ScanIndexing:
    """Indexes the vectors of one scan in a thread of its own while the scan runs."""

    def __init__(self, context: JobContext, resolved: ResolvedModels,
                 notify: Callable[[str], None]) -> None:  # fmt: skip
        self._index = context.index()
        self._residency = context.residency
        embedding = (resolved.loadings.get(stage) for stage in in_slot("vector"))
        self._loading = next((each for each in embedding if each is not None), None)
        self._notify = notify
        self._library = context.library
        self._stop = threading.Event()
        self._space: EmbeddingSpace | None = None

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Index while the block runs. What fails is said once; `finish` tries again."""
        thread = threading.Thread(target=self._run, name="sightline-index")
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def finish(self, checkpoint: Callable[[], None], *, complete: bool) -> None:
        """Index what is left; a `complete` scan with another model takes the place of the former.

        Raises IndexFault, EnvironmentFault, Cancelled.
        """
        self._add_background(checkpoint)
        with self._index.indexer(self._notify) as indexer:
            indexer.update(checkpoint, thorough=True)
        if complete and self._space is not None:
            switch_if_complete(self._library, self._space.name, self._notify)

    def _run(self) -> None:
        try:
            self._add_background(self._checkpoint)
            while not self._stop.wait(EVERY_SECONDS):
                with self._index.indexer(self._notify) as indexer:
                    indexer.update(self._checkpoint)
        except (_Ending, Cancelled):
            return
        except SightlineError as fault:
            self._notify(f"vectors are stored, but not yet searchable: {fault}")

    def _add_background(self, checkpoint: Callable[[], None]) -> None:
        """Compute what calibrated scores need; a short scan ends before that, and then waits."""
        if self._loading is not None and self._space is None:
            self._space = set_background(self._index, self._residency(), self._loading, checkpoint)

    def _checkpoint(self) -> None:
        if self._stop.is_set():
            raise _Ending


def add_backgrounds(context: JobContext, notify: Callable[[str], None],
                    checkpoint: Callable[[], None]) -> None:  # fmt: skip
    """Compute the vectors of the background sentences for all indexes that lack them.

    Of a model that cannot be loaded here, scores remain plain cosines, which is said.
    """
    from ...search.background import key

    for space in context.library.index.spaces():
        if space.state == "removed" or space.background == key():
            continue
        try:
            loading = _loading_of(space)
            set_background(context.index(), context.residency(), loading, checkpoint, space.name)
        except SightlineError as error:
            notify(f"{space.name} is not calibrated: {error}")


def _loading_of(space: SpaceRow) -> Loading:
    """Return how the model of an index is loaded. Raises ModelMissing, ModelRefused."""
    from ...config.profiles import resolve
    from .models import resolved_models

    stage, body = in_slot("vector")[0], space.body
    settings = {"stages": [stage], f"{stage}.model": body["model"]}
    if not str(body["revision"]).startswith("local-"):
        settings["models.revisions"] = {body["model"]: body["revision"]}
    if body["precision"]:
        settings["models.dtype"] = body["precision"]
    if body["quantisation"]:
        settings[f"{stage}.quantize"] = body["quantisation"]
    return resolved_models(resolve("index", settings), lambda _: None).loadings[stage]


def set_background(
    index: SearchIndex, residency: Residency, loading: Loading, checkpoint: Callable[[], None],
    name: str = "",
) -> EmbeddingSpace:  # fmt: skip
    """Compute the vectors of the background sentences in a model's space where they are lacking.

    Raises ModelMissing if the space is not the one of a `name`, and what loading and running a
    model raises.
    """
    with residency.lease(loading) as model:
        embedder = cast("Embedder", model)

        def embed(texts: Sequence[str]) -> NDArray[np.float32]:
            rows = []
            for start in range(0, len(texts), _TEXTS):
                checkpoint()
                embed_part = partial(embedder.embed_texts, texts[start : start + _TEXTS])
                rows.append(residency.run(model, embed_part))
            return np.concatenate(rows)

        space = space_of(
            asdict(embedder.identity), embedder.dimension,
            precision_is_set=loading.dtype != "auto",
        )  # fmt: skip
        if name and space.name != name:
            raise ModelMissing(f"{clean(space.model)} is another one on this disk now")
        with index.indexer() as indexer:
            indexer.set_background(space, embed)
        return space


def switch_if_complete(library: Library, name: str, notify: Callable[[str], None]) -> None:
    """Let a new index be searched once it holds every source that the current one holds."""
    state = library.index
    current, built = state.current(), state.space(name)
    if current is None or current.id == built.id or built.state != "building":
        return
    lacking = state.lacking(current.id, built.id)
    if lacking:
        of = state.count_contents(current.id)
        notify(
            f"the new index {built.name} lacks {counted(lacking, 'source')} of {of}, so searches "
            f"still use {current.name}; index the others too, or `sightline index switch`"
        )
        return
    state.switch(built.id)
    notify(f"searches now use the index {built.name}; {current.name} is kept")
