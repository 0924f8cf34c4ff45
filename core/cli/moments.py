"""FILE@TIME, as commands take it: typed, or pasted from what another command printed."""

from __future__ import annotations

import os
import re

from ..errors import UsageError
from ..protocol.addresses import absolute
from ..times import WrittenTime, parse_written, with_reference

_AT = re.compile(r"@(?=[\d:;.,]+(?:\s|$))", re.ASCII)


def split_moment(moment: str) -> tuple[str, WrittenTime]:
    """Split FILE@TIME; what a scan prints behind the time may follow it."""
    if not moment.strip():
        raise UsageError("no time given; write FILE@83.5, or paste a line of `results`")
    if "@" not in moment or os.path.exists(absolute(moment)):
        return moment, WrittenTime(0.0)
    path, rest = _at(moment)
    when = rest.split(maxsplit=1)[0] if rest.strip() else ""
    return path, with_reference(written_time(when), moment)


def written_time(text: str) -> WrittenTime:
    """Return a time as typed. Raises UsageError."""
    try:
        return parse_written(text)
    except ValueError as error:
        raise UsageError(
            f"'{text}' is not a time; write FILE@83.5, FILE@00:01:23.500 or FILE@00:01:23:15"
        ) from error


def _at(moment: str) -> tuple[str, str]:
    """Return what is before and after the `@` of FILE@TIME.

    Names, and what models said of a frame, may hold others: it is the one behind a file that is
    there, else the last that a time follows.
    """
    places = [found.start() for found in _AT.finditer(moment)] or [moment.rindex("@")]
    there = (place for place in places if os.path.exists(absolute(moment[:place])))
    place = next(there, places[-1])
    return moment[:place], moment[place + 1 :]
