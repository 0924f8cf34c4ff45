"""A VLM behind an OpenAI-compatible server: vLLM, llama.cpp, Ollama, `transformers serve`, others.

The batch goes out at once, at most `concurrency` requests at a time. Pictures travel as JPEG inside
the request, never as paths, which a server would open. A question that fails says so in its own
answer while the others continue; only a server that cannot be reached, that wants another key or
that has no such model stops the scan.

Options: `url` (ending in /v1 as a rule), `concurrency`, `timeout_seconds` (for one whole answer),
`stream` (true unless said otherwise: it gives the time to the first token), `thinking`,
`max_slice_nums` (MiniCPM-V only), `tries` and `first_wait_seconds` of the retries.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ...errors import EnvironmentFault, ModelMissing, ModelRefused
from ...network import routes as network
from ...text import clean, nearest
from ..answer_text import without_thoughts
from ..loading import digest_of
from ..protocols import Completion, Identity, Kind, Loading, VlmRequest
from .connection import EndpointConnection, address_of, is_this_machine, key_for
from .payload import QUALITY, body_of, lessened, refused_field
from .request import Denied, EndpointTimeouts, Garbled, Reply, TooSlow, Unreachable, ask, models

LISTED_AT_MOST = 8
_WRONG_REQUEST = (400, 422, 501)
_OF_NO_EFFECT = ("concurrency", "timeout_seconds", "tries", "first_wait_seconds", "stream")
_ABSENT = ("not found", "not exist", "unknown", "invalid model", "pinned")
_FAILED = (Unreachable, Garbled, TooSlow, Denied)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of one question: a reply, a fault, or neither if it was cancelled."""

    reply: Reply | None = None
    fault: Exception | None = None


