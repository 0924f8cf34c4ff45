"""All models of one scan, run on its sources: opened once, one source at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..config.spec import Spec
from ..models.protocols import Loading, Model, Pixels
from ..pipeline.channel import Control
from ..pipeline.runner import StepReport
from ..records import SourceInfo
from ..screening.stage import ScreeningResult
from ..sources.reader import Reader
from ..sources.region_mask import blacked_out
from ..stores.answers import Annotation, InferenceStores
from .answers import ModelAnswers
from .frames import VideoFrames, kept_frames, longest_side
from .leases import ModelLeases
from .passes import in_words, passes
from .registry import open_stages
from .runner import InferenceRunner
from .stage import Microbatch, ModelStage
from .verify import Verifier

Progress = Callable[[int, list[StepReport]], None]


class InferenceSession:
    """The model stages and the verifier of one scan. Any thread may call; sources take turns."""

    def __init__(
        self, stores: InferenceStores, leases: ModelLeases, spec: Spec, *, redo: bool
    ) -> None:
        self._stores = stores
        self._leases = leases
        self._spec = spec
        self._redo = redo
        self.turn = threading.Lock()
        self.runner: InferenceRunner | None = None
        """every model stage; in the last pass over the sources, if there are several"""
        self.earlier: list[InferenceRunner] = []
        """the passes before it, each with more stages than the one before"""
        self._verifier: Verifier | None = None

    @property
    def loadings(self) -> dict[str, Loading]:
        """Return how the model of each stage is loaded."""
        return {stage: self._leases.loading(stage) for stage in self._spec.model_stages}

    @property
    def cancelled(self) -> Callable[[], bool]:
        """Return what models ask between two tokens."""
        return self._leases.cancelled

    @cancelled.setter
    def cancelled(self, ask: Callable[[], bool]) -> None:
        self._leases.cancelled = ask

    def record_calls(self) -> list[tuple[Model, Callable[[], Any]]]:
        """Return a list that every call of a model is added to from now on."""
        self._leases.calls = []
        return self._leases.calls

    def open(self) -> None:
        """Settle on models and prompts. Raises UsageError or EnvironmentFault."""
        model_stages = open_stages(self._leases, self._spec)
        if Verifier.name in self._spec.stages:
            self._verifier = Verifier(self._leases, self._spec, self._stores.annotations)
        stages = [stage.name for stage in model_stages]
        stages += [Verifier.name] if self._verifier else []
        groups = passes(stages, self._leases)
        if len(groups) > 1:
            self._leases.notify(in_words(groups))
        if model_stages:
            *self.earlier, self.runner = self._passes(model_stages, groups)
        if self._spec.models.preload:
            self._preload(groups[0])

    def answer_video(
        self,
        reader: Reader,
        info: SourceInfo,
        control: Control,
        progress: Progress,
        earlier: InferenceRunner | None = None,
        *,
        gated: Callable[[int], dict[str, str]] = lambda _frame: {},
    ) -> ModelAnswers:
        """Show a video's frames to the models, of an earlier pass if one is given.

        `gated` gives by stage why a frame is excluded from its model. Raises SourceError,
        EnvironmentFault, Cancelled.
        """
        runner = earlier or self.runner
        if runner is None:
            return ModelAnswers()
        frames = VideoFrames(
            reader, info, self._spec, self._stores.annotations,
            kept_frames(self._spec, self._stores.frames), gated,
        )  # fmt: skip
        answers = ModelAnswers(asked=dict(runner.asked), ended=frames.ended)

        def seen(batch: Microbatch, reports: list[StepReport]) -> None:
            answers.frames += len(batch.shown)
            progress(answers.frames, reports)

        with self.turn:
            for batch in runner.run(frames.batches(), control, seen):
                answers.annotations += [
                    _brief(note) for prior in batch.prior for ns in prior.values() for note in ns
                ]
        answers.ended = frames.ended
        self._tidy()
        return answers

    def verify(
        self,
        reader: Reader,
        info: SourceInfo,
        decided: ScreeningResult,
        times: NDArray[np.float64],
        answers: ModelAnswers,
        control: Control,
    ) -> ScreeningResult:
        """Return the candidates as a model judges them."""
        if self._verifier is None or not len(times):
            return decided
        decode = partial(_decode, reader, info, self._spec)
        with self.turn:
            candidates, notes = self._verifier.verify(
                info, decided.candidates, times, decode, control, redo=self._redo
            )
        answers.annotations += notes
        answers.asked[Verifier.name] = self._verifier.asked
        return replace(decided, candidates=candidates)

    def close(self) -> None:
        """Give the models back."""
        for runner in (*self.earlier, self.runner):
            if runner is not None:
                runner.close()
        if self.runner is not None:
            self._tidy()

    def _passes(
        self, model_stages: list[ModelStage], groups: list[list[str]]
    ) -> list[InferenceRunner]:
        made: list[InferenceRunner] = []
        names: set[str] = set()
        for group in groups:
            names |= set(group)
            made.append(
                InferenceRunner(
                    [stage for stage in model_stages if stage.name in names],
                    self._leases,
                    self._stores.annotations,
                    redo=self._redo,
                    after=made[-1] if made else None,
                )
            )
        return made

    def _preload(self, stages: list[str]) -> None:
        first = self.earlier[0] if self.earlier else self.runner
        if first is not None:
            first.preload()
        if Verifier.name in stages:
            with self._leases.lease(Verifier.name):
                pass  # it stays until its memory is needed

    def _tidy(self) -> None:
        if kept_frames(self._spec, self._stores.frames) is not None:
            self._stores.frames.tidy(self._spec.models.keep_frames_mib * 2**20)


def _brief(note: Annotation) -> Annotation:
    """Return a note without what a long video's notes would fill the memory with."""
    kept: dict[str, Any] = {key: note.body[key] for key in ("error", "gated") if key in note.body}
    return replace(note, body=kept, vector=None)


def _decode(
    reader: Reader, info: SourceInfo, spec: Spec, seconds: list[float]
) -> Iterator[tuple[float, Pixels]]:
    for at, pixels in reader.shown(info, seconds, longest_side(spec)):
        yield at, blacked_out(pixels, spec.regions, (info.width, info.height))
