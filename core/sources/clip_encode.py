"""Re-encoding a clip: the same frames at the same times, in the same colours and depth.

Eight bits become H.264, more become HEVC, each with the source's chroma where the encoder has it.
Rotation and pixel aspect stay what they are in the file, colours keep their tags, HDR stays HDR;
only a mirrored picture is mirrored in its pixels, since few players do it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from .clip_sound import SoundTracks, open_series
from .clip_stretch import ClipRange, planes
from .colour_tags import BT709
from .hdr_metadata import x265_parameters
from .orientation import Orientation, orientation
from .video import Decoded, Stream, open_again, packets, seconds_of

if TYPE_CHECKING:
    from av import VideoFrame

_MICROSECONDS = Fraction(1, 1_000_000)
ENCODER_THREADS = 4
"""More gain little at these sizes, and each holds frames that count against limits.memory_mib."""
LEAST_HEVC_SIDE = 64
SRGB = 13
LIMITED, FULL = 1, 2
_EIGHT_BITS = ("libx264", "libopenh264", "mpeg4")
_MORE_BITS = ("libx265", "libx264", *_EIGHT_BITS)
_OPTIONS = {
    "libx264": {"preset": "veryfast", "crf": "18"},
    "libx265": {"preset": "veryfast", "crf": "18"},
    "mpeg4": {"qmin": "2", "qmax": "4"},
}
SOUND_AROUND_SECONDS = 1.0
"""Sound lies within so much of the picture of its time in a file."""


@dataclass(frozen=True, slots=True)
class _Form:
    """What frames are brought to before they are encoded; tags are H.273's numbers."""

    codec: str
    pixels: str
    full: bool
    from_rgb: bool
    tags: tuple[int, int, int]
    """matrix, transfer, primaries"""


def encode(
    stream: Stream, items: Iterator[Decoded], stretch: ClipRange, out: str, notes: list[str]
) -> str:
    """Encode the frames of a stretch into `out`; return the name of what encoded them.

    `notes` is called with what the sound lacks.
    """
    import av

    first = next(items)
    form, turned = _form(first.frame), orientation(first.frame)
    with av.open(out, "w", format="mp4", options={"movflags": "+faststart"}) as opened:
        target: Any = opened
        encoder = _encoder(target, stream, first.frame, form, turned)
        # Sound first: the file's writer holds it until the picture of its time has come.
        with open_again(stream) as beside:
            _write_sound(beside, target, stretch, notes)
        for item in _followed(first, items, stretch):
            frame = _fit(item.frame, encoder, form, turned)
            frame.pts = round((item.seconds - stretch.first_seconds) * 1_000_000)
            frame.time_base = _MICROSECONDS
            target.mux(encoder.encode(frame))
        target.mux(encoder.encode(None))
    return form.codec


def _followed(first: Decoded, rest: Iterator[Decoded], stretch: ClipRange) -> Iterator[Decoded]:
    """Yield as many frames as the stretch has."""
    yield first
    for number, item in enumerate(rest, 2):
        if number > len(stretch.marks):
            return
        yield item


def _write_sound(stream: Stream, target: Any, stretch: ClipRange, notes: list[str]) -> None:
    source: Any = stream.container
    tracks = open_series(stream, target, stretch, notes)
    if not tracks.sources:
        return
    if stretch.one_clock:
        _sought_sound(source, stream, stretch, tracks)
    else:
        _corrected_sound(stream, stretch, tracks)
    tracks.finish()


def _sought_sound(source: Any, stream: Stream, stretch: ClipRange, tracks: SoundTracks) -> None:
    import av

    start = tracks.origin_seconds - 1.0
    if stretch.first_seconds > 1.0:
        try:
            source.seek(int(start * 1_000_000), backward=True)
        except av.error.FFmpegError:
            source.seek(0)
    past: set[int] = set()
    for packet in source.demux(*tracks.sources):
        stream.beat()
        tracks.add(packet)
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None:
            continue
        if float(stamp * packet.time_base) - tracks.origin_seconds > tracks.length_seconds + 1.0:
            past.add(packet.stream.index)
        if len(past) == len(tracks.sources):
            return


def _corrected_sound(stream: Stream, stretch: ClipRange, tracks: SoundTracks) -> None:
    """Take the sound beside the picture's packets, its times corrected as theirs were.

    Where clocks start over, a time alone does not show which part of the file is meant.
    """
    source: Any = stream.container
    corrected = _corrected_times(stream, stretch)
    shift: float | None = None
    left = len(corrected)
    for packet in source.demux(stream.video, *tracks.sources):
        stream.beat()
        if packet.stream is not stream.video:
            if shift is not None:
                tracks.add(packet, shift)
            continue
        if packet.pos in corrected and packet.pts is not None:
            shift = corrected[packet.pos] - float(packet.pts * packet.time_base)
            left -= 1
        if not left:
            return


def _corrected_times(stream: Stream, stretch: ClipRange) -> dict[int, float]:
    """Return position in the file -> corrected time of the packets in and around a stretch.

    Times are the container's, in seconds.
    """
    first = stretch.first_seconds - SOUND_AROUND_SECONDS
    last = stretch.last_seconds + SOUND_AROUND_SECONDS
    found: dict[int, float] = {}
    with open_again(stream) as beside:
        seconds = seconds_of(beside)
        for packet in packets(beside):
            if not packet.size or packet.pts is None or packet.pos is None:
                continue
            at = seconds(packet.pts)
            if first <= at <= last:
                found[packet.pos] = at + beside.origin_seconds
            if at > last + SOUND_AROUND_SECONDS:
                break
    return found


