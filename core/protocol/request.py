"""What a request is: a frozen dataclass that declares its reply, its right and how it is served.

    @dataclass(frozen=True, slots=True)
    class GetTasks(Streamed[TaskPage, TaskPage], right="read", heavy=True):
        scan: int

`client.ask(GetTasks(3))` returns the reply; of a streamed request, `client.stream` yields the parts
as they come. The handler of a request is in the table of `core/service/handlers/`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Generic, Literal, TypeVar, get_args, get_origin

from .codec import encoded, from_json, to_json, wire_name

Right = Literal["read", "write", "export", "admin"]
"""`write` changes the library or its jobs, `export` writes files beside it, `admin` is about
the engine as a whole"""
READ_RIGHTS: frozenset[Right] = frozenset(("read",))
LOCAL_RIGHTS: frozenset[Right] = frozenset(("read", "export"))
ALL_RIGHTS: frozenset[Right] = frozenset(get_args(Right))
ReplyT_co = TypeVar("ReplyT_co", covariant=True)
PartT = TypeVar("PartT")


class Request(Generic[ReplyT_co]):
    """Base of every request. `REQUESTS` has all of them by the name they have in JSON."""

    __slots__ = ()
    RIGHT: ClassVar[Right]
    LONG: ClassVar[bool] = False
    """it may take any time: a client waits as long as the engine answers at all"""
    HEAVY: ClassVar[bool] = False
    """it reads the library or decodes: few of one connection are served at once"""

    def __init_subclass__(
        cls, *, right: Right | None = None, long: bool = False, heavy: bool = False, **more: Any
    ) -> None:
        """Declare a request. A class without a `right`, of its own or inherited, is no request."""
        super().__init_subclass__(**more)
        # `dataclass(slots=True)` creates the class again, without these arguments.
        if right is not None:
            cls.RIGHT = right
            cls.LONG, cls.HEAVY = long or heavy, heavy
        if hasattr(cls, "RIGHT"):
            REQUESTS[wire_name(cls)] = cls


class Streamed(Request[ReplyT_co], Generic[PartT, ReplyT_co]):
    """A request whose reply comes in parts of bounded size."""

    __slots__ = ()

    @classmethod
    def gathered(cls, parts: Sequence[PartT]) -> ReplyT_co:
        """Return the reply that the parts add up to."""
        raise NotImplementedError


REQUESTS: dict[str, type[Request[Any]]] = {}


def reply_type(request: type[Request[Any]]) -> Any:
    """Return the class of a request's reply."""
    return _arguments(request)[-1]


def part_type(request: type[Streamed[Any, Any]]) -> Any:
    """Return the type of the parts of a streamed reply: a dataclass, a union of some, or bytes."""
    return _arguments(request)[0]


def request_to_json(request: Request[Any]) -> dict[str, Any]:
    """Return a request as a JSON object."""
    return to_json(request)


def request_from_json(body: dict[str, Any]) -> Request[Any]:
    """Return the request of a JSON object. Raises KeyError or TypeError for anything unknown."""
    return from_json(body, REQUESTS)


def reply_to_json(request: Request[Any], reply: Any) -> Any:
    """Return the reply to a request as JSON."""
    return encoded(reply_type(type(request)), reply)


def _arguments(request: type[Request[Any]]) -> tuple[Any, ...]:
    """Return the type arguments a request declares, itself or in a base class."""
    for class_ in request.__mro__:
        for base in class_.__dict__.get("__orig_bases__", ()):
            if get_origin(base) in (Request, Streamed):
                return get_args(base)
    raise TypeError(f"no reply is declared by {request.__name__}")
