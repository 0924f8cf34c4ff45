"""The engine's side of a reader process: start it, ask it, and outlive it.

Files come from outside, and decoders are large C programs: they run in a process of their own,
with a memory cap and a time limit. If one crashes or hangs, that one file has failed.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from .. import errors
from ..config.screening_settings import Limits, Sampling
from ..records import ColourBatch, LumaBatch, SourceInfo
from . import reply_pixels, wire
from .container import RAW_FORMATS
from .hardware import SOFTWARE
from .locator import locate
from .outcome import ReaderChosen, VideoEnd
from .process import ReaderProcess

T = TypeVar("T")
CRASHES = frozenset(
    (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGSYS,
     signal.SIGTRAP)
)  # fmt: skip
"""signals a decoder brings upon itself; any other comes from outside: the kernel without memory,
a service manager, an administrator"""
KILLED = "the process that reads it was killed from outside"
Colour = int | Literal["roughly"] | None
"""how a picture's RGB is wanted: by its longest side, roughly, or not at all"""


@dataclass(frozen=True, slots=True)
class Probed:
    """What a probe returned; an image comes with its pixels, so that it is hashed once.

    `colour` is RGB, uint8 (height, width, 3), where it was asked for.
    """

    info: SourceInfo
    picture: LumaBatch | None
    colour: NDArray[np.uint8] | None = None


class ReadingStopped(errors.ReaderDied):
    """This side ended the process: nothing is known of the file."""


@dataclass(frozen=True, slots=True)
class Still:
    """A JPEG of one moment: the time asked for, and the time of the frame it shows."""

    wanted_seconds: float
    seconds: float
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Clip:
    """How a clip was made: its picture copied or re-encoded; the note says why, and by what."""

    copied: bool
    note: str

    @property
    def in_words(self) -> str:
        """Return it in one line."""
        how = "copied" if self.copied else "re-encoded"
        return f"{how} ({self.note})" if self.note else how


