"""Batches of questions are halved until what fails, fails alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from core.errors import EnvironmentFault, ImageRejected, OutOfMemory, ReaderKilled, SourceError
from core.inference.leases import ModelLeases
from core.inference.question_batches import QuestionBatches
from core.pipeline.channel import Cancelled


@dataclass
class Noted:
    """A stage, and what its batches make known."""

    name: str = "caption"
    batch_size: int = 8
    remembered: list[int] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    asked: list[tuple[int, ...]] = field(default_factory=list)

    def remember_batch(self, _stage: str, batch: int) -> None:
        self.remembered.append(batch)

    def notify(self, text: str) -> None:
        self.messages.append(text)

    def batches(self) -> QuestionBatches[int, str]:
        leases = cast(ModelLeases, cast(Any, self))
        return QuestionBatches(self, leases, lambda n, body: f"{n}: {body['error']}")


def test_what_does_not_fit_is_asked_in_halves_and_the_size_is_remembered() -> None:
    stage = Noted()

    def once(part: Sequence[int]) -> list[str]:
        stage.asked.append(tuple(part))
        if len(part) > 2:
            raise OutOfMemory("full")
        return [f"answer {n}" for n in part]

    answers = stage.batches().ask(range(7), once)
    assert answers == [(n, f"answer {n}") for n in range(7)]
    assert [len(part) for part in stage.asked] == [7, 3, 1, 2, 4, 2, 2]
    assert stage.remembered == [3, 1, 1]
    assert stage.messages[0] == "caption: out of memory, batch size reduced to 3"
    assert stage.batch_size == 1


def test_one_question_that_does_not_fit_ends_the_scan_only_where_none_ever_did() -> None:
    def full(_part: Sequence[int]) -> list[str]:
        raise OutOfMemory("full")

    with pytest.raises(OutOfMemory):
        Noted().batches().ask([1], full)
    batches = Noted().batches()
    assert batches.ask([1], lambda _part: ["fits"]) == [(1, "fits")]
    assert batches.ask([2], full) == [(2, "2: full")]


def test_what_fails_or_is_rejected_fails_alone() -> None:
    calls = []

    def once(part: Sequence[int]) -> list[str]:
        calls.append(len(part))
        if 3 in part:
            raise ImageRejected("no image", list(part).index(3))
        if 5 in part:
            raise SourceError("cut \x1b[31moff" if len(part) == 1 else "some of these")
        return [str(n) for n in part]

    answers = Noted().batches().ask([1, 2, 3, 4, 5], once)
    assert sorted(answers) == [
        (1, "1"), (2, "2"), (3, "3: no image"), (4, "4"),
        (5, "5: cut \N{REPLACEMENT CHARACTER}[31moff"),
    ]  # fmt: skip
    assert calls == [5, 4, 2, 2, 1, 1]


def test_parts_are_asked_anew_and_answers_that_are_missing_count_as_a_failure() -> None:
    parts: list[list[int]] = []

    def again(part: Sequence[int]) -> list[str]:
        parts.append(list(part))
        return [str(n) for n in part]

    answers = Noted().batches().ask([1, 2, 3], lambda _part: ["only one"], again)
    assert answers == [(1, "1"), (2, "2"), (3, "3")] and parts == [[1], [2, 3]]


def test_what_is_no_answer_is_raised() -> None:
    for fault in (Cancelled(), EnvironmentFault("no disk"), ReaderKilled("killed")):

        def once(_part: Sequence[int], fault: Exception = fault) -> list[str]:
            raise fault

        with pytest.raises(type(fault)):
            Noted().batches().ask([1, 2], once)
