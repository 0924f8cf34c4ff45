"""Which models are in memory: loaded on first use, leased while used, evicted by age.

A model is loaded once however many stages and scans use it. When the next one needs memory, those
that nothing holds are evicted, the longest unused first. What each really took is measured and
remembered, so the next run knows before it loads.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol, TypeVar

from ..device.memory import Memory, empty_caches, is_out_of_memory, memory
from ..device.precision import cpu_flags, has_fast_bfloat16
from ..errors import OutOfMemory
from ..text import clean, counted
from ..version import package_version
from .protocols import Identity, Loading, Model
from .registry import KINDS, load
from .weights import weights_bytes

log = logging.getLogger("sightline.models")
T = TypeVar("T")
SPARE_SHARE = 0.1
"""of a device's memory that is left to what a model computes"""


class FootprintStore(Protocol):
    """Where it is remembered what models need."""

    def bytes_of(self, key: str) -> int:
        """Return what a model took, 0 if it was never measured."""

    def keep_bytes(self, key: str, name: str, device: str, used_bytes: int) -> None:
        """Remember what a model takes."""

    def batch_of(self, key: str, work: str) -> int:
        """Return the largest batch of one kind of work that fitted, 0 if no limit was met."""

    def keep_batch(self, key: str, work: str, batch: int) -> None:
        """Remember the largest batch of one kind of work that fitted."""

    def identity(self, key: str) -> dict[str, Any] | None:
        """Return what a model proved to be when it was loaded so, if it ever was."""

    def keep_identity(self, key: str, identity: dict[str, Any]) -> None:
        """Remember what a model proved to be."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in memory, for lists."""

    name: str
    device: str
    bytes: int
    users: int
    idle_seconds: float


@dataclass
class _Resident:
    model: Model
    bytes: int
    users: int = 0
    used_at: float = field(default_factory=time.monotonic)


