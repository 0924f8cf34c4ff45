"""What is kept about one instant of a source."""

from __future__ import annotations

from dataclasses import dataclass

from ...times import WrittenTime
from ..instant_view import InstantView
from ..request import Request

START = WrittenTime(0.0)


@dataclass(frozen=True, slots=True)
class GetInstant(Request[InstantView], right="read", heavy=True):
    """Everything kept about one instant of a source."""

    path: str
    when: WrittenTime = START
