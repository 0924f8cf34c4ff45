"""What can go wrong with one question to a server."""

from __future__ import annotations

from dataclasses import dataclass


class Unreachable(Exception):
    """No server answered, or the connection broke each time."""


class Garbled(Exception):
    """Something answered each time, and never a whole answer."""


class TooSlow(Exception):
    """The whole answer took longer than allowed."""


class AnswerFailed(Exception):
    """The server answered, and its answer is none: another try would not help."""


class Denied(Exception):
    """The server answered, and not with what was asked for.

    `status` is that of HTTP, or the one that an error inside an answer names; `tags` are the codes
    and types that the error names, in lower case.
    """

    def __init__(self, status: int, said: str, tags: str = "", place: str = "") -> None:
        super().__init__(f"{place or f'HTTP {status}'}: {said}" if said else f"HTTP {status}")
        self.status = status
        self.said = said
        self.tags = tags.lower()
        self.field = ""
        """the field of the request that the server refuses and that cannot be left out"""

    @property
    def words(self) -> str:
        """Return what the server says, with its codes, in lower case."""
        return f"{self.said.lower()} {self.tags}"


class NotReady(Denied):
    """The server loads its model, or wants a wait, for longer than the limit."""


FAILURES = (Unreachable, Garbled, TooSlow, Denied, AnswerFailed)


@dataclass(frozen=True, slots=True)
class EndpointTimeouts:
    """How long to wait for one answer, and how often and how far apart to try.

    `wait_seconds` limits the wait for a server that loads its model or that asks for a wait.
    """

    timeout_seconds: float
    tries: int = 5
    first_wait_seconds: float = 0.25
    most_wait_seconds: float = 8.0
    wait_seconds: float = 300.0
