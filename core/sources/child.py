"""The reader process: decodes files it is told to, and may die alone.

Started by `reader.py` as `python -m core.sources.child REQUEST_FD REPLY_FD`. Each request is
answered by any number of messages, the last of kind `end` or `failed`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from ..errors import MissingExtra, SourceError, TooLarge, Unreadable
from . import wire

ALIVE_SECONDS = 1.0
Reply = Callable[..., None]


def main() -> None:
    """Answer requests until the engine closes the pipe."""
    requests, replies = int(sys.argv[1]), int(sys.argv[2])
    _ignore_interrupts()
    while True:
        try:
            request, _ = wire.receive(requests, None)
            _answer(request, replies)
        except wire.WireClosed:
            return


def _answer(request: dict[str, Any], replies: int) -> None:
    def reply(kind: str, payload: Any = b"", **header: Any) -> None:
        wire.send(replies, {"kind": kind, **header}, payload)

    try:
        end = _OPERATIONS[request["do"]](request, reply)
    except FileNotFoundError:
        reply("failed", error="Vanished", reason="the file is gone; was it moved or deleted?")
    except PermissionError:
        reply("failed", error="Unreadable", reason="permission denied; check the file's rights")
    except (SourceError, MissingExtra) as error:
        reply("failed", error=type(error).__name__, reason=str(error))
    except MemoryError:
        reply("failed", error="TooLarge", reason="needs more memory than limits.memory_mib allows")
    except wire.WireClosed:
        raise
    except Exception as error:
        reason = f"cannot be decoded ({type(error).__name__}: {str(error)[:200]})"
        reply("failed", error="Unreadable", reason=reason)
    else:
        reply("end", **(end or {}))


def _limit(request: dict[str, Any], _reply: Reply) -> None:
    import resource

    limit = int(request["memory_mib"]) * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _probe(request: dict[str, Any], reply: Reply) -> None:
    from dataclasses import asdict

    from .content import content_hash

    path = request["path"]
    if os.path.getsize(path) == 0:
        raise Unreadable("the file is empty")
    content = content_hash(path)
    info, luma, scale = _probed(path, content, os.path.getsize(path), request)
    picture = {} if luma is None else {"height": luma.shape[0], "width": luma.shape[1]}
    reply("info", b"" if luma is None else luma.data, info=asdict(info), scale=scale, **picture)


def _probed(path: str, content: str, size: int, request: dict[str, Any]) -> tuple[Any, Any, float]:
    import numpy as np

    from . import picture, video
    from .find import PICTURE_SUFFIXES

    max_pixels = float(request["max_pixels"])
    named_picture = os.path.splitext(path)[1].lower() in PICTURE_SUFFIXES
    if named_picture and not picture.is_animated_gif(path):
        with picture.open_picture(path, max_pixels) as image:
            info = picture.probe_picture(image, path, content, size)
            luma, scale = picture.picture_luma(image)
        return info, np.ascontiguousarray(luma), scale
    info = video.probe_video(path, content, size, max_pixels)
    return info, None, 1.0


def _video(request: dict[str, Any], reply: Reply) -> dict[str, Any]:
    from . import sampling, video

    with video.open_video(request["path"], request["threads"]) as stream:
        sampler = sampling.sample(stream, request)
        reply("reader", reader=sampler.reader, why=sampler.why)
        count = _send_frames(sampler.frames, request, _Pulse(reply))
        return {
            "frames": count,
            "bad_packets": stream.bad_packets,
            "ended_early": stream.ended_early,
            "warnings": stream.warnings[:20],
        }


def _send_frames(frames: Iterator[Any], request: dict[str, Any], pulse: _Pulse) -> int:
    batch = _Batch(int(request["batch"]), pulse.reply)
    count = 0
    for frame in frames:
        batch.add(frame)
        pulse.beat()
        count += 1
        if count > request["most_frames"]:
            raise TooLarge(f"more than limits.max_frames = {request['most_frames']} frames")
    batch.flush()
    return count


class _Batch:
    """Collects reduced frames and sends them together."""

    def __init__(self, size: int, reply: Reply) -> None:
        self._size = size
        self._reply = reply
        self._luma: Any = None
        self._scale = 0.0
        self._indices: list[int] = []
        self._seconds: list[float] = []

    def add(self, frame: Any) -> None:
        import numpy as np

        if self._luma is None:
            self._luma = np.empty((self._size, *frame.luma.shape), np.uint8)
            self._scale = frame.scale
        shape = self._luma.shape[1:]
        fits = frame.luma.shape == shape
        self._luma[len(self._indices)] = frame.luma if fits else _fitted(frame.luma, shape)
        self._indices.append(frame.index)
        self._seconds.append(frame.seconds)
        if len(self._indices) == self._size:
            self.flush()

    def flush(self) -> None:
        if not self._indices:
            return
        height, width = self._luma.shape[1:]
        self._reply(
            "frames",
            self._luma[: len(self._indices)].data,
            indices=self._indices,
            seconds=self._seconds,
            height=height,
            width=width,
            scale=self._scale,
        )
        self._indices, self._seconds = [], []


class _Pulse:
    """Says now and then that a long decode still gets somewhere; a stuck decoder says nothing."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self._last = time.monotonic()

    def beat(self) -> None:
        now = time.monotonic()
        if now - self._last > ALIVE_SECONDS:
            self._last = now
            self.reply("alive")


