"""Verification of candidates: a VLM is shown numbered frames and gives a verdict.

Times never come from the model: it answers with the numbers of the frames it was shown. That it
saw nothing, was unsure, could not be understood, was cut off, or failed are different verdicts,
and the raw answer is kept with each.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..config.prompts import check_answer
from ..config.section import Section
from ..config.spec import Spec, tagged_hash
from ..config.stages import ModelKind, PromptAnswer, Role, Slot, StageDeclaration
from ..errors import EnvironmentFault, SourceError
from ..models.protocols import Pixels, VlmRequest
from ..pipeline.channel import Control
from ..records import Candidate, SourceInfo
from ..stores.answers import Annotation, AnswerKey, AnswerStore, QuestionKey
from ..text import clean
from .answer_bodies import VlmBody
from .frames import conversion_of
from .leases import ModelLeases
from .packing import frames_in_words
from .question_batches import QuestionBatches
from .vlm import answered, completions, vlm_parameters
from .vlm_image import as_jpeg, from_jpeg

Decode = Callable[[list[float]], Iterator[tuple[float, Pixels]]]
"""gives RGB frames for ascending times"""
_JSON = re.compile(r"\{.*\}", re.DOTALL)
LABEL_SHARE = 0.06
"""of a frame's height that its number takes"""


class Verdict(BaseModel):
    """What a model must answer."""

    model_config = ConfigDict(extra="ignore", strict=False)

    verdict: Literal["yes", "no", "unsure"]
    kind: str = Field("", max_length=200)
    frames: tuple[int, ...] = Field((), max_length=64)
    confidence: float = Field(0.0, ge=0.0, le=1.0)
    reason: str = Field("", max_length=2000)


State = Literal["confirmed", "none", "unsure", "unparsed", "truncated", "failed"]
_STATES: dict[str, State] = {"yes": "confirmed", "no": "none", "unsure": "unsure"}


class VerifyBody(VlmBody):
    """A verdict: what it amounts to, the times of the frames shown and of those it named."""

    state: State
    frames_shown: list[float]
    frames_seen: list[float]
    kind: str = ""
    confidence: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Case:
    """A candidate and the frames shown of it."""

    number: int
    candidate: Candidate
    seconds: tuple[float, ...]
    part: str


class Verify(Section):
    """Verification of each accepted candidate by a VLM."""

    model: str = Field("", description="a VLM; empty: vlm.model")
    prompt: str = Field("storm_verify", description="name of a prompt, or name@version")
    extra: str = Field("", description="additional instructions, appended to the prompt")
    frames: int = Field(6, ge=2, le=32, description="frames given to the model per candidate")
    around_seconds: float = Field(
        0.25, ge=0, le=10, description="time covered before and after the candidate"
    )
    keep_rejected: bool = Field(
        False, description="keep events that the model rejects, marked, instead of dropping them"
    )


