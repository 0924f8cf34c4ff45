"""MiniCPM-V 4.5, by the Python code in its own repository and that code's `chat`.

Versions 4.6 and 4.7 are native, see `chat.py`. Options: `packing` (so many frames of a video go
into one slot of time, 1 to 6), `max_slice_nums` (slices of one picture), `thinking`. Its code takes
one question at a time, so a batch is a loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ...device.memory import is_out_of_memory, watch_peak
from ...errors import ImageRejected
from ...text import clean
from ..answer_text import marks_of
from ..generation import SequenceRow, Watch, row
from ..inputs import picture_of
from ..loading import Resident, digest, folder_of, open_pretrained, quiet, refusals
from ..protocols import Completion, Kind, Loading, VlmRequest
from ..remote_code import check_consent, compatible_transformers, processor_of
from ..thoughts import concluded, separated

TICK_SECONDS = 0.1
"""the unit of its temporal ids"""
MOST_PACKED = 6
REPETITION_PENALTY = 1.0
"""none: its own default without sampling, 1.2, is meant for beams and bends JSON"""


@dataclass(frozen=True, slots=True)
class CodeQuestion:
    """One ask in the form of `chat`'s arguments."""

    arguments: dict[str, Any]
    limit: int


@dataclass(slots=True)
class _Capture:
    """What passed through the language model's `generate` while it answered."""

    said: SequenceRow | None = None
    tokens_in: int | None = None
    first_token_seconds: float | None = None


class MiniCpmRemote(Resident):
    """Pictures and a question in, text out; see `model.VisionLanguageModel`."""

    kind: ClassVar[Kind] = "vlm"

    def __init__(self, loading: Loading) -> None:
        check_consent(loading)
        folder = folder_of(loading)
        with compatible_transformers():
            loaded = open_pretrained(
                loading, "AutoModel", processor="AutoTokenizer", quantisable=True
            )
            with refusals(loading), quiet():
                self._tokenizer = loaded.processor
                loaded.processor = processor_of(folder, self._tokenizer)
        super().__init__(loaded)
        options = loading.options
        self._packing = min(MOST_PACKED, max(1, int(options.get("packing", 1))))
        self._how: dict[str, Any] = {"enable_thinking": bool(options.get("thinking", False))}
        if options.get("max_slice_nums") is not None:
            self._how["max_slice_nums"] = int(options["max_slice_nums"])
        self._marks = marks_of(loaded.processor)
        loaded.identity = replace(
            loaded.identity,
            preprocessing=digest(
                loaded.processor, packing=self._packing, how=self._how, **loaded.facts
            ),
        )

    @property
    def most_pictures(self) -> int | None:
        """Return None: as many as fit."""
        return None

    def prepare(self, asks: Sequence[VlmRequest]) -> list[CodeQuestion]:
        """Put asks into the form its code takes; special tokens are neutralised.

        Raises ImageRejected, naming which ask, for what is no picture.
        """
        return [self._question(ask, index) for index, ask in enumerate(asks)]

    def answer(
        self, prepared: list[CodeQuestion], cancelled: Callable[[], bool]
    ) -> list[Completion]:
        """Answer one by one; stops within a token once `cancelled()`.

        Raises ImageRejected, naming which ask, where its own code fails.
        """
        answers = []
        for index, question in enumerate(prepared):
            try:
                answers.append(self._answered(question, cancelled))
            except Exception as error:
                if is_out_of_memory(error):
                    raise
                why = clean(str(error).strip() or type(error).__name__, limit=160)
                raise ImageRejected(f"the model's own code fails on this: {why}", index) from error
        return answers

    def finish(self, raw: list[Completion]) -> list[Completion]:
        """Return one answer per ask, in order."""
        return raw

    def _question(self, ask: VlmRequest, index: int) -> CodeQuestion:
        pictures = [picture_of(picture, index) for picture in ask.pictures]
        content = [*pictures, self._marks.neutral(ask.prompt)]
        arguments: dict[str, Any] = {
            "msgs": [{"role": "user", "content": content}],
            "system_prompt": self._marks.neutral(ask.system),
            "max_new_tokens": max(1, ask.max_tokens),
            **self._how,
        }
        if ask.seconds and ask.pictures:
            arguments["temporal_ids"] = packs(ask.seconds, self._packing)
            arguments["use_image_id"] = False
        return CodeQuestion(arguments, max(1, ask.max_tokens))

    def _answered(self, question: CodeQuestion, cancelled: Callable[[], bool]) -> Completion:
        if cancelled():
            return Completion("", "cancelled", 0.0)
        peak = watch_peak(self._loaded.device)
        began = time.perf_counter()
        with listening(self._loaded.model, question.limit, cancelled) as capture:
            text = self._loaded.model.chat(
                **question.arguments,
                tokenizer=self._tokenizer,
                processor=self._loaded.processor,
                sampling=False,
                num_beams=1,
                repetition_penalty=REPETITION_PENALTY,
            )
        said = separated(str(text))
        return concluded(_completion(said.text, capture, time.perf_counter() - began, peak()), said)


def _completion(text: str, capture: _Capture, seconds: float, peak_bytes: int | None) -> Completion:
    generated = capture.said
    return Completion(
        text=text,
        finish=generated.finish if generated else "unknown",
        seconds=seconds,
        tokens_in=capture.tokens_in,
        tokens_out=len(generated.ids) if generated else None,
        first_token_seconds=capture.first_token_seconds,
        peak_bytes=peak_bytes,
    )


def packs(seconds: Sequence[float], size: int) -> list[list[int]]:
    """Return the frames' times from the first one on, in ticks, in packs of `size` frames."""
    ticks = [round((moment - seconds[0]) / TICK_SECONDS) for moment in seconds]
    return [ticks[at : at + size] for at in range(0, len(ticks), size)]


@contextmanager
def listening(model: Any, limit: int, cancelled: Callable[[], bool]) -> Iterator[_Capture]:
    """Stop the language model inside `model` when cancelled, and count what passes through it.

    `chat` hands on no stopping criterion and returns text only, so its `generate` is wrapped.
    """
    from transformers import StoppingCriteriaList

    capture = _Capture()
    inner = getattr(model, "llm", None)
    if inner is None:
        yield capture
        return
    original = inner.generate

    def generate(*args: Any, **given: Any) -> Any:
        ids = given.get("input_ids")
        start = 0 if ids is None else int(ids.shape[1])
        watch = Watch(start, [limit], cancelled)
        criteria = [*(given.pop("stopping_criteria", None) or ()), watch]
        out = original(*args, **given, stopping_criteria=StoppingCriteriaList(criteria))
        capture.said = row(out[0][start:].tolist(), limit, _ends(given))
        capture.tokens_in = _read(given)
        capture.first_token_seconds = watch.first_token_seconds
        return out

    inner.generate = generate
    try:
        yield capture
    finally:
        del inner.generate


def _ends(given: Mapping[str, Any]) -> frozenset[int]:
    ends = given.get("eos_token_id")
    listed = ends if isinstance(ends, list | tuple) else [ends]
    return frozenset(int(token) for token in listed if token is not None)


def _read(given: Mapping[str, Any]) -> int | None:
    mask, embedded = given.get("attention_mask"), given.get("inputs_embeds")
    if mask is not None:
        return int(mask.sum())
    return int(embedded.shape[1]) if embedded is not None else None
