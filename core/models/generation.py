"""Running `generate` for a batch: stopped within a token, each row at its own length, all timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..device.memory import watch_peak
from .loading import quiet
from .protocols import Completion, Finish

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class SequenceRow:
    """What one question got: token numbers without padding and end mark, and how it ended."""

    ids: tuple[int, ...]
    finish: Finish


@dataclass(frozen=True, slots=True)
class Generated:
    """All rows of a batch, the time until its first token and in all, and the memory held."""

    rows: tuple[SequenceRow, ...]
    seconds: float
    first_token_seconds: float | None
    peak_bytes: int | None = None


class Watch:
    """A stopping criterion: ends a row at its own limit, and all rows once cancelled."""

    def __init__(self, start: int, limits: Sequence[int], cancelled: Callable[[], bool]) -> None:
        self._start = start
        self._limits = limits
        self._cancelled = cancelled
        self._began = time.perf_counter()
        self.first_token_seconds: float | None = None
        self.stopped = False

    def __call__(self, ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        """Return bool (rows): which have ended."""
        import torch

        if self.first_token_seconds is None:
            int(ids[0, -1])  # wait until the device has really computed it
            self.first_token_seconds = time.perf_counter() - self._began
        self.stopped = self.stopped or self._cancelled()
        made = ids.shape[1] - self._start
        ended = [self.stopped or made >= limit for limit in self._limits]
        return torch.tensor(ended, dtype=torch.bool, device=ids.device)


def generate(
    model: Any,
    inputs: Mapping[str, Any],
    limits: Sequence[int],
    ends: frozenset[int],
    padding: int,
    cancelled: Callable[[], bool],
) -> Generated:
    """Generate greedily for a batch of which each row may have its own limit.

    `ends` are the numbers of the tokens that end an answer. Cancelled before it began, nothing
    is computed.
    """
    import torch
    from transformers import StoppingCriteriaList

    if cancelled():
        return Generated(tuple(SequenceRow((), "cancelled") for _ in limits), 0.0, None)
    # An encoder-decoder answers from one start token on, others continue from the prompt.
    start = 1 if model.config.is_encoder_decoder else int(inputs["input_ids"].shape[1])
    watch = Watch(start, limits, cancelled)
    criteria: Any = StoppingCriteriaList([watch])
    peak = watch_peak(str(model.device))
    began = time.perf_counter()
    # Some architectures warn at their first answer of faster kernels that are not installed.
    with torch.inference_mode(), quiet():
        out = model.generate(
            **inputs,
            **greedy(),
            max_new_tokens=max(limits),
            eos_token_id=sorted(ends) or None,
            pad_token_id=padding,
            stopping_criteria=criteria,
        )
    made = out[:, start:].tolist()
    seconds = time.perf_counter() - began
    rows = tuple(row(ids, limit, ends) for ids, limit in zip(made, limits, strict=True))
    return Generated(rows, seconds, watch.first_token_seconds, peak())


def greedy() -> dict[str, Any]:
    """Return the settings under which the same question gets the same answer."""
    return {"do_sample": False, "num_beams": 1, "temperature": None, "top_p": None, "top_k": None}


def row(ids: Sequence[int], limit: int, ends: frozenset[int]) -> SequenceRow:
    """Cut a row of a batch where it ended by itself, or else at its limit."""
    kept = list(ids[:limit])
    end = next((at for at, token in enumerate(kept) if token in ends), None)
    if end is not None:
        return SequenceRow(tuple(kept[:end]), "stop")
    return SequenceRow(tuple(kept), "length" if len(kept) >= limit else "cancelled")


def answers(
    generated: Generated, texts: Sequence[str], tokens_in: Sequence[int]
) -> list[Completion]:
    """Put together what was said and what was measured."""
    count = len(generated.rows)
    return [
        Completion(
            text=text,
            finish=said.finish,
            seconds=generated.seconds / count,
            tokens_in=read,
            tokens_out=len(said.ids),
            first_token_seconds=generated.first_token_seconds,
            batch=count,
            peak_bytes=generated.peak_bytes,
        )
        for said, text, read in zip(generated.rows, texts, tokens_in, strict=True)
    ]


def end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the numbers of all tokens that end an answer, by the model and by its tokenizer."""
    said = getattr(model.generation_config, "eos_token_id", None)
    found = said if isinstance(said, list) else [said]
    return frozenset(
        int(token) for token in [*found, tokenizer.eos_token_id] if token is not None and token >= 0
    )