class Reader:
    """One reader process; starts on first use and again after it died."""

    def __init__(
        self,
        limits: Limits,
        threads: int = 1,
        *,
        nice: int = 0,
        process: ReaderProcess | None = None,
    ) -> None:
        """How `nice` it is to others on the processor is nice(2)'s: 0 to 19.

        `process` is one that was started before; from now on it belongs to this reader.
        """
        self._limits = limits
        self.threads = threads
        self._nice = nice
        self._process = process
        self._sent_limits = self._on_device = False
        self._asking: int | None = None
        self._lock = threading.Lock()

    def streams(self, path: str) -> int:
        """Return how many video streams a video holds, stills apart. Raises SourceError."""
        for header, _ in self.ask("streams", path=path):
            if header["kind"] == "end":
                return int(header["streams"])
        raise errors.Unreadable("holds no video stream")

    def probe(
        self,
        path: str,
        *,
        luma: bool = True,
        colour: Colour = None,
        stream: int | None = None,
        raw_rate: float | None = None,
    ) -> Probed:
        """Look at one file; `stream` and `raw_rate` are those of `Sampling`.

        `colour` is the longest side of a picture's RGB, 0 for all of it.

        "roughly" is reduced by a power of two only: see `colour.rough_size`.
        Raises SourceError or MissingExtra.
        """
        asked = {"luma": luma, "colour": colour, "stream": stream, "raw_rate": raw_rate}
        for header, payload in self.ask("probe", path=path, **asked):
            if header["kind"] == "info":
                found = _probed(header, payload)
            elif header["kind"] == "colour":
                found = replace(found, colour=reply_pixels.rgb(header, payload))
        return found

    def video(
        self, path: str, sampling: Sampling, batch: int, skip: int = 0, skip_seconds: float = 0.0
    ) -> Generator[LumaBatch | ReaderChosen | VideoEnd, None, None]:
        """Yield who reads, then batches of reduced frames, then how it ended. Raises SourceError.

        The first `skip` frames that would be looked at are left out; with mode `every` the frame
        after them is found by its time `skip_seconds`.
        """
        request = sampling.model_dump() | {
            "batch": batch,
            "skip": skip,
            "skip_seconds": skip_seconds,
            "threads": self.threads,
            "most_frames": self._limits.max_frames,
            "colour": None,
        }
        for header, payload in self.ask("video", path=path, **request):
            yield from _video_item(header, payload, reply_pixels.batch)

    def colour(
        self, path: str, sampling: Sampling, batch: int, longest_side: int, *,
        skip: int = 0, skip_seconds: float = 0.0,
    ) -> Generator[ColourBatch | ReaderChosen | VideoEnd, None, None]:  # fmt: skip
        """Yield who reads, then batches of RGB frames, then how it ended. Raises SourceError.

        `skip` and `skip_seconds` are those of `video`.
        """
        request = sampling.model_dump() | {
            "batch": batch,
            "skip": skip,
            "skip_seconds": skip_seconds,
            "threads": self.threads,
            "most_frames": self._limits.max_frames,
            "colour": longest_side,
        }
        for header, payload in self.ask("video", path=path, **request):
            yield from _video_item(header, payload, reply_pixels.colour_batch)

    def shown(
        self, info: SourceInfo, seconds: list[float], longest_side: int
    ) -> Iterator[tuple[float, NDArray[np.uint8]]]:
        """Yield (time asked for, RGB of the frame then shown) for each time, ascending.

        RGB is uint8 (height, width, 3). Raises SourceError.
        """
        request = self._stills_request(info, seconds, longest_side) | {"raw": True}
        for header, payload in self.ask("stills", path=info.path, **request):
            if header["kind"] == "still":
                yield float(header["wanted"]), reply_pixels.rgb(header, payload)

    def stills(self, info: SourceInfo, seconds: list[float], longest_side: int) -> Iterator[Still]:
        """Yield a JPEG for each time, ascending. Raises SourceError."""
        request = self._stills_request(info, seconds, longest_side) | {"raw": False}
        for header, payload in self.ask("stills", path=info.path, **request):
            if header["kind"] == "still":
                yield Still(header["wanted"], header["seconds"], payload.tobytes())

    def _stills_request(
        self, info: SourceInfo, seconds: list[float], longest_side: int
    ) -> dict[str, Any]:
        return {
            **_chosen(info),
            "source": info.kind,
            "seconds": sorted(seconds),
            "longest_side": longest_side,
            "threads": self.threads,
        }

    def clip(
        self, path: str, start: float, end: float, out: str, info: SourceInfo | None = None
    ) -> Clip:
        """Write one stretch of a video, of the stream `info` is about, as MP4; return how.

        Raises SourceError.
        """
        chosen = _chosen(info) if info is not None else {}
        request = {**chosen, "start": start, "end": end, "out": out, "threads": self.threads}
        ending: dict[str, Any] = {}
        for header, _ in self.ask("clip", path=path, **request):
            ending = header
        return Clip(ending["how"] == "copied", str(ending["note"]))

    def close(self) -> None:
        """End the process; a running decode is not waited for. Any thread may call this."""
        with self._lock:
            process = self._process
            if process is None:
                return
            process.kill()
            # The thread inside a request reads from the pipes still, and closes them.
            if self._asking not in (None, threading.get_ident()):
                return
            self._process, self._sent_limits = None, False
            process.hang_up()
        process.ended()

    def ask(
        self, operation: str, **request: Any
    ) -> Iterator[tuple[dict[str, Any], NDArray[np.uint8]]]:
        """Send a request; yield header and payload of each message of its answer.

        Raises SourceError or MissingExtra.
        """
        if self._asking is not None:
            raise RuntimeError("a reader answers one request at a time; close the last one first")
        self._asking = threading.get_ident()
        request |= {"do": operation, "max_pixels": self._limits.max_megapixels * 1e6}
        request["damage_mib"] = self._limits.damage_mib
        request |= _local(request)
        finished = False
        try:
            process = self._start(on_device=request.get("decoder", SOFTWARE) != SOFTWARE)
            wire.send(process.to_child, request)
            while not finished:
                header, payload = wire.receive(process.from_child, self._limits.stall_seconds)
                finished = header["kind"] in ("end", "failed")
                if header["kind"] == "failed":
                    raise raised(header)
                yield header, payload
        except wire.WireStalled as stalled:
            limit = self._limits.stall_seconds
            raise errors.ReaderDied(
                f"the decoder gave nothing for {limit:g} s (limits.stall_seconds) and was stopped"
            ) from stalled
        except wire.WireClosed as closed:
            raise self._death() from closed
        finally:
            # A caller that stops midway leaves a process in the middle of a file.
            self._asking = None
            if not finished:
                self.close()

    def _start(self, *, on_device: bool) -> ReaderProcess:
        """Return the running process; one that decodes on a device has limits of its own."""
        process = self._process
        other_limits = self._sent_limits and on_device != self._on_device
        if process is None or not process.alive or other_limits:
            self.close()
            process = self._process = _started()
        if not self._sent_limits:
            limit = {"memory_mib": self._limits.memory_mib, "nice": self._nice}
            wire.send(process.to_child, {"do": "limit", **limit, "on_device": on_device})
            wire.receive(process.from_child, self._limits.stall_seconds)
            self._sent_limits, self._on_device = True, on_device
        return process

    def _death(self) -> errors.ReaderDied:
        """Return why the process is gone: we ended it, another process did, or it crashed."""
        process = self._process
        code = process.ended(1) if process is not None else None
        if process is None or process.killed_by_us:
            return ReadingStopped("reading was stopped")
        if code is not None and code < 0 and -code not in CRASHES:
            return errors.ReaderKilled(
                f"{KILLED} (signal {-code}"
                f"{', as happens when memory runs out' if -code == signal.SIGKILL else ''}); "
                "the file may be intact; the next scan reads it again"
            )
        how = "" if code is None else f" (signal {-code})" if code < 0 else f" (exit {code})"
        return errors.ReaderDied(f"the decoder crashed{how}; the file is damaged or hostile")


