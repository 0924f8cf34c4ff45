"""The requests that the reader process carries out: what a file is, its frames, stills and clips.

Each takes the request and a `Reply`, which sends one message; what it returns goes into the last.
A `video` request sends frames in batches as they are decoded.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Any

from ..errors import TooLarge, Unreadable
from ..text import counted
from . import foreign
from .file_locator import FileLocator

ALIVE_SECONDS = 1.0
Reply = Callable[..., None]
Beat = Callable[[], None]
Found = tuple[Any, Any, float]


def _limit(request: dict[str, Any], _reply: Reply) -> None:
    import resource

    limit = int(request["memory_mib"]) * 1024 * 1024
    # A device's driver reserves far more addresses than it ever uses memory.
    kind = resource.RLIMIT_DATA if request["on_device"] else resource.RLIMIT_AS
    resource.setrlimit(kind, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if request["nice"]:
        os.nice(request["nice"])


def _probe(request: dict[str, Any], reply: Reply) -> None:
    info, luma, scale = probed(request, _Pulse(reply).beat)
    picture = {} if luma is None else {"height": luma.shape[0], "width": luma.shape[1]}
    body = asdict(info)
    reply("info", b"" if luma is None else luma.data, info=body, scale=scale, **picture)
    if info.kind == "picture" and request["colour"] is not None:
        _reply_colour(request, reply)


def probed(request: dict[str, Any], beat: Beat) -> Found:
    """Return what a file is, with the luma of a picture, uint8 (height, width), and its scale."""
    from ..records import content_of
    from .content import content_hash

    path = request["path"]
    if FileLocator(path).version()[0] == 0:
        raise Unreadable("the file is empty; copy it again from its origin")
    if kind := foreign.foreign_kind(path):
        raise Unreadable(
            f"this is {kind}, which sightline does not read; name a picture or a video"
        )
    content = content_of(content_hash(path), _choice(request).stream)
    return _probed(request, content, beat)


def _streams(request: dict[str, Any], _reply: Reply) -> dict[str, Any]:
    """Say how many video streams a file holds, stills apart."""
    from . import container, video

    with video.open_video(request["path"], threads=1) as stream:
        return {"streams": len(container.film_streams(stream.container))}


def _reply_colour(request: dict[str, Any], reply: Reply) -> None:
    from . import picture

    path = request["path"]
    with picture.open_picture(path, float(request["max_pixels"])) as image:
        if request["colour"] == "roughly":
            pixels = picture.picture_roughly(image, path)
        else:
            pixels = picture.picture_colour(image, path, int(request["colour"]))
    reply("colour", pixels.data, height=pixels.shape[0], width=pixels.shape[1])


class _Animated(Unreadable):
    """A picture of several frames, which is read as a video."""


def _probed(request: dict[str, Any], content: str, beat: Beat) -> Found:
    """Read the file as what its name says, and where that fails as the other kind.

    A name without a known ending counts as a picture's: Pillow knows its formats for certain.
    """
    from .find import VIDEO_SUFFIXES

    path = request["path"]
    named_video = os.path.splitext(path)[1].lower() in VIDEO_SUFFIXES
    kinds: list[Callable[[dict[str, Any], str, Beat], Found]] = [_probed_picture, _probed_video]
    first, second = reversed(kinds) if named_video else kinds
    try:
        return first(request, content, beat)
    except _Animated:
        return _probed_animated(request, content, beat)
    except Unreadable as error:
        try:
            return second(request, content, beat)
        except _Animated:
            return _probed_animated(request, content, beat)
        except Unreadable as other:
            # Of a file under neither kind of name, the video's reason is the more specific one.
            raise _with_kind(path, error if _is_named(path) else other) from error


def _probed_animated(request: dict[str, Any], content: str, beat: Beat) -> Found:
    """Read an animated picture as a video; where that fails, its first frame as a picture."""
    from . import picture

    try:
        info, luma, scale = _probed_video(request, content, beat)
        info.metadata.pop("ENCODER", None)  # of the stream that a WebP was put into
        described = picture.told_beside(request["path"], float(request["max_pixels"]), info)
        return described, luma, scale
    except Unreadable as error:
        info, luma, scale = _probed_picture(request, content, beat, first_frame=True)
        warning = f"animated, but cannot be read as a video ({error}); only the first is read"
        return replace(info, warnings=(*info.warnings, warning)), luma, scale


def _with_kind(path: str, error: Unreadable) -> Unreadable:
    kind = foreign.unreadable_kind(path)
    return Unreadable(f"{error}; it holds {kind}") if kind else error


def _is_named(path: str) -> bool:
    from .find import KNOWN_SUFFIXES

    return os.path.splitext(path)[1].lower() in KNOWN_SUFFIXES


def _probed_picture(
    request: dict[str, Any], content: str, _beat: Beat, *, first_frame: bool = False
) -> Found:
    import numpy as np

    from . import moving, picture

    path = request["path"]
    with picture.open_picture(path, float(request["max_pixels"])) as image:
        if not first_frame and moving.is_animated(image):
            raise _Animated("an animated picture is read as a video")
        size = FileLocator(path).version()[0]
        info = picture.probe_picture(image, path, content, size)
        if not request["luma"]:
            return info, None, 1.0
        luma, scale = picture.picture_luma(image, path)
    return info, np.ascontiguousarray(luma), scale


def _choice(request: dict[str, Any]) -> Any:
    """Return which stream of a video is read, and at which rate where it has no times."""
    from .container import Choice

    stream, rate = request.get("stream"), request.get("raw_rate")
    return Choice(
        stream if isinstance(stream, int) else None,
        rate,
        request["damage_mib"],
        request.get("loop_filter", "full"),
        request.get("decoder", "software"),
    )


def _probed_video(request: dict[str, Any], content: str, beat: Beat) -> Found:
    from ..records import content_as_read
    from . import moving, picture, survey, video
    from .find import PICTURE_SUFFIXES

    path, choice = request["path"], _choice(request)
    size = FileLocator(path).version()[0]
    picture.check_claimed(path, float(request["max_pixels"]))
    info = video.probe_video(path, content, size, float(request["max_pixels"]), beat, choice)
    info = survey.counted(info, choice, beat)
    # FFmpeg takes many a broken HEIC for a film of one frame.
    if os.path.splitext(path)[1].lower() in PICTURE_SUFFIXES and info.frame_count == 1:
        raise Unreadable("not a video")
    # An earlier version read these as pictures, of their first frame.
    content = content_as_read(content, differs=moving.is_new_video(path))
    return replace(info, content=content), None, 1.0


def _video(request: dict[str, Any], reply: Reply) -> dict[str, Any]:
    from . import sampling, video

    beat, choice = _Pulse(reply).beat, _choice(request)
    with video.open_video(request["path"], request["threads"], beat, choice) as stream:
        sampler = sampling.sample(stream, request)
        decoder, why_not = _decoder_of(stream)
        reply("reader", reader=sampler.reader, why=sampler.why, decoder=decoder, fallback=why_not)
        count = _send_frames(sampler.frames, request, reply)
        if count == 0 and request["skip"] == 0:
            raise Unreadable("holds no frame that can be decoded; it may be cut off")
        _compare_with_header(stream, request, count)
        return {"frames": count, **video.how_it_ended(stream)}


def _decoder_of(stream: Any) -> tuple[str, str]:
    from .hardware import device, how_decoded

    return how_decoded(device(stream.choice.decoder), stream.video.codec_context)


def _compare_with_header(stream: Any, request: dict[str, Any], count: int) -> None:
    promised, read = stream.video.frames, count + int(request["skip"])
    whole = request["mode"] == "every" and request["max_frames"] is None
    if whole and (stream.bad_packets or stream.ended_early) and read < promised:
        stream.warnings.append(
            f"the header promises {counted(promised, 'frame')}, {read} could be read"
        )


def _send_frames(frames: Iterator[Any], request: dict[str, Any], reply: Reply) -> int:
    batch = _Batch(int(request["batch"]), reply)
    most = int(request["most_frames"])
    count = 0
    for count, frame in enumerate(frames, 1):
        if count + request["skip"] > most:
            raise TooLarge(
                f"more than limits.max_frames = {counted(most, 'frame')}; raise it to read more"
            )
        batch.add(frame)
    batch.flush()
    return count


class _Batch:
    """Collects reduced frames and sends them together."""

    def __init__(self, size: int, reply: Reply) -> None:
        self._size = size
        self._reply = reply
        self._pixels: Any = None
        self._scale = 0.0
        self._indices: list[int] = []
        self._seconds: list[float] = []

    def add(self, frame: Any) -> None:
        import numpy as np

        if self._pixels is None:
            self._pixels = np.empty((self._size, *frame.pixels.shape), np.uint8)
            self._scale = frame.scale
        shape = self._pixels.shape[1:]
        fits = frame.pixels.shape == shape
        self._pixels[len(self._indices)] = frame.pixels if fits else _fitted(frame.pixels, shape)
        self._indices.append(frame.index)
        self._seconds.append(frame.seconds)
        if len(self._indices) == self._size:
            self.flush()

    def flush(self) -> None:
        if not self._indices:
            return
        height, width = self._pixels.shape[1:3]
        self._reply(
            "frames",
            self._pixels[: len(self._indices)].data,
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
        self._reply = reply
        self._last = time.monotonic()

    def beat(self) -> None:
        now = time.monotonic()
        if now - self._last > ALIVE_SECONDS:
            self._last = now
            self._reply("alive")


def _fitted(pixels: Any, shape: tuple[int, ...]) -> Any:
    """Bring a frame of another size (a stream may change it midway) to the stream's first size."""
    import numpy as np
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).resize((shape[1], shape[0]), Image.Resampling.BOX))


