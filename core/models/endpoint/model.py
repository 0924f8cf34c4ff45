"""A VLM behind an OpenAI-compatible server: vLLM, llama.cpp, Ollama, `transformers serve`, others.

The batch goes out at once, at most `concurrency` requests at a time. Pictures travel as JPEG inside
the request, never as paths, which a server would open. A question that fails says so in its own
answer while the others continue; what would fail every question (no server, no such model, another
key, no images, an unusable chat template) stops the scan with one line, as a rule at the first
request: one token about a small grey picture, sent once when the model is loaded.

Options: `url` (ending in /v1 as a rule), `concurrency`, `timeout_seconds` (for one whole answer),
`stream` (true unless said otherwise: it gives the time to the first token), `thinking`,
`max_slice_nums` (MiniCPM-V only), `wait_seconds` (for a server that loads its model or asks for a
wait), `tries` and `first_wait_seconds` of the retries.
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
from ..caller import current_caller
from ..loading import digest_of
from ..protocols import Completion, Identity, Kind, Loading, VlmRequest
from ..thoughts import concluded, separated
from .connection import EndpointConnection, address_of, is_this_machine, key_for
from .faults import FAILURES, Denied, EndpointTimeouts, NotReady, TooSlow, Unreachable
from .image_limits import ROUNDS, ImageLimits, reduced, shrink_for
from .payload import QUALITY, body_of, lessened, named_field, refused_field
from .probe import probe_body
from .repeated import Repeated, in_grey, kind_of
from .reply import Reply
from .request import ask, models
from .server_state import names_missing_model, stops
from .waiting import Waiting

LISTED_AT_MOST = 8
_OF_NO_EFFECT = (
    "concurrency", "timeout_seconds", "tries", "first_wait_seconds", "stream", "wait_seconds",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of one question: a reply, a fault, or neither if it was cancelled."""

    reply: Reply | None = None
    fault: Exception | None = None
    reduced: str = ""


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
            wait_seconds=float(options.get("wait_seconds", 300.0)),
        )
        self._without: frozenset[str] = frozenset()
        self._accepted: set[str] = set()
        self._limits = ImageLimits()
        self._repeated = Repeated()
        self._waiting = Waiting(self._url, self._patience)
        self._identity = _identity(loading, self._url)
        concurrency = max(1, int(options.get("concurrency", 8)))
        self._door = EndpointConnection(self._url, key_for(self._url), concurrency, self._patience)
        try:
            self._load()
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

    @property
    def left_out(self) -> frozenset[str]:
        """Return the fields of requests that the server refused."""
        return self._without

    def listed(self) -> tuple[list[dict[str, Any]], str]:
        """Return the models that the server lists, and how it names itself in its headers."""
        return self._door.run(models(self._door.client, self._patience)) or ([], "")

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

        Raises ModelMissing if no server answers there or it has no such model, ModelRefused for
        what else would fail every question; `answered` of the error has the answers there are.
        """
        began = time.perf_counter()
        self._listen()
        found: list[_Outcome] = [_Outcome()] * len(prepared)
        if prepared:
            self._door.run(self._all(prepared, found), cancelled)
        share = (time.perf_counter() - began) / max(1, len(prepared))
        answers = [_answer(outcome, share, len(prepared)) for outcome in found]
        raised = self._stop_for(found) or self._stop_for_repeated(prepared, answers, cancelled)
        if raised is not None:
            raised.answered = {n: each for n, each in enumerate(answers) if _is_good(each)}
            raise raised
        return answers

    def finish(self, raw: list[Completion]) -> list[Completion]:
        """Return one answer per ask, in order."""
        return raw

    def _listen(self) -> None:
        """Send messages to whoever loads or asks now."""
        self._waiting.notify = self._limits.notify = current_caller().notify

    def _load(self) -> None:
        self._listen()
        self._door.run(self._check(), current_caller().cancelled)

    async def _all(self, bodies: Sequence[dict[str, Any]], found: list[_Outcome]) -> None:
        async def one(index: int) -> None:
            try:
                found[index] = await self._one(bodies[index])
            except FAILURES as fault:
                found[index] = _Outcome(fault=fault)

        async with asyncio.TaskGroup() as group:
            for index in range(len(bodies)):
                group.create_task(one(index))

    async def _one(self, body: dict[str, Any]) -> _Outcome:
        """Ask one question, leaving out or reducing what the server refuses."""
        async with self._door.slots:
            body, size = self._limits.fitted(body)
            without = self._without
            rounds = 0
            while True:
                sent = lessened(body, without)
                try:
                    reply = await ask(self._door.client, sent, self._patience, self._waiting)
                except Denied as denied:
                    rounds += 1
                    smaller = self._smaller(body, denied) if rounds <= ROUNDS else None
                    field = None if smaller else refused_field(sent, denied, self._accepted)
                    if smaller:
                        body, size = smaller
                    elif field:
                        without |= {field}
                    else:
                        denied.field = named_field({**body, **sent}, denied)
                        raise
                else:
                    self._accept(sent, without, size if rounds else "")
                    return _Outcome(reply=reply, reduced=size)

    def _smaller(self, body: dict[str, Any], denied: Denied) -> tuple[dict[str, Any], str] | None:
        """Return a request with smaller pictures, if the server refuses their size."""
        shrink = None if isinstance(denied, NotReady) else shrink_for(denied)
        if shrink is None or stops(denied, self._url):
            return None
        made = reduced(body, shrink)
        return made if made[1] else None

    def _accept(self, sent: dict[str, Any], without: frozenset[str], reduced_to: str) -> None:
        self._accepted |= sent.keys()
        self._without |= without
        if reduced_to:
            self._limits.learn(reduced_to)

    async def _check(self) -> None:
        """Raise at once what would fail every question."""
        try:
            await self._one(probe_body(self._name, self._options))
        except FAILURES as fault:
            if isinstance(fault, TooSlow):
                raise ModelMissing(
                    f"no answer from {self._url} within {self._patience.timeout_seconds:g} s; "
                    "vlm.timeout_seconds sets the time limit"
                ) from fault
            raised = await self._fatal(fault)
            if raised is not None:
                raise raised from fault

    async def _fatal(self, fault: Exception) -> EnvironmentFault | None:
        """Return what ends a scan; None for what concerns one question."""
        if isinstance(fault, Unreachable):
            environment = "" if is_this_machine(self._url) else network.words(self._url)
            why = "; ".join(filter(None, (str(fault), environment)))
            return ModelMissing(
                f"no server answers at {self._url} ({why}); start it, or choose another model"
            )
        if isinstance(fault, NotReady):
            return ModelMissing(f"{self._url}: {fault.said}")
        if not isinstance(fault, Denied):
            return None
        why = stops(fault, clean(self._url, limit=200))
        if why:
            return ModelRefused(why)
        return (
            ModelMissing(f"{await self._offers()} ({fault})")
            if names_missing_model(fault)
            else None
        )

    async def _offers(self) -> str:
        rows, _ = await models(self._door.client, self._patience)
        listed = [str(row["id"]) for row in rows]
        shown = ", ".join(clean(name, limit=80) for name in listed[:LISTED_AT_MOST])
        more = ", …" if len(listed) > LISTED_AT_MOST else ""
        offers = f"it offers: {shown}{more}" if listed else "it lists none"
        hint = nearest(self._name, listed)
        return f"{self._url} has no model '{clean(self._name, limit=120)}'{hint}; {offers}"

    def _stop_for(self, found: Sequence[_Outcome]) -> EnvironmentFault | None:
        faults = [outcome.fault for outcome in found if outcome.fault is not None]
        unreachable = len(faults) == len(found) and all(isinstance(f, Unreachable) for f in faults)
        denied = [fault for fault in faults if isinstance(fault, Denied)]
        for fault in [*denied, *(faults[:1] if unreachable else ())]:
            raised = self._door.run(self._fatal(fault))
            if raised is not None:
                raised.__cause__ = fault
                return raised
        return None

    def _stop_for_repeated(
        self, bodies: Sequence[dict[str, Any]], answers: Sequence[Completion],
        cancelled: Callable[[], bool],
    ) -> EnvironmentFault | None:  # fmt: skip
        """Return what ends a scan if questions fail alike, whatever their pictures are."""
        index = self._repeated.add(answers)
        if index is None:
            return None
        control = [_Outcome()]
        self._door.run(self._all([in_grey(bodies[index])], control), cancelled)
        found = _answer(control[0], 0.0, 1)
        if found.finish != "failed" or kind_of(found) != kind_of(answers[index]):
            return None
        return ModelRefused(
            f"{self._url} fails every question, also one with a grey picture: {found.error}"
        )


def _identity(loading: Loading, url: str) -> Identity:
    settings = {k: value for k, value in loading.options.items() if k not in _OF_NO_EFFECT}
    return Identity(
        model=loading.name,
        revision=loading.revision,
        family=loading.family,
        dtype="endpoint",
        attn="endpoint",
        quantize="none",
        preprocessing=digest_of({**settings, "url": url, "shown_as": f"jpeg{QUALITY}"}),
    )


def _is_good(answer: Completion) -> bool:
    return answer.finish not in ("failed", "cancelled")


def _answer(outcome: _Outcome, share: float, batch: int) -> Completion:
    reply = outcome.reply
    if reply is not None:
        said = separated(reply.text)
        made = Completion(
            text=said.text,
            finish=reply.finish,
            seconds=share,
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
            first_token_seconds=reply.first_token_seconds,
            batch=batch,
            thought_letters=reply.thought_letters,
            reduced=outcome.reduced,
        )
        return concluded(made, said)
    if outcome.fault is None:
        return Completion("", "cancelled", share, batch=batch)
    why = clean(str(outcome.fault), limit=300)
    if isinstance(outcome.fault, TooSlow):
        why += "; vlm.timeout_seconds sets the time limit"
    return Completion("", "failed", share, batch=batch, error=why)
