"""The embedder that queries are embedded with: that of the index, kept loaded between queries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from ..errors import IndexFault
from ..text import clean
from .space import EmbeddingSpace, space_of

if TYPE_CHECKING:
    from ..models.numpy_texts import NumpyTexts
    from ..models.protocols import Embedder, Identity, Loading
    from ..models.residency import Residency


class QueryModels:
    """Lends embedders by the space of an index. Any thread may call.

    `residency` returns the one owner of loaded models of an engine; without an engine, models are
    held here.
    """

    def __init__(self, residency: Callable[[], Residency] | None = None) -> None:
        self._engine = residency
        self._own: Residency | None = None
        self._loadings: dict[EmbeddingSpace, Loading] = {}
        self._light_sides: dict[EmbeddingSpace, NumpyTexts | None] = {}

    @contextmanager
    def lent(self, space: EmbeddingSpace, *, texts_only: bool = False) -> Iterator[Embedder]:
        """Lend the embedder of a space; its device is this caller's until the block ends.

        Without an engine, one that is for `texts_only` need not be the whole model.
        Raises ModelMissing, ModelRefused, IndexFault where the model is not that of the index.
        """
        light = None if self._engine is not None or self._own is not None else self._light(space)
        if light is not None and texts_only:
            yield cast("Embedder", light)
            return
        loading = self._loading(space)
        residency = self._residency()
        with residency.lease(loading) as model, residency.turn(model.device):
            embedder = cast("Embedder", model)
            _check(space, embedder.identity, embedder.dimension)
            yield embedder

    def close(self) -> None:
        """Release what is held here."""
        if self._own is not None:
            self._own.close()
            self._own = None

    def _light(self, space: EmbeddingSpace) -> NumpyTexts | None:
        """Return the text side of a space alone, which needs no torch; None where there is none."""
        if space not in self._light_sides:
            self._light_sides[space] = _text_side(space)
        return self._light_sides[space]

    def _residency(self) -> Residency:
        if self._engine is not None:
            return self._engine()
        if self._own is None:
            from ..models.residency import Residency

            self._own = Residency(_NotKept())
        return self._own

    def _loading(self, space: EmbeddingSpace) -> Loading:
        if space not in self._loadings:
            self._loadings[space] = loading_of(space)
        return self._loadings[space]


class _NotKept:
    """A `FootprintStore` that remembers nothing: a query loads one model."""

    def bytes_of(self, key: str) -> int:
        return 0

    def keep_bytes(self, key: str, name: str, device: str, used_bytes: int) -> None:
        pass

    def batch_of(self, key: str, work: str) -> int:
        return 0

    def keep_batch(self, key: str, work: str, batch: int) -> None:
        pass

    def identity(self, key: str) -> dict[str, Any] | None:
        return None

    def keep_identity(self, key: str, identity: dict[str, Any]) -> None:
        pass


def loading_of(space: EmbeddingSpace) -> Loading:
    """Return how the model of a space is loaded on this machine. Raises ModelMissing and others."""
    from ..config.profiles import resolve
    from ..scans.resolve_models import resolve_models

    settings: dict[str, Any] = {
        "stages": ["embed"],
        "embed.model": space.model,
        "embed.quantize": space.quantisation or "none",
        "models.revisions": {space.model: space.revision},
    }
    if space.precision:
        settings["models.dtype"] = space.precision
    return resolve_models(resolve("quick", settings), _unsaid).loadings["embed"]


def _text_side(space: EmbeddingSpace) -> NumpyTexts | None:
    """Return the text side of a model of open_clip that is on this disk as it was indexed with."""
    from ..errors import SightlineError
    from ..hub.environment import FETCHES_NOTHING
    from ..hub.hub import Hub
    from ..models.numpy_texts import text_side

    local = space.revision.startswith("local-")
    try:
        hub = Hub(offline=FETCHES_NOTHING, notify=_unsaid)
        found = hub.resolve(space.model if local else f"{space.model}@{space.revision}", "stable")
    except SightlineError:
        return None  # loading the whole model says what is wrong
    as_indexed = found.family == "open_clip" and found.revision == space.revision
    if not as_indexed or found.folder is None or found.weights:
        return None
    side = text_side(found.folder)
    return side if side is not None and side.dimension == space.dimension else None


def _unsaid(_note: str) -> None:
    """Say nothing of devices: a query is one text, and the index was made with the same model."""


def _check(space: EmbeddingSpace, identity: Identity, dimension: int) -> None:
    from dataclasses import asdict

    found = space_of(asdict(identity), dimension, precision_is_set=bool(space.precision))
    if found == space:
        return
    raise IndexFault(
        f"the index was made with {_named(space)}, and this machine has {_named(found)}: their "
        "vectors cannot be compared; run `sightline index rebuild`, or get that model again"
    )


def _named(space: EmbeddingSpace) -> str:
    return (
        f"{clean(space.model)}@{clean(space.revision[:12])} (dimension {space.dimension}, "
        f"preprocessing {clean(space.preprocessing)})"
    )