class Verifier(StageDeclaration):
    """Asks about candidates. Opened once per scan."""

    name: ClassVar[str] = "verify"
    version: ClassVar[int] = 1
    Settings: ClassVar[type[Section]] = Verify
    role: ClassVar[Role] = "verification"
    accepts: ClassVar[tuple[ModelKind, ...]] = ("vlm",)
    follows: ClassVar[str] = "vlm"
    prompt: ClassVar[PromptAnswer] = "verdict"
    variables: ClassVar[tuple[str, ...]] = ("label", "time", "frames")
    slot: ClassVar[Slot] = "verdict"
    Body: ClassVar[Any] = VerifyBody

    @classmethod
    def line(cls, body: Mapping[str, Any]) -> str:
        """Return the verdict and its reason, or the answer where that holds none."""
        return f"verdict {body['state']}: {body.get('reason') or body.get('text', '')}"

    def __init__(self, leases: ModelLeases, spec: Spec, annotations: AnswerStore) -> None:
        leases.check(self.name, *self.accepts)
        self._leases = leases
        self._spec = spec
        self._annotations = annotations
        self._prompt = leases.prompts.get(spec.settings(Verify).prompt)
        check_answer(self.name, "verdict", self._prompt)
        parameters = vlm_parameters(spec, self._prompt, spec.settings(Verify).extra)
        self.asked: AnswerKey = leases.asked(self.name, self.version, parameters)
        self.batch_size = leases.batch_size(self.name, spec.vlm.batch_size)
        self._batches: QuestionBatches[_Case, Annotation] = QuestionBatches(
            self, leases, lambda case, body: _annotation(case, {**body, "state": "failed"})
        )

    def verify(
        self,
        info: SourceInfo,
        candidates: Sequence[Candidate],
        times: NDArray[np.float64],
        decode: Decode,
        control: Control,
        *,
        redo: bool = False,
    ) -> tuple[list[Candidate], list[Annotation]]:
        """Return all candidates with their verdicts, and what was said about them.

        `times` are those of all frames of the source, ascending. Only accepted candidates are
        asked about; those the model sees nothing in are not accepted any more.
        """
        cases = [
            self._case(number, candidate, times)
            for number, candidate in enumerate(candidates)
            if candidate.accepted
        ]
        content, asked = info.content, self._key_for(info)
        keys = [_key(content, case) for case in cases]
        known = {} if redo else self._annotations.known(asked, keys)
        new = [case for case in cases if _key(content, case) not in known]
        size = self.batch_size  # it may shrink on the way
        for start in range(0, len(new), size):
            control.checkpoint()
            part = new[start : start + size]
            try:
                answers = self._batches.ask(part, partial(self._once, decode))
            except EnvironmentFault as fault:  # `_once` made notes of what was answered
                notes = [(content, note) for note in fault.answered.values()]
                self._annotations.keep(asked, notes)
                raise
            kept = self._annotations.keep(asked, [(content, note) for _, note in answers])
            known |= {
                _key(content, case): note for (case, _), note in zip(answers, kept, strict=True)
            }
        judged = list(candidates)
        for case in cases:
            note = known[_key(content, case)]
            judged[case.number] = self._judged(case.candidate, note)
        return judged, [known[_key(content, case)] for case in cases]

    def _key_for(self, info: SourceInfo) -> AnswerKey:
        conversion = conversion_of(info, self._spec)
        if not conversion:
            return self.asked
        return self._annotations.register(self.asked.for_pixels(conversion))

    def _case(self, number: int, candidate: Candidate, times: NDArray[np.float64]) -> _Case:
        around = self._spec.settings(Verify).around_seconds
        first = int(np.searchsorted(times, candidate.start_seconds - around - 1e-6))
        last = int(np.searchsorted(times, candidate.end_seconds + around + 1e-6)) - 1
        peak = int(np.searchsorted(times, candidate.peak_seconds - 1e-6))
        seconds = tuple(
            float(times[n]) for n in spread(first, peak, last, self._spec.settings(Verify).frames)
        )
        part = tagged_hash("frames", [candidate.kind, seconds])
        return _Case(number, candidate, seconds, part)

    def _once(self, decode: Decode, cases: Sequence[_Case]) -> list[Annotation]:
        """Ask about several candidates at once."""
        frames = dict(decode(sorted({second for case in cases for second in case.seconds})))
        requests = [self._ask_of(case, frames) for case in cases]
        with self._leases.lease(self.name) as lent:
            model: Any = lent
            prepared = model.prepare(requests)
            try:
                raw = self._leases.run(
                    model, lambda: model.answer(prepared, self._leases.cancelled)
                )
            except EnvironmentFault as fault:
                said = completions(model, [*fault.answered.values()])
                answered = zip(fault.answered, said, strict=True)
                fault.answered = {n: self._note(cases[n], a, requests[n]) for n, a in answered}
                raise
            answers = completions(model, raw)
        return [self._note(*each) for each in zip(cases, answers, requests, strict=True)]

    def _ask_of(self, case: _Case, frames: dict[float, Pixels]) -> VlmRequest:
        shown = [seconds for seconds in case.seconds if seconds in frames]
        if not shown:
            raise SourceError(f"no frame could be read at {case.candidate.peak_seconds:.3f} s")
        pictures = tuple(
            from_jpeg(as_jpeg(numbered(frames[seconds], number)))
            for number, seconds in enumerate(shown, 1)
        )
        values = {
            "frames": frames_in_words(shown, case.candidate.peak_seconds),
            "time": f"{case.candidate.peak_seconds:.3f} s",
            "label": case.candidate.kind,
        }
        text = self._prompt.fill(values, self._spec.settings(Verify).extra)
        most = self._spec.vlm.max_tokens
        schema = Verdict.model_json_schema()
        system = self._prompt.fill_system(values)
        return VlmRequest(pictures, text, system, tuple(shown), most, schema)

    def _note(self, case: _Case, answer: Any, ask: VlmRequest) -> Annotation:
        body = answered(answer, self._prompt, len(ask.pictures))
        if "error" in body:
            return _annotation(case, {**body, "state": "failed"})
        state, verdict = parse(answer.text, answer.finish)
        # The model says numbers; the times are the container's.
        seen = [n for n in (verdict.frames if verdict else ()) if 1 <= n <= len(ask.seconds)]
        return _annotation(
            case,
            {
                **body,
                "state": state,
                "frames_shown": list(ask.seconds),
                "frames_seen": [ask.seconds[n - 1] for n in seen],
                **({"kind": clean(verdict.kind), "confidence": verdict.confidence,
                    "reason": clean(verdict.reason)} if verdict else {}),
            },
        )  # fmt: skip

    def _judged(self, candidate: Candidate, note: Annotation) -> Candidate:
        state = str(note.body["state"])
        seen_nothing = state == "none" and not self._spec.settings(Verify).keep_rejected
        reason = f"verify: {note.body.get('reason') or 'nothing found'}" if seen_nothing else ""
        return replace(
            candidate,
            verdict=state,
            accepted=not seen_nothing,
            reason=reason or candidate.reason,
        )


