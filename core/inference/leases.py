"""Which model each stage of a scan uses, and lending it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from typing import Any, TypeVar

from ..config.prompts import Prompts
from ..device.precision import DTYPES
from ..errors import ProfileError
from ..models.caller import Caller, on_behalf_of
from ..models.protocols import Identity, Kind, Loading, Model
from ..models.registry import KINDS, takes_several_pictures
from ..models.residency import Residency
from ..pipeline.channel import Cancelled
from ..stores.answers import AnswerKey, AnswerStore, TextVectorStore
from ..text import clean

T = TypeVar("T")


def check_kind(stage: str, model: str, kind: Kind, wanted: Sequence[Kind]) -> None:
    """Raise ProfileError if a model is of no use to a stage."""
    if kind not in wanted:
        raise ProfileError(
            f"{stage}.model = '{clean(model)}' is {article(kind)}; {stage} needs "
            f"{' or '.join(map(article, wanted))} (see `sightline models list`)"
        )


def article(kind: Kind) -> str:
    """Return a kind of model with its article."""
    return f"{'an' if kind == 'embedder' else 'a'} {'VLM' if kind == 'vlm' else kind}"


class ModelLeases:
    """The models of one scan, by stage; `notify` gets messages for the user."""

    def __init__(
        self,
        residency: Residency,
        loadings: Mapping[str, Loading],
        annotations: AnswerStore,
        prompts: Prompts,
        notify: Callable[[str], None],
        cancelled: Callable[[], bool] = lambda: False,
        texts: TextVectorStore | None = None,
    ) -> None:
        self.residency = residency
        self.prompts = prompts
        self.notify = notify
        self.cancelled = cancelled
        """asked by a model between two tokens"""
        self.calls: list[tuple[Model, Callable[[], Any]]] | None = None
        """a list that every call of a model is added to, so that it can be repeated alone"""
        self.texts = texts
        """where vectors of texts are kept, if anywhere"""
        self._loadings = loadings
        self._annotations = annotations

    def loading(self, stage: str) -> Loading:
        """Return how a stage's model is loaded."""
        return self._loadings[stage]

    def same_model(self, stage: str, other: str) -> bool:
        """Return whether two stages use one model, loaded alike."""
        return self._loadings.get(stage) == self._loadings.get(other)

    def kind(self, stage: str) -> Kind:
        """Return what kind of model a stage uses."""
        return KINDS[self.loading(stage).family]

    def takes_several_pictures(self, stage: str) -> bool:
        """Return whether one question to a stage's VLM may show several pictures."""
        return takes_several_pictures(self.loading(stage).family)

    def check(self, stage: str, *kinds: Kind) -> None:
        """Raise ProfileError if a stage's model is of no use to it."""
        check_kind(stage, self.loading(stage).name, self.kind(stage), kinds)

    def identity(self, stage: str) -> Identity:
        """Return what a stage's model is once loaded."""
        with on_behalf_of(self._caller()):
            return self.residency.identity(self.loading(stage))

    @contextmanager
    def lease(self, stage: str) -> Iterator[Model]:
        """Lend a stage's model."""
        with ExitStack() as held:
            with on_behalf_of(self._caller()):
                model = held.enter_context(self.residency.lease(self.loading(stage)))
            yield model

    def run(self, model: Model, work: Callable[[], T]) -> T:
        """Run work on a model's device. Raises OutOfMemory, or Cancelled once the scan is."""
        with on_behalf_of(self._caller()):
            raw = self.residency.run(model, work)
        if self.calls is not None:
            self.calls.append((model, work))
        if self.cancelled():
            raise Cancelled  # what a cancelled model said so far is no answer
        return raw

    def _caller(self) -> Caller:
        return Caller(self.notify, lambda: self.cancelled())

    def fit(self, stages: Sequence[str]) -> bool:
        """Return whether the models of these stages can be in memory at once."""
        return self.residency.fit([self.loading(stage) for stage in stages])

    def asked(self, stage: str, version: int, parameters: Mapping[str, Any]) -> AnswerKey:
        """Return how a stage asks: its version, its model as it is loaded, its parameters."""
        identity = {"version": version, **asdict(self.identity(stage)), **parameters}
        loading = self.loading(stage)
        made_with = {"device": loading.device}
        if loading.dtype != "auto":
            made_with["precision"] = "set"  # then its vectors are indexed apart
        equals = tuple({**identity, "dtype": each} for each in self._other_precisions(stage))
        return self._annotations.register(AnswerKey(stage, identity, made_with, equals=equals))

    def _other_precisions(self, stage: str) -> list[str]:
        """Return the precisions that an embedder might have had on another device.

        Vectors of both may lie in one index (see `models/cpu_precision.py`), so a library that
        moves to another machine is not embedded again. A precision asked for by name is the one.
        """
        loading = self.loading(stage)
        if self.kind(stage) != "embedder" or loading.dtype != "auto" or loading.quantize != "none":
            return []
        own = self.identity(stage).dtype
        return [each for each in DTYPES if each not in ("auto", own)]

    def batch_size(self, stage: str, wanted: int) -> int:
        """Return how many questions to ask at once: as wanted, unless fewer only ever fitted."""
        most = self.residency.most_at_once(self.loading(stage), stage)
        return min(wanted, most) if most else wanted

    def remember_batch(self, stage: str, batch: int) -> None:
        """Remember how many of a stage's questions fitted at once."""
        self.residency.remember_batch(self.loading(stage), stage, batch)