def _form(frame: VideoFrame) -> _Form:
    layout = frame.format
    deep = max(component.bits for component in layout.components) > 8
    from_rgb = layout.is_rgb or layout.has_palette
    pixels = _subsampling(frame, from_rgb) + ("10le" if deep else "")
    small = min(frame.width, frame.height) < LEAST_HEVC_SIDE
    codec, pixels = _encoder_for(_MORE_BITS[small:] if deep else _EIGHT_BITS, pixels)
    tags = int(frame.colorspace), int(frame.color_trc), int(frame.color_primaries)
    if from_rgb:
        tags = BT709, SRGB, BT709
    full = not from_rgb and (int(frame.color_range) == FULL or layout.name.startswith("yuvj"))
    return _Form(codec, pixels, full, from_rgb, tags)


def _subsampling(frame: VideoFrame, from_rgb: bool) -> str:
    layout = frame.format
    if from_rgb:
        # GIFs are RGB to FFmpeg; what was coded as G, B and R keeps its full chroma.
        return "yuv444p" if layout.name.startswith("gbr") else "yuv420p"
    if len(layout.components) < 3 or layout.chroma_height(64) < 64:
        return "yuv420p"
    return "yuv444p" if layout.chroma_width(64) == 64 else "yuv422p"


def _encoder_for(names: tuple[str, ...], pixels: str) -> tuple[str, str]:
    """Return the first encoder this build has, with the pixels nearest to those wanted."""
    import av

    for name in names:
        try:
            known = {each.name for each in av.Codec(name, "w").video_formats or ()}
        except ValueError:  # av.codec.codec.UnknownCodecError: not in this build of FFmpeg
            continue
        for wanted in (pixels, pixels.removesuffix("10le"), "yuv420p"):
            if wanted in known:
                return name, wanted
    raise ValueError("this build of FFmpeg has no encoder for clips; install PyAV's own wheel")


def _encoder(
    target: Any, stream: Stream, frame: VideoFrame, form: _Form, turned: Orientation
) -> Any:
    encoder = target.add_stream(form.codec, rate=stream.video.average_rate or 25)
    encoder.width, encoder.height = _even(frame, form.pixels)
    encoder.pix_fmt = form.pixels
    context = encoder.codec_context
    # MPEG-4 counts time in at most 65,535ths.
    context.time_base = Fraction(1, 60_000) if form.codec == "mpeg4" else _MICROSECONDS
    context.thread_count = ENCODER_THREADS
    context.colorspace, context.color_trc, context.color_primaries = form.tags
    stated = LIMITED if form.from_rgb else int(frame.color_range)
    context.color_range = FULL if form.full else stated
    if stream.video.sample_aspect_ratio:
        context.sample_aspect_ratio = stream.video.sample_aspect_ratio
    if turned.rotation != Orientation():
        encoder.set_display_matrix(turned.rotation.matrix)
    encoder.options = dict(_OPTIONS.get(form.codec, {}))
    if form.codec == "libx265":
        context.codec_tag = "hvc1"
        encoder.options = {**encoder.options, "x265-params": x265_parameters(frame)}
    return encoder


def _even(frame: VideoFrame, pixels: str) -> tuple[int, int]:
    """Return the size that is encoded: what is subsampled must be even, at most a pixel is lost."""
    width, height = frame.width, frame.height
    if "444" not in pixels:
        width = max(width // 2 * 2, 2)
    if "420" in pixels:
        height = max(height // 2 * 2, 2)
    return width, height


def _fit(frame: VideoFrame, encoder: Any, form: _Form, turned: Orientation) -> VideoFrame:
    """Return a frame in the encoder's format, cut to its size, mirrored if the picture is."""
    fitted = _converted(frame, form)
    wanted = (encoder.width, encoder.height)
    if (fitted.width, fitted.height) != (frame.width, frame.height):
        raise ValueError("a frame changed its size while it was converted")
    if turned.mirrored or wanted != (frame.width, frame.height):
        fitted = _redrawn(fitted, *wanted, mirrored=turned.mirrored)
    fitted.pict_type = 0  # the source's choice of keyframes is not the encoder's
    return fitted


def _converted(frame: VideoFrame, form: _Form) -> VideoFrame:
    if form.from_rgb:
        return frame.reformat(format=form.pixels, dst_colorspace="ITU709", dst_color_range=LIMITED)
    # The scaler refuses some matrices even where it has nothing to do with them.
    frame.colorspace = 2
    level = FULL if form.full else LIMITED
    return frame.reformat(format=form.pixels, src_color_range=level, dst_color_range=level)


def _redrawn(frame: VideoFrame, width: int, height: int, *, mirrored: bool) -> VideoFrame:
    import av

    drawn = av.VideoFrame(width, height, frame.format.name)
    for rows, plane in zip(planes(frame), drawn.planes, strict=True):
        kept = rows[: plane.height, : plane.width]
        padded = np.zeros((plane.height, plane.line_size // rows.itemsize), rows.dtype)
        padded[:, : kept.shape[1]] = kept[:, ::-1] if mirrored else kept
        plane.update(padded.tobytes())
    return drawn