def _stills(request: dict[str, Any], reply: Reply) -> None:
    """Send a JPEG, or RGB as models see it, for each wanted time (ascending) or of a picture."""
    from PIL import Image

    from . import picture, video
    from .aspect import pixel_aspect
    from .colour import colour_frame, still_frame

    longest = int(request["longest_side"])
    if request["source"] == "picture":
        with picture.open_picture(request["path"], float(request["max_pixels"])) as image:
            if request["raw"]:
                pixels = picture.picture_colour(image, request["path"], longest)
                _reply_pixels(reply, pixels, 0.0, 0.0)
            else:
                jpeg = picture.upright_jpeg(image, request["path"], longest)
                reply("still", jpeg, wanted=0.0, seconds=0.0)
        return
    beat = _Pulse(reply).beat
    choice = _choice(request)
    with video.open_video(request["path"], request["threads"], beat, choice) as stream:
        aspect = pixel_aspect(stream.video)
        for wanted, item in _at_times(stream, request["seconds"]):
            if request["raw"]:
                pixels = colour_frame(item.frame, longest, aspect)
                _reply_pixels(reply, pixels, wanted, item.seconds)
                continue
            image = Image.fromarray(still_frame(item.frame, longest, aspect))
            reply("still", picture.jpeg(image), wanted=wanted, seconds=item.seconds)


