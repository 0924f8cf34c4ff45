"""What a handler is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...protocol.request import Request

Handler = Callable[[Any, Any], Any]
"""`async def handler(context: Context, request) -> reply`; of a streamed reply, a generator"""
Handlers = dict[type[Request[Any]], Handler]
