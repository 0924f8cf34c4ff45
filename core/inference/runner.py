"""Taking microbatches of frames through the model stages of a scan: ask what is not known, keep it.

Each stage is two steps of a chain, so that one microbatch is prepared on the CPU while another is
on the device, and the answers of a stage are kept before it is asked about the next microbatch: a
kill costs one microbatch. At most (2 stages + 1) * 2 microbatches are in flight.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ..config.spec import tagged_hash
from ..errors import EnvironmentFault
from ..models.protocols import Model
from ..pipeline.channel import Control
from ..pipeline.runner import Chain, Step, StepFailed, StepReport
from ..stores.answers import Annotation, AnswerKey, AnswerStore, QuestionKey
from ..text import counted
from .leases import ModelLeases
from .question_batches import NO_ANSWER, QuestionBatches
from .stage import Answer, Microbatch, ModelStage, Question

Progress = Callable[[Microbatch, list[StepReport]], None]


@dataclass(frozen=True, slots=True)
class StageTime:
    """Frames that a stage was newly asked about, and how long it and its model were busy."""

    units: float = 0.0
    seconds: float = 0.0


@dataclass
class StageTimes:
    """What the stages of a pass spent, by stage, and how long models were loaded meanwhile."""

    stages: dict[str, StageTime] = field(default_factory=dict)
    loading_seconds: float = 0.0

    def add(self, stage: str, units: float, seconds: float) -> None:
        """Add to what a stage spent."""
        former = self.stages.get(stage, StageTime())
        self.stages[stage] = StageTime(former.units + units, former.seconds + seconds)


@dataclass
class _Work:
    """What one stage has to do for one microbatch."""

    batch: Microbatch
    questions: list[Question]
    gated: list[Question]
    """frames excluded from the model; `about` is the reason"""
    known: dict[QuestionKey, Annotation]
    chunks: list[tuple[list[Question], Any]] = field(default_factory=list)
    seconds: float = 0.0
    """spent on preparing it"""


class InferenceRunner:
    """Runs the model stages of one scan. One thread at a time may `run`."""

    def __init__(
        self,
        model_stages: Sequence[ModelStage],
        leases: ModelLeases,
        annotations: AnswerStore,
        *,
        redo: bool,
        after: InferenceRunner | None = None,
    ) -> None:
        """`after` is the pass before: answers and failures of its stages are kept."""
        self._stages = model_stages
        self._leases = leases
        self._annotations = annotations
        self._redo = redo
        self._settled = {stage.name for stage in after._stages} if after else set()
        self._asked_now: set[tuple[int, str, int, str]] = after._asked_now if after else set()
        self._batches: dict[str, QuestionBatches[Question, Answer]] = {
            stage.name: QuestionBatches(stage, leases, lambda _question, body: Answer(body))
            for stage in model_stages
        }
        self._held_leases = ExitStack()
        self._models: dict[str, Model] = {}
        self._times = StageTimes()
        self._load_seconds: dict[str, float] = {}
        """of models loaded and not yet left out of the time that their stages were busy"""
        self._conversions: dict[tuple[str, str], AnswerKey] = {}

    def run(
        self, batches: Iterator[Microbatch], control: Control, progress: Progress
    ) -> Iterator[Microbatch]:
        """Yield each microbatch with all answers about it, in order.

        Raises SourceError, EnvironmentFault or Cancelled; answers up to then are kept.
        """
        steps = [step for stage in self._stages for step in self._steps(stage)]
        chain = Chain(batches, steps, control, capacity=1)
        try:
            for batch in chain:
                for shown in batch.shown:
                    shown.drop()
                progress(batch, chain.reports())
                yield batch
        except StepFailed as failure:
            raise failure.__cause__ or failure from failure

    @property
    def asked(self) -> dict[str, AnswerKey]:
        """Return by stage how it asks."""
        return {stage.name: stage.asked for stage in self._stages}

    def take_times(self) -> StageTimes:
        """Return what stages spent since this was asked for last."""
        times, self._times = self._times, StageTimes()
        return times

    def preload(self) -> None:
        """Load all models now."""
        for stage in self._stages:
            self._model(stage)

    def close(self) -> None:
        """Give all models back."""
        self._models.clear()
        self._held_leases.close()

    def _steps(self, stage: ModelStage) -> list[Step]:
        def prepare(batches: Iterator[Microbatch]) -> Iterator[_Work]:
            for batch in batches:
                yield self._prepared(stage, batch)

        def infer(works: Iterator[_Work]) -> Iterator[Microbatch]:
            for work in works:
                yield self._answered(stage, work)

        return [Step(f"{stage.name} prepare", prepare), Step(stage.name, infer)]

    def _model(self, stage: ModelStage) -> Model:
        if stage.name not in self._models:
            began = time.perf_counter()
            lease = self._leases.lease(stage.name)
            self._models[stage.name] = self._held_leases.enter_context(lease)
            self._load_seconds[stage.name] = time.perf_counter() - began
            self._times.loading_seconds += self._load_seconds[stage.name]
        return self._models[stage.name]

    def _prepared(self, stage: ModelStage, batch: Microbatch) -> _Work:
        gated = list(_gated(stage, batch))
        asked = stage.questions(batch.shown, batch.prior)
        questions = [q for q in asked if stage.name not in batch.shown[q.row].gated]
        keys = [_key(batch, question) for question in (*questions, *gated)]
        settled = stage.name in self._settled
        known = self._known(stage, batch, keys, failed=settled)
        if self._redo:
            known = {key: said for key, said in known.items() if self._is_fresh(stage, key)}
        # The same picture twice in a microbatch is the same question.
        open_ones = dict(zip(keys, questions, strict=False))
        pending = [question for key, question in open_ones.items() if key not in known]
        work = _Work(batch, questions, gated, known)
        began = time.perf_counter()
        size = stage.batch_size  # answering may shrink it meanwhile
        for start in range(0, len(pending), size):
            part = pending[start : start + size]
            work.chunks.append((part, self._try_prepare(stage, batch, part)))
        work.seconds = time.perf_counter() - began - self._load_seconds.pop(stage.name, 0.0)
        return work

    def _try_prepare(self, stage: ModelStage, batch: Microbatch, part: Sequence[Question]) -> Any:
        """Return the model's input, or the exception: it is dealt with where answers are."""
        try:
            return stage.prepare(self._model(stage), batch.shown, part)
        except NO_ANSWER:
            raise
        except Exception as error:
            return error

    def _answered(self, stage: ModelStage, work: _Work) -> Microbatch:
        said: list[tuple[Question, Answer]] = []
        began = time.perf_counter()
        try:
            for part, prepared in work.chunks:
                said += self._ask(stage, work.batch, part, prepared)
        except NO_ANSWER:
            list(self._keep(stage, work.batch, said))
            raise
        if said:
            units = len(work.batch.shown) * len(said) / len(work.questions)
            seconds = work.seconds + time.perf_counter() - began
            self._times.add(stage.name, min(units, len(work.batch.shown)), seconds)
        said += [
            (q, Answer({"gated": q.about}))
            for q in work.gated
            if _key(work.batch, q) not in work.known
        ]
        answers = dict(work.known)
        for question, annotation in self._keep(stage, work.batch, said):
            key = _key(work.batch, question)
            answers[key] = annotation
            if self._redo:
                self._asked_now.add((stage.asked.id, *key))
        for question in (*work.questions, *work.gated):
            prior = work.batch.prior[question.row].setdefault(stage.name, [])
            prior.append(answers[_key(work.batch, question)])
        return work.batch

    def _known(
        self,
        stage: ModelStage,
        batch: Microbatch,
        keys: list[QuestionKey],
        *,
        failed: bool,
    ) -> dict[QuestionKey, Annotation]:
        """Return what is kept of the wanted keys, of each source as its pixels are shown now."""
        conversions = {shown.content: shown.conversion for shown in batch.shown}
        known: dict[QuestionKey, Annotation] = {}
        for conversion in set(conversions.values()):
            wanted = [key for key in keys if conversions[key[0]] == conversion]
            asked = self._converted(stage, conversion)
            known |= self._annotations.known(asked, wanted, failed=failed)
        return known

    def _keep(
        self, stage: ModelStage, batch: Microbatch, said: list[tuple[Question, Answer]]
    ) -> Iterator[tuple[Question, Annotation]]:
        """Keep answers and yield them with their numbers, one transaction for each conversion."""
        for conversion in sorted({batch.shown[q.row].conversion for q, _ in said}):
            part = [(q, s) for q, s in said if batch.shown[q.row].conversion == conversion]
            notes = [(_key(batch, q)[0], _annotation(stage, batch, q, s)) for q, s in part]
            kept = self._annotations.keep(self._converted(stage, conversion), notes)
            yield from zip((q for q, _ in part), kept, strict=True)

    def _converted(self, stage: ModelStage, conversion: str) -> AnswerKey:
        if not conversion:
            return stage.asked
        key = stage.name, conversion
        if key not in self._conversions:
            converted = stage.asked.for_pixels(conversion)
            self._conversions[key] = self._annotations.register(converted)
        return self._conversions[key]

    def _is_fresh(self, stage: ModelStage, key: QuestionKey) -> bool:
        """Return whether this very scan asked it: `--redo` asks everything once."""
        return (stage.asked.id, *key) in self._asked_now

    def _ask(
        self, stage: ModelStage, batch: Microbatch, part: list[Question], prepared: Any
    ) -> list[tuple[Question, Answer]]:
        """Ask a prepared batch; parts of one that failed are prepared again."""

        def again(questions: Sequence[Question]) -> list[Answer]:
            return self._once(stage, batch, self._try_prepare(stage, batch, questions), questions)

        once = partial(self._once, stage, batch, prepared)
        return self._batches[stage.name].ask(part, once, again)

    def _once(
        self, stage: ModelStage, batch: Microbatch, prepared: Any, part: Sequence[Question]
    ) -> list[Answer]:
        if isinstance(prepared, Exception):
            raise prepared
        model = self._model(stage)
        try:
            raw = self._leases.run(model, lambda: stage.infer(model, prepared))
        except EnvironmentFault as fault:
            self._keep_answered(stage, batch, part, fault.answered)
            raise
        said = stage.finish(model, raw, [(batch.shown[q.row], q) for q in part])
        if len(said) != len(part):
            raise ValueError(
                f"{stage.name}: {counted(len(said), 'answer')} to {counted(len(part), 'question')}"
            )
        return said

    def _keep_answered(
        self,
        stage: ModelStage,
        batch: Microbatch,
        part: Sequence[Question],
        answered: Mapping[int, Any],
    ) -> None:
        """Keep the answers of a batch in which something ended the scan."""
        asked = [part[place] for place in answered]
        if asked:
            shown = [(batch.shown[q.row], q) for q in asked]
            said = stage.finish(self._model(stage), [*answered.values()], shown)
            list(self._keep(stage, batch, list(zip(asked, said, strict=True))))


def _key(batch: Microbatch, question: Question) -> QuestionKey:
    shown = batch.shown[question.row]
    return shown.content, shown.frame, question.part


def _gated(stage: ModelStage, batch: Microbatch) -> Iterator[Question]:
    """Yield a part for each frame that is excluded from the model, named by its reason."""
    for row, shown in enumerate(batch.shown):
        reason = shown.gated.get(stage.name)
        if reason is not None:
            yield Question(row, f"gated {tagged_hash('gated', reason)}", reason)


def _annotation(
    stage: ModelStage, batch: Microbatch, question: Question, said: Answer
) -> Annotation:
    shown = batch.shown[question.row]
    return Annotation(stage.name, shown.frame, shown.seconds, question.part, said.body, said.vector)