def again_if_killed(work: Callable[[], T]) -> T:
    """Do something with a reader, and once more if its process was killed from outside."""
    try:
        return work()
    except errors.ReaderKilled:
        return work()


def _started() -> ReaderProcess:
    try:
        return ReaderProcess()
    except OSError as error:
        raise errors.EnvironmentFault(
            f"no process can be started to read files ({error.strerror}); free some memory, or "
            "raise the limits of processes and open files"
        ) from error


def _chosen(info: SourceInfo) -> dict[str, Any]:
    """Return which stream of a video is meant, and its rate where it has no times."""
    raw = info.container in RAW_FORMATS
    return {"stream": info.asked_stream, "raw_rate": info.frame_rate if raw else None}


def info_of(header: dict[str, Any]) -> SourceInfo:
    """Return what a probe found, from its message."""
    fields = header["info"]
    fields["warnings"] = tuple(fields["warnings"])
    return SourceInfo(**fields)


def _probed(header: dict[str, Any], payload: NDArray[np.uint8]) -> Probed:
    info = info_of(header)
    if info.kind == "video" or "height" not in header:
        return Probed(info, None)
    luma = payload.reshape(1, header["height"], header["width"])
    batch = LumaBatch(np.zeros(1, np.int64), np.zeros(1), luma, float(header["scale"]))
    return Probed(info, batch)


def _video_item(
    header: dict[str, Any], payload: NDArray[np.uint8], batch: Callable[..., Any]
) -> Iterator[Any]:
    if header["kind"] == "frames":
        yield batch(header, payload)
    elif header["kind"] == "reader":
        decoder, fallback = header["decoder"], header["fallback"]
        yield ReaderChosen(header["reader"], header["why"], decoder, fallback)
    elif header["kind"] == "end":
        bad, early = header["bad_packets"], header["ended_early"]
        cut_off, seconds = header["cut_off"], header["end_seconds"]
        yield VideoEnd(header["frames"], bad, early, tuple(header["warnings"]), cut_off, seconds)


def raised(header: dict[str, Any]) -> errors.SightlineError:
    """Return the error that a message is about."""
    # Only names the child is meant to raise become classes; the rest of it is not trusted.
    kinds: dict[str, type[errors.SightlineError]] = {
        "Unreadable": errors.Unreadable,
        "TooLarge": errors.TooLarge,
        "Vanished": errors.Vanished,
        "MissingExtra": errors.MissingExtra,
        "DiskFull": errors.DiskFull,
        "EnvironmentFault": errors.EnvironmentFault,
    }
    return kinds.get(header["error"], errors.Unreadable)(header["reason"])


def _local(request: dict[str, Any]) -> dict[str, str]:
    """Return the absolute paths in a request: the reader process works in another folder."""
    paths = {"out": os.path.abspath(request["out"])} if "out" in request else {}
    if "path" in request:
        paths["path"] = locate(request["path"]).local_path()
    return paths