def _reply_pixels(reply: Reply, pixels: Any, wanted: float, seconds: float) -> None:
    height, width = pixels.shape[:2]
    reply("still", pixels.data, wanted=wanted, seconds=seconds, height=height, width=width)


def _at_times(stream: Any, wanted: list[float]) -> Iterator[tuple[float, Any]]:
    """Yield (wanted, the last frame at or before it); where that saves work, it is sought."""
    from . import seek, video

    items = video.decode(stream)
    current, following = None, next(items, None)
    for seconds in sorted(wanted):
        if following is not None and seek.worth_seeking(stream, following.seconds, seconds):
            items = seek.decode_near(stream, seconds)
            current, following = None, next(items, None)
        while following is not None and following.seconds <= seconds + 1e-6:
            current, following = following, next(items, None)
        best = current or following
        if best is not None:
            yield seconds, best


def _clip(request: dict[str, Any], reply: Reply) -> dict[str, Any]:
    from .clip import write_clip

    beat, threads, choice = _Pulse(reply).beat, int(request["threads"]), _choice(request)
    start, end = request["start"], request["end"]
    made = write_clip(request["path"], start, end, request["out"], threads, beat, choice)
    return {"how": made.how, "note": made.note}


OPERATIONS: dict[str, Callable[[dict[str, Any], Reply], dict[str, Any] | None]] = {
    "limit": _limit,
    "probe": _probe,
    "streams": _streams,
    "video": _video,
    "stills": _stills,
    "clip": _clip,
}
