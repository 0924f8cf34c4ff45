"""Many pictures in one request: each is read, and measured where that is asked for.

Reading and measuring belong to different packages: the request names who measures, as
`module:function`. Called with the settings of the request, once a process, the function returns
what is called with each picture.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..records import LumaBatch, SourceInfo
from . import wire
from .child_failures import check_file, failure
from .child_requests import Reply, probed

Measure = Callable[[SourceInfo, LumaBatch], NDArray[np.float32]]
_FIELDS = tuple(each.name for each in fields(SourceInfo))


def pictures(request: dict[str, Any], reply: Reply) -> None:
    """Send for each path what it is with the values measured, or why it cannot be read."""
    measure = measuring(request["measure"], json.dumps(request["settings"]))
    for path in request["paths"]:
        try:
            check_file(path)
            info, luma, scale = probed({**request, "path": path}, lambda: reply("alive"))
            values = b"" if luma is None else _measured(measure, info, luma, scale)
        except wire.WireClosed:
            raise
        except Exception as error:
            reply("unread", **failure(error))
        else:
            reply("measured", values, info={name: getattr(info, name) for name in _FIELDS})


@cache
def measuring(name: str, settings: str) -> Measure:
    """Return who measures: made once, for the settings of a scan."""
    module, _, function = name.partition(":")
    made: Measure = getattr(import_module(module), function)(json.loads(settings))
    return made


def _measured(
    measure: Measure, info: SourceInfo, luma: NDArray[np.uint8], scale: float
) -> memoryview:
    batch = LumaBatch(np.zeros(1, np.int64), np.zeros(1), luma[None], scale)
    return np.ascontiguousarray(measure(info, batch), "<f4").data