def spread(first: int, peak: int, last: int, count: int) -> list[int]:
    """Return up to `count` frame numbers from `first` to `last`, evenly, `peak` among them."""
    last = max(last, first)
    wanted = min(count, last - first + 1)
    chosen = sorted({round(float(n)) for n in np.linspace(first, last, wanted)})
    if first <= peak <= last and peak not in chosen:
        nearest = min(chosen, key=lambda n: abs(n - peak))
        chosen[chosen.index(nearest)] = peak
    return sorted(chosen)


def parse(text: str, finish: str) -> tuple[State, Verdict | None]:
    """Return what an answer amounts to, and the verdict where it holds one."""
    found = _JSON.search(text)
    verdict = None
    if found:
        try:
            verdict = Verdict.model_validate(json.loads(found[0]))
        except (ValueError, ValidationError, RecursionError):
            verdict = None
    if verdict is not None:
        return _STATES[verdict.verdict], verdict
    return ("truncated" if finish == "length" else "unparsed"), None


def numbered(picture: Pixels, number: int) -> Pixels:
    """Return a frame with its number in the upper left corner, white on black."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.fromarray(picture)
    size = max(12, round(image.height * LABEL_SHARE))
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size)
    box = draw.textbbox((size // 3, size // 4), str(number), font=font)
    draw.rectangle((0, 0, box[2] + size // 3, box[3] + size // 4), fill="black")
    draw.text((size // 3, size // 4), str(number), font=font, fill="white")
    return np.asarray(image, np.uint8)


def _key(content: str, case: _Case) -> QuestionKey:
    return content, case.candidate.peak_frame, case.part


def _annotation(case: _Case, body: dict[str, Any]) -> Annotation:
    return Annotation(
        Verifier.name, case.candidate.peak_frame, case.candidate.peak_seconds, case.part, body
    )
