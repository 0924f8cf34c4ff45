"""Asking a model several questions at once: what fails is asked again in halves.

A batch that does not fit into memory, or that holds a question the model cannot take, costs none of
its other questions their answers: it is halved until one question fails alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

from ..errors import EnvironmentFault, ImageRejected, OutOfMemory, ReaderKilled, UsageError
from ..pipeline.channel import Cancelled
from ..text import clean
from .leases import ModelLeases

Q = TypeVar("Q")
A = TypeVar("A")
MOST_ERROR_LETTERS = 300
NO_ANSWER = (Cancelled, EnvironmentFault, UsageError, ReaderKilled)
"""what ends a scan, or has a source read once more, and is never kept as an answer"""


class _Sized(Protocol):
    """A stage with the number of questions it asks at once, which may shrink."""

    @property
    def name(self) -> str: ...

    batch_size: int


class QuestionBatches(Generic[Q, A]):
    """The batches of one stage. `failed` makes the answer to a question that got none."""

    def __init__(
        self, stage: _Sized, leases: ModelLeases, failed: Callable[[Q, dict[str, str]], A]
    ) -> None:
        self._stage = stage
        self._leases = leases
        self._failed = failed
        self._has_fitted = False
        """whether a batch was answered: what does not fit now is one question, not the model"""

    def ask(
        self,
        questions: Sequence[Q],
        once: Callable[[Sequence[Q]], list[A]],
        again: Callable[[Sequence[Q]], list[A]] | None = None,
    ) -> list[tuple[Q, A]]:
        """Return each question with its answer.

        `once` answers a whole batch, `again` a part of one that failed (else `once` does). Raises
        OutOfMemory where not even the first question fits, and `NO_ANSWER`.
        """
        again = again or once
        try:
            answers = list(zip(questions, once(questions), strict=True))
            self._has_fitted = True
            return answers
        except ImageRejected as error:
            return self._without(questions, error, again)
        except OutOfMemory as error:
            if len(questions) == 1 and self._has_fitted:
                return [(questions[0], self._failure(questions[0], error))]
            if len(questions) == 1:
                raise
            self._shrink(len(questions) // 2)
        except NO_ANSWER:
            raise
        except Exception as error:
            if len(questions) == 1:
                return [(questions[0], self._failure(questions[0], error))]
        middle = len(questions) // 2
        return self.ask(questions[:middle], again) + self.ask(questions[middle:], again)

    def _without(
        self, questions: Sequence[Q], error: ImageRejected, again: Callable[[Sequence[Q]], list[A]]
    ) -> list[tuple[Q, A]]:
        """Ask all but the question that the model cannot take."""
        failed = questions[error.index]
        rest = [question for n, question in enumerate(questions) if n != error.index]
        answers = self.ask(rest, again) if rest else []
        return [(failed, self._failure(failed, error)), *answers]

    def _shrink(self, fits: int) -> None:
        stage = self._stage
        stage.batch_size = max(1, min(stage.batch_size, fits))
        self._leases.remember_batch(stage.name, stage.batch_size)
        self._leases.notify(
            f"{stage.name}: out of memory, batch size reduced to {stage.batch_size}"
        )

    def _failure(self, question: Q, error: Exception) -> A:
        words = clean(str(error), limit=MOST_ERROR_LETTERS) or type(error).__name__
        return self._failed(question, {"error": words})