class Residency:
    """Holds models for one engine. Any thread may lease; one at a time loads."""

    def __init__(
        self,
        footprints: FootprintStore,
        *,
        loader: Callable[[Loading], Model] = load,
        measure: Callable[[str], Memory] = memory,
        notify: Callable[[str], None] = log.info,
    ) -> None:
        self._footprints = footprints
        self._loader = loader
        self._measure = measure
        self._notify = notify
        self._residents: dict[str, _Resident] = {}
        self._lock = threading.RLock()
        self._queue: dict[str, threading.RLock] = {}

    @contextmanager
    def lease(self, loading: Loading) -> Iterator[Model]:
        """Lend a model, loading it first if need be. Raises ModelRefused or OutOfMemory."""
        key = key_of(loading)
        with self._lock:
            resident = self._residents.get(key) or self._load(key, loading)
            resident.users += 1
        try:
            yield resident.model
        finally:
            with self._lock:
                resident.users -= 1
                resident.used_at = time.monotonic()

    @contextmanager
    def turn(self, device: str) -> Iterator[None]:
        """Wait for the device: one piece of work runs on it at a time. Endpoints share nothing."""
        if device == "endpoint":
            yield
            return
        with self._lock:
            turn = self._queue.setdefault(device, threading.RLock())
        with turn:
            yield

    def run(self, model: Model, work: Callable[[], T]) -> T:
        """Run work on a model's device. Out of memory: evict idle models and try once more.

        Raises OutOfMemory if that did not help.
        """
        with self.turn(model.device):
            for attempt in (1, 2):
                try:
                    return work()
                except Exception as error:
                    if not is_out_of_memory(error):
                        raise
                    # The traceback holds the tensors that did not fit.
                    error.__traceback__ = None
                if attempt == 1:
                    freed = self.evict_idle(model.device)
                    self._notify(
                        f"{model.device} is out of memory; {counted(freed, 'idle model')} evicted"
                    )
        raise OutOfMemory(
            f"{clean(model.identity.model)} does not fit into the memory of {model.device}"
        )

    def fit(self, loadings: Sequence[Loading]) -> bool:
        """Return whether models can be in memory at once, evicting what is not in use for them."""
        wanted = {key_of(each): each for each in loadings if each.folder is not None}
        needed: dict[str, int] = {}
        for key, each in wanted.items():
            needed[each.device] = needed.get(each.device, 0) + self._needed(key, each)
        return all(self._room(device, wanted) >= size for device, size in needed.items())

    def identity(self, loading: Loading) -> Identity:
        """Return what a model is once loaded; it is loaded only if that never happened before."""
        remembered = self._remembered(loading)
        if remembered is not None:
            return remembered
        with self.lease(loading) as model:
            return model.identity

    def most_at_once(self, loading: Loading, work: str) -> int:
        """Return the largest batch of one kind of work remembered to fit, 0 for no limit met."""
        return self._footprints.batch_of(key_of(loading), work)

    def remember_batch(self, loading: Loading, work: str, batch: int) -> None:
        """Remember the largest batch of one kind of work that fitted."""
        self._footprints.keep_batch(key_of(loading), work, batch)

    def evict_idle(self, device: str | None = None) -> int:
        """Close every model that is not in use (on one device); return how many."""
        with self._lock:
            idle = [
                key for key, resident in self._residents.items()
                if not resident.users and device in (None, resident.model.device)
            ]  # fmt: skip
            for key in idle:
                self._close(key)
        if device is not None:
            empty_caches(device)
        return len(idle)

    def held(self) -> list[LoadedModel]:
        """Return what is in memory, the latest used first."""
        now = time.monotonic()
        with self._lock:
            rows = [
                LoadedModel(
                    r.model.identity.model, r.model.device, r.bytes, r.users,
                    0.0 if r.users else now - r.used_at,
                )
                for r in self._residents.values()
            ]  # fmt: skip
        return sorted(rows, key=lambda row: row.idle_seconds)

    def holds(self, model: Model) -> bool:
        """Return whether a model is in memory."""
        with self._lock:
            return any(resident.model is model for resident in self._residents.values())

    def close(self) -> None:
        """Release everything."""
        with self._lock:
            for key in list(self._residents):
                self._close(key)

    def _remembered(self, loading: Loading) -> Identity | None:
        kept = self._footprints.identity(_identity_key(loading))
        return None if kept is None else Identity(**kept)

    def _load(self, key: str, loading: Loading) -> _Resident:
        self._make_room(key, loading)
        model = self._loaded(self._as_before(loading))
        self._footprints.keep_identity(_identity_key(loading), asdict(model.identity))
        resident = _Resident(model, model.memory_bytes)
        self._residents[key] = resident
        self._footprints.keep_bytes(key, loading.name, model.device, resident.bytes)
        self._notify(f"{loading.name} loaded on {model.device}: {resident.bytes / 2**20:.0f} MiB")
        return resident

    def _loaded(self, loading: Loading) -> Model:
        try:
            return self._loader(loading)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            error.__traceback__ = None
        self.evict_idle(loading.device)
        try:
            return self._loader(loading)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise OutOfMemory(
                f"{clean(loading.name)} does not fit into the memory of {loading.device}; take a "
                "smaller one, models.quantize = '8bit', or models.device = 'cpu'"
            ) from None

    def _as_before(self, loading: Loading) -> Loading:
        """Return how to load an embedder so that it is in the precision that was measured before.

        A second measurement might come out otherwise, and results would carry the wrong name.
        """
        remembered = self._remembered(loading) if is_measured(loading) else None
        return loading if remembered is None else replace(loading, dtype=remembered.dtype)

    def _make_room(self, key: str, loading: Loading) -> None:
        if loading.folder is None:
            return
        needed = self._needed(key, loading)
        while True:
            if _usable(self._measure(loading.device)) >= needed:
                return
            if not self._evict_oldest(loading.device):
                return  # it may fit all the same; loading says so if it does not

    def _needed(self, key: str, loading: Loading) -> int:
        return self._footprints.bytes_of(key) or weights_bytes(loading.folder)

    def _room(self, device: str, wanted: Collection[str]) -> float:
        """Return what models would have once all idle ones are gone; the wanted may be there."""
        with self._lock:
            ours = sum(
                resident.bytes for key, resident in self._residents.items()
                if resident.model.device == device and (key in wanted or not resident.users)
            )  # fmt: skip
            return _usable(self._measure(device)) + ours

    def _evict_oldest(self, device: str) -> bool:
        idle = [
            (resident.used_at, key) for key, resident in self._residents.items()
            if not resident.users and resident.model.device == device
        ]  # fmt: skip
        if not idle:
            return False
        self._close(min(idle)[1])
        empty_caches(device)
        return True

    def _close(self, key: str) -> None:
        resident = self._residents.pop(key)
        self._notify(f"{resident.model.identity.model} evicted from {resident.model.device}")
        resident.model.close()


def _usable(memory: Memory) -> float:
    """Return the bytes a model may take of what is free: some is left to what it computes."""
    return memory.free_bytes - SPARE_SHARE * memory.total_bytes


def is_measured(loading: Loading) -> bool:
    """Return whether a model's precision is measured when it is loaded."""
    automatic = loading.dtype == "auto" and loading.quantize == "none"
    return automatic and loading.device == "cpu" and KINDS[loading.family] == "embedder"


def _identity_key(loading: Loading) -> str:
    """Return what decides what a model is once loaded; the CPU is part of it where it counts."""
    key = f"{key_of(loading)}|{_software()}"
    if not (is_measured(loading) and has_fast_bfloat16()):
        return key
    flags = " ".join(sorted(cpu_flags()))
    return f"{key}|cpu={hashlib.sha256(flags.encode()).hexdigest()[:16]}"


def key_of(loading: Loading) -> str:
    """Return what identifies a loaded model: what it is and how it is loaded."""
    options: list[tuple[str, Any]] = sorted(loading.options.items())
    options += [("weights", loading.weights)] if loading.weights else []
    parts = (
        loading.family, str(loading.folder or loading.name), loading.revision, loading.device,
        loading.dtype, loading.attn, loading.quantize, options,
    )  # fmt: skip
    return "|".join(str(part) for part in parts)


def _software() -> str:
    """Return the versions that decide how a picture is prepared and what auto stands for."""
    names = ("torch", "torchvision", "transformers", "open_clip_torch")
    return " ".join(f"{name}={package_version(name)}" for name in names)