class Endpoint:
    """Pictures and a question in, text out; see `model.VisionLanguageModel`."""

    kind: ClassVar[Kind] = "vlm"

    def __init__(self, loading: Loading) -> None:
        options = loading.options
        self._name = loading.name
        self._options = options
        self._url = address_of(loading)
        self._patience = EndpointTimeouts(
            float(options.get("timeout_seconds", 120.0)),
            max(1, int(options.get("tries", 5))),
            float(options.get("first_wait_seconds", 0.25)),
        )
        self._without: frozenset[str] = frozenset()
        settings = {key: value for key, value in options.items() if key not in _OF_NO_EFFECT}
        self._identity = Identity(
            model=loading.name,
            revision=loading.revision,
            family=loading.family,
            dtype="endpoint",
            attn="endpoint",
            quantize="none",
            preprocessing=digest_of({**settings, "url": self._url, "shown_as": f"jpeg{QUALITY}"}),
        )
        concurrency = max(1, int(options.get("concurrency", 8)))
        self._door = EndpointConnection(self._url, key_for(self._url), concurrency, self._patience)
        try:
            self._door.run(self._check())
        except BaseException:
            self.close()
            raise

    @property
    def identity(self) -> Identity:
        """Return what of it is part of a result's key; of an endpoint little is known."""
        return self._identity

    @property
    def device(self) -> str:
        """Return `endpoint`."""
        return "endpoint"

    @property
    def memory_bytes(self) -> int:
        """Return 0: it takes none of this machine's."""
        return 0

    @property
    def most_pictures(self) -> int | None:
        """Return None: as many as the server takes."""
        return None

    def close(self) -> None:
        """Hang up."""
        self._door.close()

    def prepare(self, asks: Sequence[VlmRequest]) -> list[dict[str, Any]]:
        """Write the requests, pictures and all; raises ImageRejected for what is no picture."""
        return [body_of(self._name, each, n, self._options) for n, each in enumerate(asks)]

    def answer(
        self, prepared: list[dict[str, Any]], cancelled: Callable[[], bool]
    ) -> list[Completion]:
        """Ask everything at once; what runs is dropped at once when `cancelled()`.

        Raises ModelMissing if no server answers there or it has no such model, ModelRefused if it
        wants a key.
        """
        began = time.perf_counter()
        found: list[_Outcome] = [_Outcome()] * len(prepared)
        if prepared:
            self._door.run(self._all(prepared, found), cancelled)
        self._stop_for(found)
        share = (time.perf_counter() - began) / max(1, len(prepared))
        return [_answer(outcome, share, len(prepared)) for outcome in found]

    def finish(self, raw: list[Completion]) -> list[Completion]:
        """Return one answer per ask, in order."""
        return raw

    async def _all(self, bodies: Sequence[dict[str, Any]], found: list[_Outcome]) -> None:
        async def one(index: int) -> None:
            try:
                found[index] = _Outcome(reply=await self._one(bodies[index]))
            except _FAILED as fault:
                found[index] = _Outcome(fault=fault)

        async with asyncio.TaskGroup() as group:
            for index in range(len(bodies)):
                group.create_task(one(index))

    async def _one(self, body: dict[str, Any]) -> Reply:
        """Ask one question, leaving out what the server refuses until it takes the rest."""
        async with self._door.slots:
            without = self._without
            while True:
                sent = lessened(body, without)
                try:
                    reply = await ask(self._door.client, sent, self._patience)
                except Denied as denied:
                    field = refused_field(sent, str(denied))
                    if denied.status not in _WRONG_REQUEST or field is None:
                        raise
                    without |= {field}
                else:
                    self._without |= without
                    return reply

    async def _check(self) -> None:
        """Raise at once what would fail every question."""
        try:
            listed = await models(self._door.client, self._patience)
            if self._name not in (listed or ()):
                # Some serve a model they do not list, so it is asked for one word.
                probe = {"model": self._name, "max_tokens": 1, "temperature": 0}
                said = [{"role": "user", "content": "ok"}]
                await self._one({**probe, "messages": said})
        except _FAILED as fault:
            raised = await self._fatal(fault)
            if raised is not None:
                raise raised from fault

    async def _fatal(self, fault: Exception) -> EnvironmentFault | None:
        """Return what ends a scan: no server, no such model, no key; None for the rest."""
        if isinstance(fault, Unreachable):
            environment = "" if is_this_machine(self._url) else network.words(self._url)
            why = "; ".join(filter(None, (str(fault), environment)))
            return ModelMissing(
                f"no server answers at {self._url} ({why}); start it, or choose another model"
            )
        if isinstance(fault, Denied) and fault.status in (401, 403):
            return ModelRefused(
                f"{self._url} rejects the key ({fault}); set SIGHTLINE_ENDPOINT_KEY to it"
            )
        if isinstance(fault, Denied) and _is_about_the_model(fault):
            return ModelMissing(f"{await self._offers()} ({fault})")
        return None

    async def _offers(self) -> str:
        try:
            listed = await models(self._door.client, self._patience) or []
        except _FAILED:
            listed = []
        shown = ", ".join(clean(name, limit=80) for name in listed[:LISTED_AT_MOST])
        more = ", …" if len(listed) > LISTED_AT_MOST else ""
        offers = f"it offers: {shown}{more}" if listed else "it lists none"
        hint = nearest(self._name, listed)
        return f"{self._url} has no model '{clean(self._name, limit=120)}'{hint}; {offers}"

    def _stop_for(self, found: Sequence[_Outcome]) -> None:
        faults = [outcome.fault for outcome in found if outcome.fault is not None]
        unreachable = len(faults) == len(found) and all(isinstance(f, Unreachable) for f in faults)
        denied = [fault for fault in faults if isinstance(fault, Denied)]
        for fault in [*denied, *(faults[:1] if unreachable else ())]:
            raised = self._door.run(self._fatal(fault))
            if raised is not None:
                raise raised from fault


def _answer(outcome: _Outcome, share: float, batch: int) -> Completion:
    reply = outcome.reply
    if reply is not None:
        return Completion(
            text=without_thoughts(reply.text, begun=False).strip(),
            finish=reply.finish,
            seconds=share,
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
            first_token_seconds=reply.first_token_seconds,
            batch=batch,
        )
    if outcome.fault is None:
        return Completion("", "cancelled", share, batch=batch)
    why = clean(str(outcome.fault), limit=300)
    if isinstance(outcome.fault, TooSlow):
        why += "; vlm.timeout_seconds sets the time limit"
    return Completion("", "failed", share, batch=batch, error=why)


def _is_about_the_model(denied: Denied) -> bool:
    said = str(denied).lower()
    absent = any(words in said for words in _ABSENT)
    return denied.status == 404 or (denied.status == 400 and "model" in said and absent)