def _fitted(luma: Any, shape: tuple[int, int]) -> Any:
    """Bring a frame of another size (a stream may change it midway) to the stream's first size."""
    import numpy as np
    from PIL import Image

    return np.asarray(Image.fromarray(luma).resize((shape[1], shape[0]), Image.Resampling.BOX))


def _stills(request: dict[str, Any], reply: Reply) -> None:
    """Send one JPEG for each wanted time of a video (ascending), or of a picture."""
    from PIL import Image

    from . import picture, video

    longest = int(request["longest_side"])
    if request["source"] == "picture":
        with picture.open_picture(request["path"], float(request["max_pixels"])) as image:
            reply("still", picture.upright_jpeg(image, longest), wanted=0.0, seconds=0.0)
        return
    pulse = _Pulse(reply)
    with video.open_video(request["path"], request["threads"]) as stream:
        for wanted, item in _at_times(stream, request["seconds"], pulse):
            image = Image.fromarray(video.upright(item.frame))
            image.thumbnail((longest, longest))
            reply("still", picture.jpeg(image), wanted=wanted, seconds=item.seconds, index=item.index)


def _at_times(stream: Any, wanted: list[float], pulse: _Pulse) -> Iterator[tuple[float, Any]]:
    """Yield (wanted, the last frame at or before it); seeks over gaps, decodes through short ones."""
    from . import video

    items = video.decode(stream)
    current, following = None, next(items, None)
    for seconds in sorted(wanted):
        if following is None or seconds - following.seconds > 2.0:
            target = int((seconds + stream.origin_seconds) / float(stream.video.time_base))
            stream.container.seek(max(target, 0), stream=stream.video, backward=True)
            items = video.decode(stream)
            current, following = None, next(items, None)
        while following is not None and following.seconds <= seconds + 1e-6:
            current, following = following, next(items, None)
            pulse.beat()
        best = current or following
        if best is not None:
            yield seconds, best


def _clip(request: dict[str, Any], reply: Reply) -> None:
    from .clip import write_clip

    pulse = _Pulse(reply)
    write_clip(request["path"], request["start"], request["end"], request["out"], pulse.beat)


_OPERATIONS: dict[str, Callable[[dict[str, Any], Reply], dict[str, Any] | None]] = {
    "limit": _limit,
    "probe": _probe,
    "video": _video,
    "stills": _stills,
    "clip": _clip,
}


def _ignore_interrupts() -> None:
    """Ctrl+C reaches the whole process group; the engine decides when a reader stops."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)


if __name__ == "__main__":
    main()
