"""The engine's messages: numbered, and kept for clients that read them later."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator

from ..protocol.messages import Message

log = logging.getLogger("sightline.engine")
MAX_MESSAGES = 100_000
MESSAGES_AT_ONCE = 10_000
MOST_UNREAD = 500_000
"""messages kept for a reader that is behind: a scan of very many known sources says what it knows
of them faster than any client prints it"""


class MessageLog:
    """Messages of one engine. Any thread may call `emit`; all else runs on the engine's loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._messages: list[Message] = []
        self._dropped = 0
        self._read_up_to: dict[object, int] = {}
        """by reader: the number of the message it is at"""
        self._lock = threading.Lock()
        self._news = asyncio.Event()

    @property
    def sequence(self) -> int:
        """Return the number that the next message will have."""
        with self._lock:
            return self._dropped + len(self._messages)

    def emit(self, message: Message) -> None:
        """Add a message."""
        with self._lock:
            self._messages.append(message)
            if len(self._messages) > MAX_MESSAGES:
                self._drop_oldest()
        if self._news.is_set():
            return  # a reader that waits has not run since, and will find this too
        try:
            self._loop.call_soon_threadsafe(self._news.set)
        except RuntimeError:  # the loop is closed: there is no reader any more
            log.debug("no reader for %s", type(message).__name__)

    async def since(self, number: int) -> AsyncIterator[tuple[int, Message]]:
        """Yield (number, message) from `number` on, then every new one as it comes."""
        reader = object()
        try:
            while True:
                self._news.clear()
                with self._lock:
                    number = max(number, self._dropped)
                    fresh = self._messages[number - self._dropped :][:MESSAGES_AT_ONCE]
                    self._read_up_to[reader] = number
                for message in fresh:
                    yield number, message
                    number += 1
                if not fresh:
                    await self._news.wait()
        finally:
            with self._lock:
                self._read_up_to.pop(reader, None)

    def _drop_oldest(self) -> None:
        """Forget the oldest messages, as far as every reader has had them."""
        many = MAX_MESSAGES // 2
        if len(self._messages) < MOST_UNREAD:
            slowest = min(self._read_up_to.values(), default=self._dropped + many)
            many = max(0, min(many, slowest - self._dropped))
        self._dropped += many
        del self._messages[:many]
