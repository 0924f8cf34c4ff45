"""Cutting a clip without re-encoding: packets from the keyframe before it, hidden up to it.

The packets between the keyframe and the first wanted frame get times before 0; MP4 then holds an
edit list, by which players begin at the wanted frame. That is done where the keyframe lies at most
`MOST_LEAD_SECONDS` before. Whether it came out right is not assumed: the clip is decoded again, and
its frames must be the source's, each at its time; else the clip is re-encoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..system.disk_errors import FULL
from ..text import counted
from .clip_sound import SoundTracks, open_series
from .clip_stretch import ClipRange, Mark, marked
from .clip_trim import end_video_at
from .video import Stream, decode, open_again, open_video

MOST_LEAD_SECONDS = 2.0
"""What is hidden before a copied clip's first frame: more is not worth carrying along."""
MOST_AFTER_FRAMES = 4
"""Frames after the end that frames before it refer to; they are hidden as well."""
COPYABLE = frozenset(("h264", "hevc", "av1", "vp9", "mpeg4"))
"""codecs that players expect in MP4"""
ALIKE_SECONDS = 1e-4
MOST_UNTIMED = 32
INTERLEAVED_SECONDS = 1.0
"""Sound lies within so much of the picture of its time in a file."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """The packets to copy: the time stamp of the keyframe, and how many packets from it on."""

    key_pts: int
    count: int


def refusal(stream: Stream, stretch: ClipRange) -> str:
    """Say why a stretch cannot be copied by what is known so far, or nothing."""
    codec = stream.video.codec_context.codec.canonical_name
    if codec not in COPYABLE:
        return f"{codec} is not supported in MP4"
    if not stretch.one_clock:
        return "its time stamps were repaired"
    if stretch.mirrored:
        return "few players mirror a picture"
    if stream.bad_packets:
        return "it is damaged there"
    return ""


def holds_time(stream: Stream, mark: Mark) -> bool:
    """Return whether a packet of the file has a frame's time stamp, found by going to that time.

    Where recordings were joined, the times of frames are made up, and no packet has them there.
    """
    import av

    if mark.pts is None:
        return False
    try:
        _seek_before(stream, mark.pts)
        for packet in _demuxed(stream):
            if packet.pts == mark.pts:
                return True
            if packet.dts is not None and packet.dts > mark.pts:
                return False
    except av.error.FFmpegError:
        return False
    return False


def copied(stream: Stream, stretch: ClipRange, out: str, notes: list[str]) -> str:
    """Copy a stretch into `out`; return why that is no clip of it, or nothing.

    `notes` is called with what the sound lacks.
    """
    import av

    with open_again(stream, stream.threads) as fresh:
        found = _cut(fresh, stretch)
        if isinstance(found, str):
            return found
        try:
            _copy(fresh, stretch, found, out, notes)
        except (av.error.FFmpegError, ValueError) as error:
            if getattr(error, "errno", None) in FULL:
                raise
            reason = getattr(error, "strerror", None) or str(error)
            return f"it cannot be copied into MP4 ({reason[:80]})"
    return _difference(stream, stretch, out)


def _cut(stream: Stream, stretch: ClipRange) -> _Cut | str:
    """Find what to copy by reading the packets, or say why there is nothing."""
    first, last = stretch.marks[0].pts, _latest(stretch)
    assert first is not None
    _seek_before(stream, first)
    key: int | None = None
    seen = count = after = extra = 0
    found = False
    for packet in _demuxed(stream):
        if packet.pts is None:
            return "its packets have no times"
        if packet.is_keyframe and packet.pts <= first:
            key, seen, after = packet.pts, 0, 0
        seen += 1
        found |= packet.pts == first
        if packet.pts <= last:
            count, extra = seen, after
        else:
            after += 1
        if (packet.pts if packet.dts is None else packet.dts) > last:
            break
    if not found:
        return "its time stamps were repaired"
    if key is None:
        return "no previous keyframe was found"
    return _within_reason(stream, stretch, _Cut(key, count), extra)


def _demuxed(stream: Stream) -> Iterator[Any]:
    """Yield the picture's packets with the file's own time stamps."""
    source: Any = stream.container
    for packet in source.demux(stream.video):
        stream.beat()
        if packet.size:
            yield packet


def _seek_before(stream: Stream, pts: int) -> None:
    """Go to a keyframe well before a time stamp: in transport streams a seek finds any frame."""
    ahead = (MOST_LEAD_SECONDS + INTERLEAVED_SECONDS) / float(stream.video.time_base or 1)
    stream.container.seek(pts - int(ahead), stream=stream.video, backward=True)


def _latest(stretch: ClipRange) -> int:
    return max(mark.pts for mark in stretch.marks if mark.pts is not None)


def _within_reason(stream: Stream, stretch: ClipRange, cut: _Cut, after: int) -> _Cut | str:
    first, base = stretch.marks[0].pts, stream.video.time_base
    lead = float(((first or 0) - cut.key_pts) * base) if base else 0.0
    if lead > MOST_LEAD_SECONDS:
        return f"the previous keyframe is {lead:.1f} s earlier"
    if after > MOST_AFTER_FRAMES:
        return f"its last frames depend on {after} after them"
    return cut


def _copy(stream: Stream, stretch: ClipRange, cut: _Cut, out: str, notes: list[str]) -> None:
    import av

    with av.open(out, "w", format="mp4", options={"movflags": "+faststart"}) as opened:
        target: Any = opened
        video = target.add_stream_from_template(stream.video, opaque=True)
        if stream.video.sample_aspect_ratio:
            video.codec_context.sample_aspect_ratio = stream.video.sample_aspect_ratio
        if stream.video.codec_context.codec.canonical_name == "hevc":
            video.codec_context.codec_tag = "hvc1"  # what Apple's players ask for
        tracks = open_series(stream, target, stretch, notes)
        _seek_before(stream, cut.key_pts)
        for packet in _with_dts(_wanted(stream, stretch, cut, tracks)):
            packet.stream = video
            packet.pts -= stretch.marks[0].pts
            packet.dts -= stretch.marks[0].pts
            target.mux_one(packet)
        tracks.finish()


def _wanted(stream: Stream, stretch: ClipRange, cut: _Cut, tracks: SoundTracks) -> Iterator[Any]:
    """Yield the packets of the picture; those of the sound go into their tracks."""
    source: Any = stream.container
    base = float(stream.video.time_base or 1)
    end = _latest(stretch) + int(INTERLEAVED_SECONDS / base)
    count = 0
    for packet in source.demux(stream.video, *tracks.sources):
        stream.beat()
        if packet.stream is not stream.video:
            tracks.add(packet)
            continue
        if not packet.size or packet.pts is None:
            continue
        over = (packet.pts if packet.dts is None else packet.dts) > end
        if packet.pts == cut.key_pts and packet.is_keyframe:
            count = 1
        elif count:
            count += 1
        # What precedes the keyframe in time refers to frames that are not there (open GOP).
        if 0 < count <= cut.count and packet.pts >= cut.key_pts:
            yield packet
        if over:  # by the packet's own time: muxing changed it
            return


def _with_dts(wanted: Iterator[Any]) -> Iterator[Any]:
    """Give packets without a decoding time (Matroska, right after a seek) one before the next."""
    waiting: list[Any] = []
    for packet in wanted:
        waiting.append(packet)
        if packet.dts is None and len(waiting) < MOST_UNTIMED:
            continue
        due = packet.pts if packet.dts is None else packet.dts
        for place, held in enumerate(waiting):
            held.dts = due - (len(waiting) - 1 - place) * max(packet.duration or 1, 1)
        yield from waiting
        waiting = []


def _difference(stream: Stream, stretch: ClipRange, out: str) -> str:
    """Say in what the clip's frames are not the source's, or nothing; hide those after its end."""
    marks = _marks(stream, out)
    wanted = len(stretch.marks)
    if len(marks) > wanted and end_video_at(out, marks[wanted].seconds):
        marks = _marks(stream, out)
    if not wanted <= len(marks) <= wanted + MOST_AFTER_FRAMES:
        return f"a copy shows {counted(len(marks), 'frame')} instead of {wanted}"
    origin = stretch.first_seconds
    if all(_same(*pair, origin) for pair in zip(marks, stretch.marks, strict=False)):
        return ""
    return "a copy shows other frames"


def _marks(stream: Stream, out: str) -> list[Mark]:
    with open_video(out, stream.threads, stream.beat) as clip:
        return [marked(item) for item in decode(clip)]


def _same(mark: Mark, true: Mark, origin: float) -> bool:
    off = abs(mark.seconds - (true.seconds - origin))
    return off < ALIKE_SECONDS and mark.checksum == true.checksum
