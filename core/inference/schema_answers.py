"""Answers that must be JSON of a schema: how it is asked for, and whether an answer fits."""

from __future__ import annotations

import json
import re
from typing import Any

from ..config.answer_schema import validator_of
from ..config.bounded_patterns import TooSlow, limited
from ..text import clean

_FENCED = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)
MOST_LETTERS = 160


class AnswerSchema:
    """A JSON schema of a user's own, as `answer_schema.schema_text` returned it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.schema: dict[str, Any] = json.loads(text)
        self._validator = validator_of(self.schema)

    @property
    def instruction(self) -> str:
        """Return what is asked of a model besides its prompt; servers may enforce it too."""
        return (
            "Answer with one JSON value and nothing else, without a code block. It must be valid "
            f"by this JSON schema:\n{self.text}"
        )

    def read(self, answer: str) -> tuple[Any, str]:
        """Return the JSON value in an answer, and why it does not fit; empty where it does.

        Words and a code block around the value are passed over.
        """
        from jsonschema.exceptions import best_match

        try:
            value = _value_in(answer)
            with limited():
                wrong = best_match(self._validator.iter_errors(value))
        except TooSlow as error:
            return None, f"the answer cannot be checked: {error}"
        except ValueError:
            return None, f"the answer contains no JSON: {clean(answer, limit=MOST_LETTERS)}"
        except RecursionError:
            return None, "the answer is nested too deeply"
        if wrong is None:
            return value, ""
        why = clean(f"{wrong.json_path}: {wrong.message}", limit=MOST_LETTERS)
        return None, f"the answer does not conform to the schema: {why}"


def _value_in(answer: str) -> Any:
    """Return the first JSON value: the whole answer, a code block, or the first object or list.

    Raises ValueError if there is none.
    """
    fenced = _FENCED.search(answer)
    for text in (answer.strip(), fenced[1].strip() if fenced else ""):
        try:
            return _DECODER.decode(text)
        except ValueError:
            continue
    starts = [at for at in (answer.find("{"), answer.find("[")) if at >= 0]
    if not starts:
        raise ValueError(answer)
    return _DECODER.raw_decode(answer, min(starts))[0]


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not valid JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)
